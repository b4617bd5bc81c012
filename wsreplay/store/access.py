"""Opening a recording for reading, wherever it lies and whoever writes it.

A recording that grows, or that was killed, has a -wal file beside it. In a folder that cannot be written SQLite refuses such a
pair, and `immutable=1` would silently show old rows: the pair is copied and the copy is opened.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import tempfile
from pathlib import Path

from wsreplay.errors import NotARecording, RecordingError, UsageError
from wsreplay.files import PrivateFolder, copy_privately
from wsreplay.remote import fetch, shown, url_of
from wsreplay.store import lock
from wsreplay.store.errors import readable
from wsreplay.store.paths import database_uri
from wsreplay.store.verify import verify

PATIENCE_S = 5.0  # with a program that has locked the file


def connect(path: Path, patience_s: float = PATIENCE_S) -> tuple[sqlite3.Connection, PrivateFolder | None]:
    """A read-only connection, and the folder of the copy if one had to be made: so of what lies elsewhere.

    Raises UsageError or RecordingError.
    """
    if url_of(path) is not None:
        return _connect_elsewhere(path, patience_s)
    check_file(path)
    lock.check_name(path)
    try:
        return _connect(path, "mode=ro", patience_s), None
    except sqlite3.OperationalError as error:
        if (error.sqlite_errorcode & 0xFF) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise readable(error, path) from error
    except sqlite3.Error as error:
        raise readable(error, path) from error
    try:
        if not has_wal(path):
            return _connect(path, "mode=ro&immutable=1", patience_s), None
        folder = PrivateFolder(tempfile.gettempdir())
        try:
            copy = folder.path / path.name
            copy_privately(path, copy)
            copy_privately(f"{os.path.realpath(path)}-wal", Path(f"{copy}-wal"))
            return _connect(copy, "mode=ro", patience_s), folder
        except BaseException:
            folder.close()
            raise
    except sqlite3.Error as error:
        raise readable(error, path) from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error


def _connect_elsewhere(path: Path, patience_s: float) -> tuple[sqlite3.Connection, PrivateFolder]:
    folder = PrivateFolder(tempfile.gettempdir())
    try:
        return _connect(fetch(path, folder.path), "mode=ro", patience_s, shown(path)), folder
    except sqlite3.Error as error:
        folder.close()
        raise readable(error, shown(path)) from error
    except BaseException:
        folder.close()
        raise


def has_wal(path: Path) -> bool:
    """Whether there is a -wal file beside a recording, with something in it."""
    try:
        return Path(f"{os.path.realpath(path)}-wal").stat().st_size > 0
    except (OSError, ValueError):  # also where its name would be too long
        return False


def is_without_wal(db: sqlite3.Connection) -> bool:
    """Whether a file that has no -wal beside it had one when it was last written to, and no recorder ended it.

    It was copied without it, or it was killed and another program has folded the -wal into it since.
    """
    try:
        (mode,) = db.execute("PRAGMA journal_mode").fetchone()
        return mode == "wal" and db.execute("SELECT 1 FROM recording WHERE ended_ns IS NULL").fetchone() is not None
    except sqlite3.Error:  # locked by now
        return False


def check_file(path: Path) -> None:
    """Say what is wrong with a path before SQLite says it worse. Raises UsageError or RecordingError.

    The file is not opened here: when a process closes any descriptor of a file, it loses all its POSIX locks on it. Another
    connection of this process would then lose the lock that keeps a writer from replacing the WAL under it.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, ValueError):  # a name that no file can have
        raise UsageError(f"{path}: no such file. `wsreplay ls` lists the recordings") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path} is a folder, not a recording. `wsreplay ls {path}` lists the recordings in it")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is a pipe or a device, not a recording. `wsreplay import -` reads a stream of JSON lines")
    if not os.access(path, os.R_OK):
        raise RecordingError(f"{path} cannot be read: {os.strerror(errno.EACCES)}")
    if status.st_size == 0:
        raise NotARecording(f"{path} is empty: nothing was recorded into it")


def _connect(path: Path, parameters: str, patience_s: float, name: str | None = None) -> sqlite3.Connection:
    uri = database_uri(path, parameters)
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=patience_s, check_same_thread=False)
    try:
        # Makes SQLite open the -wal too, at once, where a failure can still be answered with a copy.
        verify(db, name or str(path))
    except BaseException:
        db.close()
        raise
    return db
