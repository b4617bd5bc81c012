"""A recording that is made at once, of something else: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsreplay.errors import UsageError
from wsreplay.store import lock
from wsreplay.store.paths import reachable
from wsreplay.store.writer import Writer


@contextmanager
def new_recording(path: Path) -> Iterator[Writer]:
    """The writer of a new recording, which is closed at the end, or removed where that is not reached. Nobody else writes it.

    Raises UsageError where the file exists or cannot be made.
    """
    if reachable(path).exists():
        raise UsageError(f"{path} exists: choose another name, or remove it")
    try:
        held = lock.acquire(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        if not held.created:
            raise UsageError(f"{path} exists: choose another name, or remove it")
        writer = Writer(path)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                file.unlink(missing_ok=True)
            raise
    finally:
        held.release()
