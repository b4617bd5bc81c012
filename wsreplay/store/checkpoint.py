"""Making one plain file of a recording whose recorder could not: a reader had it open when the recorder ended."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from wsreplay.errors import RecordingError
from wsreplay.store import lock
from wsreplay.store.verify import verify


def settle(path: str | Path) -> bool:
    """Fold the -wal file into the recording, if nobody writes or reads it; whether it is one file now. Raises nothing."""
    wal = Path(f"{os.path.realpath(path)}-wal")
    if not wal.exists():
        return True
    try:
        with lock.held(path), closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            verify(db, str(path))
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] == "delete")
    except (sqlite3.Error, OSError, RecordingError):
        return False
