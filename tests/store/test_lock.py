from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from recordings import small, write_locked
from wsreplay.errors import RecordingError, RecordingInUse
from wsreplay.store import lock
from wsreplay.store.annotations import change_mark
from wsreplay.store.checkpoint import settle
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert not lock.is_held(path)
    held = lock.acquire(path)
    assert lock.is_held(path)
    with pytest.raises(RecordingInUse) as raised:
        lock.acquire(path)
    assert str(raised.value) == (
        f"{path} is being written by another recorder (process {os.getpid()}): stop it, or choose another file with -o"
    )
    assert raised.value.exit_code == 2
    held.release()
    assert not lock.is_held(path)
    assert list(tmp_path.iterdir()) == []


def _symlink(path: Path, name: Path) -> None:
    name.symlink_to(path)


NAMES = pytest.mark.parametrize("link", [_symlink, lambda path, name: name.hardlink_to(path)], ids=["symlink", "hard link"])


@NAMES
@pytest.mark.parametrize("linked", ["before", "after"])
def test_a_file_with_two_names_has_one_writer(tmp_path: Path, link: Callable[[Path, Path], None], linked: str) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path, name = tmp_path / "a.db", folder / "b.db"
    small(path)
    if linked == "before":
        link(path, name)
    for first, second in ((path, name), (name, path)):
        with lock.held(first) as held:
            if not name.exists():
                link(path, name)
            assert lock.is_held(second)
            with pytest.raises(RecordingInUse, match=rf"process {os.getpid()}") as raised:
                lock.acquire(second)
            if held.path != Path(os.path.realpath(second)):
                assert str(held.path) in str(raised.value), "the other name is told"
        assert not lock.is_held(second)


def test_a_recording_that_is_moved_stays_locked(tmp_path: Path) -> None:
    path, moved = tmp_path / "a.db", tmp_path / "b.db"
    small(path)
    with lock.held(path):
        path.rename(moved)
        assert lock.is_held(moved)
        with pytest.raises(RecordingInUse, match=rf"as {path}"):
            lock.acquire(moved)
    lock.acquire(moved).release()
    assert [file.name for file in tmp_path.iterdir()] == ["b.db"]


def test_the_lock_goes_with_a_recording_that_its_recorder_finds_elsewhere(tmp_path: Path) -> None:
    path, moved = tmp_path / "a.db", tmp_path / "b.db"
    small(path)
    held = lock.acquire(path)
    path.rename(moved)
    held = held.moved(moved)
    with pytest.raises(RecordingInUse) as raised:
        lock.acquire(moved)
    assert f"(process {os.getpid()})" in str(raised.value)
    lock.acquire(path).release()  # the old name is free
    held.release()
    assert [file.name for file in tmp_path.iterdir()] == ["b.db"]


def test_another_name_is_not_used_while_only_the_first_shows_what_was_recorded_last(tmp_path: Path) -> None:
    path, name = tmp_path / "a.db", tmp_path / "b.db"
    small(path)
    name.hardlink_to(path)
    code = (
        "import os, sys; from wsreplay.store import lock; from wsreplay.store.writer import Writer; lock.acquire(sys.argv[1]);"
        "writer = Writer(sys.argv[1]); writer.add_mark(1, 'in the -wal'); writer.commit(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    for use in (lock.acquire, Recording.open, lambda name: change_mark(name, None, 1, "note")):
        with pytest.raises(RecordingError, match=rf"b\.db is another name \(a hard link\) of {path}"):
            use(name)
    assert settle(path)
    with Recording.open(name) as recording:
        assert [mark.note for mark in recording.marks()] == ["in the -wal"]
    change_mark(name, None, 1, "note")


def test_a_mark_is_not_made_under_another_name_than_the_recorders(tmp_path: Path) -> None:
    path, name = tmp_path / "a.db", tmp_path / "b.db"
    small(path)
    name.hardlink_to(path)
    with lock.held(path):
        change_mark(path, None, 1, "beside the recorder")
        with pytest.raises(RecordingError, match="another name"):
            change_mark(name, None, 1, "note")


def test_links_are_not_trusted_where_nobody_can_tell_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = tmp_path / "tmp"
    (folders / f"wsreplay-{os.getuid()}").mkdir(parents=True)
    (folders / f"wsreplay-{os.getuid()}").chmod(0o777)
    monkeypatch.setattr(lock, "_FOLDERS", folders)
    path = tmp_path / "a.db"
    small(path)
    with lock.held(path):
        assert lock.is_held(path)
    (tmp_path / "b.db").hardlink_to(path)
    with pytest.raises(RecordingError, match="record into a copy"):
        lock.acquire(path)


@pytest.mark.parametrize("text", [b"", b"{", b'{"file": "/etc/passwd", "pid": 1, "path": "/x"}'])
def test_a_lock_file_that_nobody_holds_is_taken(tmp_path: Path, text: bytes) -> None:
    lock.lock_path(tmp_path / "a.db").write_bytes(text)
    lock.acquire(tmp_path / "a.db").release()
    assert list(tmp_path.iterdir()) == []


def test_it_lives_as_long_as_either_process(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    held = lock.acquire(path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=held.descriptors)
    for descriptor in held.descriptors:
        os.close(descriptor)
    assert lock.is_held(path)
    child.communicate(b"\n")
    assert not lock.is_held(path)


def test_asking_never_stands_in_a_recorders_way(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    small(path)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            lock.is_held(path)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(50):
            lock.acquire(path).release()
    finally:
        over.set()
        for thread in asking:
            thread.join()


def test_a_released_lock_does_not_take_its_successors_file_away(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = lock.acquire(path)
    lock.lock_path(path).unlink()
    path.unlink()
    second = lock.acquire(path)
    first.release()
    assert lock.is_held(path)
    second.release()


def test_a_lock_that_is_kept_fresh_has_no_old_files(tmp_path: Path) -> None:
    with lock.held(tmp_path / "a.db") as held:
        for descriptor in held.descriptors:
            os.utime(descriptor, (0, 0))
        held.keep_fresh()
        assert all(os.fstat(descriptor).st_mtime > 0 for descriptor in held.descriptors)


def test_locking_takes_no_lock_of_sqlites_away(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    small(path)
    writer = Writer(path)
    with write_locked(path):
        lock.acquire(path).release()
        lock.is_held(path)
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        assert "database is locked" in other.stderr
    writer.close()
