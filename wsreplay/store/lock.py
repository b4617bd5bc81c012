"""One recorder per file, and a way to see that one is at work.

The lock is a flock(2) on a file beside the recording, not on the recording: closing any descriptor of a SQLite file drops the
POSIX locks SQLite holds on it. The descriptor is shared by the relay and the recorder, so the lock lives as long as either.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from wsreplay.errors import RecordingInUse


def lock_path(recording: str | Path) -> Path:
    return Path(f"{recording}-lock")


def acquire(recording: str | Path) -> int:
    """Take the write lock of a recording and return its descriptor. Raises RecordingInUse."""
    descriptor = os.open(lock_path(recording), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise RecordingInUse(
            f"{recording} is being written by another recorder: stop it, or choose another file with -o"
        ) from None
    return descriptor


def release(recording: str | Path, descriptor: int) -> None:
    """Give the lock back and remove its file."""
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
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
