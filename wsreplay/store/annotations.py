"""What views add to a recording: marks, and results that are to be kept. Works beside a recorder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from wsreplay.errors import RecordingError
from wsreplay.store import access, lock
from wsreplay.store.errors import readable
from wsreplay.store.verify import verify
from wsreplay.store.writer import INSERT_FINDING, INSERT_MARK

_MARK_PATIENCE_S = 1.0  # with a program that has locked the file; a recorder holds it for milliseconds
_SAVE_PATIENCE_S = 5.0


def change_mark(path: str | Path, mark_id: int | None, t_ns: int, note: str, frame_id: int | None = None) -> None:
    """Put a mark, at a time or on a frame, in place of another, or of none; an empty note takes that away only.

    Either all of it is done or nothing. Raises RecordingError where the file cannot be written.
    """
    with _writing(path) as db:
        if mark_id is not None:
            db.execute("DELETE FROM mark WHERE id = ?", (mark_id,))
        if note:
            db.execute(INSERT_MARK, (t_ns, frame_id, note))


def save_findings(path: str | Path, contract: str, contract_digest: str, findings: Sequence[dict[str, Any]]) -> None:
    """Keep the findings of one contract, in place of those kept before for the same digest."""
    rows = [(contract, contract_digest, orjson.dumps(finding).decode()) for finding in findings]
    with _writing(path, _SAVE_PATIENCE_S) as db:
        db.execute("DELETE FROM finding WHERE contract_digest = ?", (contract_digest,))
        db.executemany(INSERT_FINDING, rows)


@contextmanager
def _writing(path: str | Path, patience_s: float = _MARK_PATIENCE_S) -> Iterator[sqlite3.Connection]:
    access.check_file(Path(path))
    lock.check_name(path)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=patience_s)) as db:
            verify(db, str(path))
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
            raise RecordingError(f"{path} is read-only: copy it and try again on the copy") from error
        raise readable(error, path, "written") from error
    except sqlite3.Error as error:
        raise readable(error, path, "written") from error
