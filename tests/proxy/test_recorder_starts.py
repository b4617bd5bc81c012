"""A recorder that cannot be started, or whose file is moved while it starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rawpeers
from client_at_work import Run, Told, payloads, recorder_pid, recording, until

from wsreplay.errors import RecordingError
from wsreplay.proxy.spawned_recorder import COMMAND


class Program:
    """What runs recorders. It can be hidden, or replaced by one that ends at once."""

    def __init__(self, folder: Path) -> None:
        self.path, self._hidden, self._attempts = folder / "python", folder / "hidden", folder / "attempts"
        folder.mkdir()
        self.path.symlink_to(sys.executable)
        self.command = (str(self.path), *COMMAND[1:])

    def hide(self) -> None:
        self.path.rename(self._hidden)

    def replace_by_one_that_fails(self) -> None:
        self.hide()
        self.path.write_text(f"#!/bin/sh\necho >>{self._attempts}\nexit 1\n")
        self.path.chmod(0o700)

    def restore(self) -> None:
        self._hidden.rename(self.path)

    @property
    def attempts(self) -> int:
        return len(self._attempts.read_text()) if self._attempts.exists() else 0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Program(tmp_path / "bin")


def test_a_recorder_that_cannot_be_executed_is_started_once_it_can(tmp_path: Path, program: Program, run: Run) -> None:
    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told, program.command) as client:
            await until(lambda: not client.uncommitted)
            program.hide()
            os.kill(recorder_pid(client), signal.SIGKILL)
            await until(lambda: told.count("cannot be started: [Errno 2] No such file or directory"))
            assert not client.chunk(1, 0, rawpeers.frame(1, b"waits"))
            program.restore()
            await until(lambda: told.count("resumed"))

    run(main())
    assert payloads(tmp_path / "a.db") == [b"waits"]


def test_where_the_first_recorder_cannot_be_executed_the_start_says_so_and_leaves_nothing(tmp_path: Path, run: Run) -> None:
    async def main() -> None:
        async with recording(tmp_path / "a.db", Told(), (str(tmp_path / "none"),)):
            pass

    with pytest.raises(RecordingError, match=r"the recorder cannot be started: \[Errno 2\] No such file or directory"):
        run(main())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="files are held by O_PATH")
@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.rename(path.with_name("moved.db"))], ids=["gone", "moved"])
def test_files_are_brought_together_once_however_often_a_recorder_cannot_be_started(
    change: Callable[[Path], None], tmp_path: Path, program: Program, run: Run
) -> None:
    path = tmp_path / "a.db"

    async def main() -> None:
        told = Told()
        async with recording(path, told, program.command) as client:
            client.chunk(1, 0, rawpeers.frame(1, b"before"))
            await until(lambda: not client.uncommitted)
            program.replace_by_one_that_fails()
            change(path)
            client.check_files()
            client.chunk(1, 0, rawpeers.frame(1, b"after"))
            await until(lambda: program.attempts == 3)
            program.restore()
            await until(lambda: not client.uncommitted)
        assert told.count("is now") == 1

    run(main())
    (file,) = tmp_path.glob("*.db")
    assert file.name == ("a-2.db" if change is Path.unlink else "moved.db")
    assert payloads(file) == [b"before", b"after"]


@pytest.mark.skipif(sys.platform != "linux", reason="files are held by O_PATH")
def test_a_recording_that_is_moved_while_its_recorder_starts_is_found(tmp_path: Path) -> None:
    """Between the moment at which the recorder opens it and the moment at which it says that it is ready."""
    path = tmp_path / "a.db"

    async def main() -> None:
        told = Told()
        async with recording(path, told) as client:
            client.chunk(1, 0, rawpeers.frame(1, b"before"))
            await until(lambda: not client.uncommitted)
            os.kill(recorder_pid(client), signal.SIGKILL)
            hold, moved = client._files.hold, tmp_path / "moved.db"

            def hold_late() -> None:
                client._files.hold = hold  # type: ignore[method-assign]
                path.rename(moved)
                hold()

            client._files.hold = hold_late  # type: ignore[method-assign]
            await until(lambda: told.count("restarted"))
            client.check_files()
            await until(lambda: told.count("a.db is now moved.db"))
            client.chunk(1, 0, rawpeers.frame(1, b"after"))

    asyncio.run(main())
    assert payloads(tmp_path / "moved.db") == [b"before", b"after"]
    assert not path.exists()
