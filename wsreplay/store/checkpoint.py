"""Making one plain file of a recording whose recorder could not: a reader had it open when the recorder ended.

SQLite lets only the last that has a file open take its -wal and -shm away, and not if that only reads.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from wsreplay.errors import RecordingError
from wsreplay.store import lock
from wsreplay.store.paths import database_uri
from wsreplay.store.verify import verify

# Two readers of this process that leave at once would each be in the other's way, and neither would fold.
_folding = threading.Lock()


def settle(path: str | Path) -> bool:
    """Fold the -wal file into the recording, if nobody writes or reads it; whether it is one file now. Raises nothing."""
    wal = Path(f"{os.path.realpath(path)}-wal")
    if not wal.exists():
        return True
    try:
        with _folding, lock.held(path), closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            verify(db, str(path))
            return _fold(db)
    except (sqlite3.Error, OSError, RecordingError):
        return False


def settle_ended(path: Path) -> None:
    """The same for a reader that leaves, where nobody else has the recording open and all its runs have ended; without taking
    the lock of writers, by which others tell that it is being recorded. Of one whose recorder was killed nothing is changed.

    Raises nothing.
    """
    try:
        with _folding:
            if not Path(f"{os.path.realpath(path)}-wal").exists() or lock.is_held(path) or not _has_ended(path):
                return
            with closing(_open(path, "mode=rw")) as db:
                _fold(db)
    except (sqlite3.Error, OSError, ValueError, RecordingError):
        pass


def _has_ended(path: Path) -> bool:
    """Asked by a connection that only reads: one that writes would fold the -wal in when it is closed."""
    with closing(_open(path, "mode=ro")) as db:
        (is_any, is_open) = db.execute("SELECT count(*), count(*) - count(ended_ns) FROM recording").fetchone()
        return bool(is_any) and not is_open


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(database_uri(path, mode), uri=True, isolation_level=None, timeout=0)


def _fold(db: sqlite3.Connection) -> bool:
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return bool(db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete")
