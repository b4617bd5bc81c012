"""Files that are written whole, or not at all."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.tui.session import export


def test_a_file_has_its_name_only_when_it_is_whole(chat_recording, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    program = f"""
import threading, time
from pathlib import Path
from wsreplay.tui.session import export
wrote = threading.Event()
def forever(reader, connections):
    yield b"{{}}" * 100_000
    wrote.set()
    time.sleep(60)
export.export = forever
arguments = Path({str(chat_recording)!r}), Path({str(folder / "x.jsonl")!r}), None, None
threading.Thread(target=export.write, args=arguments, kwargs={{"cut_out": False}}, daemon=True).start()
wrote.wait(30)
print([file.name for file in Path({str(folder)!r}).iterdir() if not file.name.startswith(".")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n" and not list(folder.iterdir())
    (folder / "x.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="exists: choose another name"):
        export.write(chat_recording, folder / "x.jsonl", None, None, cut_out=False)
    assert (folder / "x.jsonl").read_text() == "mine" and len(list(folder.iterdir())) == 1


def test_without_links_too_a_file_that_came_meanwhile_is_not_written_over(chat_recording, tmp_path, monkeypatch):
    def refuse(_path: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    out = tmp_path / "out" / "x.jsonl"
    out.parent.mkdir()
    export.write(chat_recording, out, None, None, cut_out=False)
    assert out.read_text()
    out.write_text("mine")
    with pytest.raises(UsageError, match="exists: choose another name"):
        export.write(chat_recording, out, None, None, cut_out=False)
    assert out.read_text() == "mine"
    out.unlink()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UsageError, match="cannot be written"):
        export.write(chat_recording, out, None, None, cut_out=False)
    assert not list(out.parent.iterdir())
