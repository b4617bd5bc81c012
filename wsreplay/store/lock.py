"""One recorder per file, and a way to see that one is at work.

The lock is a flock(2) on a file beside the recording, not on the recording: closing any descriptor of a SQLite file drops the
POSIX locks SQLite holds on it. The descriptor is shared by the relay and the recorder, so the lock lives as long as either.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from wsreplay.errors import RecordingInUse

# Whoever asks `is_held` holds a shared lock for a moment.
_PATIENCE_S = 0.5


def lock_path(recording: str | Path) -> Path:
    return Path(f"{recording}-lock")


def acquire(recording: str | Path) -> int:
    """Take the write lock of a recording and return its descriptor. Raises RecordingInUse, or OSError."""
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        descriptor = os.open(lock_path(recording), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(recording, descriptor):
                return descriptor
        except BlockingIOError:
            if time.monotonic() > give_up:
                os.close(descriptor)
                raise RecordingInUse(
                    f"{recording} is being written by another recorder: stop it, or choose another file with -o"
                ) from None
        os.close(descriptor)
        time.sleep(0.01)


def _is_there(recording: str | Path, descriptor: int) -> bool:
    """Whether the locked file is still the one with the name: its last holder removes it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock_path(recording).stat())
    except FileNotFoundError:
        return False


def release(recording: str | Path, descriptor: int) -> None:
    """Give the lock back and remove its file, if nobody else has done it."""
    if _is_there(recording, descriptor):
        lock_path(recording).unlink(missing_ok=True)
    os.close(descriptor)


def is_held(recording: str | Path) -> bool:
    """Whether a recorder writes this recording now."""
    try:
        descriptor = os.open(lock_path(recording), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
