from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.files import PREFIX, PrivateFolder, new_file, write_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("replace", [True, False])
def test_a_new_file_is_its_owners_alone_and_there_when_it_is_whole(tmp_path: Path, replace: bool) -> None:
    out = tmp_path / "out"
    with new_file(out, replace=replace) as half:
        half.write_bytes(b"whole")
        assert not out.exists()
        assert mode(half.parent) == 0o700
    assert (out.read_bytes(), mode(out)) == (b"whole", 0o600)
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_nothing_and_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"as it was")
    for name in ("new", "old"):
        with pytest.raises(error), new_file(tmp_path / name, replace=True) as half:
            half.write_bytes(b"half")
            raise error
    assert names(tmp_path) == ["old"]
    assert old.read_bytes() == b"as it was"


def test_a_file_that_is_there_keeps_its_permissions_or_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"before")
    out.chmod(0o640)
    write_file(out, b"after")
    assert (out.read_bytes(), mode(out)) == (b"after", 0o640)
    with pytest.raises(UsageError, match=r"out exists: choose another name"), new_file(out, replace=False) as half:
        half.write_bytes(b"another")
    assert out.read_bytes() == b"after"
    assert names(tmp_path) == ["out"]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with new_file(tmp_path / "out", replace=False) as half:
        half.write_bytes(b"whole")
    assert ((tmp_path / "out").read_bytes(), mode(tmp_path / "out")) == (b"whole", 0o600)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    write_file(link, b"text")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"text"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(UsageError, match="loop cannot be written"):
        write_file(loop, b"text")


def test_a_pipe_gets_its_bytes_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_file(tmp_path / "pipe", b"text")
    reader.join(10)
    assert read == [b"text"]
    write_file(Path("/dev/null"), b"text")
    assert names(tmp_path) == ["pipe"]


def test_where_nothing_can_be_written_the_error_says_where(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere" / "out", tmp_path, Path("/proc/out")):
        with pytest.raises(UsageError, match=f"{place} cannot be written: "):
            write_file(place, b"text")


HOLD = """
import sys
from pathlib import Path
from wsreplay.files import new_file
with new_file(Path(sys.argv[1]), replace=True) as half:
    half.write_bytes(b"half")
    print("half", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_goes_with_the_next_file_and_what_a_live_one_writes_stays(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / f"{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait(10)
    assert len(names(tmp_path)) == 2
    (tmp_path / f"{PREFIX}file").touch()  # somebody else's
    write_file(tmp_path / "next", b"")
    assert len([name for name in names(tmp_path) if (tmp_path / name).is_dir()]) == 1
    writers[1].communicate(b"", 10)
    assert names(tmp_path) == [f"{PREFIX}file", "1", "next"]
    assert (tmp_path / "1").read_bytes() == b"half"
    writers[0].communicate()


def test_many_at_once_do_not_take_each_others_folders(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(30):
            with PrivateFolder(tmp_path) as folder:
                (folder.path / "file").write_text(str(number))
                assert (folder.path / "file").read_text() == str(number)
            done.append(number)

    done: list[int] = []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 120
    assert names(tmp_path) == []
