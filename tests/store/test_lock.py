from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wsreplay.errors import RecordingInUse
from wsreplay.store import lock


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert not lock.is_held(path)
    descriptor = lock.acquire(path)
    assert lock.is_held(path)
    with pytest.raises(RecordingInUse, match="another recorder") as raised:
        lock.acquire(path)
    assert raised.value.exit_code == 2
    lock.release(path, descriptor)
    assert not lock.is_held(path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_nobody_holds_is_taken(tmp_path: Path) -> None:
    lock.lock_path(tmp_path / "a.db").touch()
    lock.release(tmp_path / "a.db", lock.acquire(tmp_path / "a.db"))


def test_it_lives_as_long_as_either_process(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    descriptor = lock.acquire(path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    os.close(descriptor)
    assert lock.is_held(path)
    child.communicate(b"\n")
    assert not lock.is_held(path)


def test_asking_never_stands_in_a_recorders_way(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    lock.lock_path(path).touch()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            lock.is_held(path)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(50):
            lock.release(path, lock.acquire(path))
    finally:
        over.set()
        for thread in asking:
            thread.join()


def test_a_released_lock_does_not_take_its_successors_file_away(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = lock.acquire(path)
    lock.lock_path(path).unlink()
    second = lock.acquire(path)
    lock.release(path, first)
    assert lock.is_held(path)
    lock.release(path, second)
