"""A recording that is made at once, of something else: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsreplay.errors import RecordingError, UsageError
from wsreplay.files import new_file
from wsreplay.store.checkpoint import settle
from wsreplay.store.paths import reachable
from wsreplay.store.writer import Writer, WriteStalled


@contextmanager
def new_recording(path: Path) -> Iterator[Writer]:
    """A writer of a recording that becomes `path` when the block ends well. It is closed here.

    Raises UsageError where `path` exists or cannot be written, RecordingError where the disk is full.
    """
    if reachable(path).exists():
        raise UsageError(f"{path} exists: choose another name, or remove it")
    with new_file(path, replace=False) as half:
        writer = Writer(half, shown=path)
        try:
            yield writer
            writer.close()
        except WriteStalled as error:
            writer.abandon()
            raise RecordingError(f"{path} cannot be written: {error}") from error
        except BaseException:
            writer.abandon()
            raise
        if not settle(half):
            raise RecordingError(f"{path} cannot be written: not enough space on the disk")
