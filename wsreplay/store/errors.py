"""What SQLite's errors mean to a user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsreplay.errors import CorruptRecording, NotARecording, RecordingError


def is_damage(error: sqlite3.Error) -> bool:
    """Whether it says that the file itself is not as SQLite has written it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def readable(error: sqlite3.Error, path: str | Path, doing: str = "read") -> RecordingError:
    """The error of ours that says the same; `doing` is what was being done: read or written."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_NOTADB:
        return NotARecording(f"{path} is not a recording (not an SQLite file). `wsreplay import` reads other formats")
    if code is not None and code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return CorruptRecording(f"{path} is damaged: {error}. `sqlite3 {path} .recover` may save what is left")
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RecordingError(f"{path} is locked by another program: close it there and try again")
    if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
        return RecordingError(f"{path} cannot be written: the disk is full")
    if "no such table" in str(error) or "no such column" in str(error):
        return CorruptRecording(f"{path} is damaged: {error}")
    return RecordingError(f"{path} cannot be {doing}: {error}")


@contextmanager
def sound(path: str | Path, what: str) -> Iterator[None]:
    """What is read within is as the schema says, or CorruptRecording tells what is not."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise CorruptRecording(f"{path} is damaged: {what}: {error}") from error
