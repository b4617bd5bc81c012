"""What can be read of a damaged recording, copied into a new one.

Damage shows where a page is read. Rows are read in order; behind a page that cannot be read, from where the next one can. Ids
of frames are dense, so that it is known where some are missing. A first page that is gone is the least harm: it holds the
schema, which is ours, and is put there anew, in a copy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsreplay.errors import RecordingError
from wsreplay.files import PrivateFolder, copy_privately
from wsreplay.model import Ending
from wsreplay.store import schema
from wsreplay.store.paths import database_uri
from wsreplay.store.verify import check_tables, row_damage
from wsreplay.store.writer import PAGE_SIZE, SMALL_PAGE, Writer

BATCH_BYTES = 8 * 2**20
ROW_BYTES = 200  # what one costs besides its blobs
# The highest number that a row can have: behind it there is nothing to look for.
_LAST_ROW = 2**63 - 1
# Where the first page says how many pages there are, and how many times it was changed, twice (SQLite file format, 1.3).
_CHANGES, _PAGES, _FREE_PAGES, _VALID_FOR = slice(24, 28), slice(28, 32), slice(32, 40), slice(92, 96)
_WAYS = "(SELECT 0 AS direction UNION SELECT 1) AS way"
_PAGE_SIZES = (PAGE_SIZE, SMALL_PAGE)


@dataclass(frozen=True)
class Hole:
    """Frames that cannot be read: those between two ids; `before` is None where none behind them can be read either."""

    after: int
    before: int | None


@dataclass
class Salvaged:
    """`tables` are those of which rows are lost, `holes` where frames are missing."""

    tables: set[str] = field(default_factory=set)
    holes: list[Hole] = field(default_factory=list)
    runs: set[int] = field(default_factory=set)  # those that are there
    reached_ns: int = 0  # how far they come on the time axis


def copy_readable(damaged: Path, writer: Writer) -> Salvaged:
    """Copy the rows that can be read. The runs are left in the writer's batch: where one is in the file, all is.

    Raises what a commit raises.
    """
    salvaged = Salvaged(set(schema.TABLES))
    with ExitStack() as stack:
        db = _open(damaged, stack)
        if db is None:
            return salvaged
        salvaged.tables.clear()
        for table in (*schema.TABLES[1:], schema.TABLES[0]):
            _copy_table(db, table, writer, salvaged)
    return salvaged


def _open(path: Path, stack: ExitStack) -> sqlite3.Connection | None:
    """The file as it is, or a copy with a new first page; None where nothing in it can be read."""
    uri = database_uri(path, "mode=ro")
    for address in (uri, f"{uri}&immutable=1"):
        if (db := _usable(address, path)) is not None:
            return stack.enter_context(closing(db))
    for page_size in _PAGE_SIZES:
        with suppress(OSError):
            folder = stack.enter_context(PrivateFolder(path.parent))
            copy = _with_new_first_page(path, folder.path, page_size)
            if (db := _usable(database_uri(copy, "mode=rw"), copy)) is not None:
                return stack.enter_context(closing(db))
    return None


def _usable(uri: str, path: Path) -> sqlite3.Connection | None:
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
    except sqlite3.Error:
        return None
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA cell_size_check = ON")
        check_tables(db, str(path), schema.version_of(db, str(path)))
        return db
    except (sqlite3.Error, RecordingError):
        db.close()
        return None


def _with_new_first_page(path: Path, folder: Path, page_size: int) -> Path:
    """A copy that begins as a new recording does: the schema's tables have their first pages at the same places in each."""
    copy, fresh = folder / path.name, folder / f"fresh-{page_size}.db"
    copy_privately(path, copy)
    with suppress(FileNotFoundError):
        copy_privately(Path(f"{path}-wal"), Path(f"{copy}-wal"))
    Writer(fresh, page_size=page_size).abandon()
    with fresh.open("rb") as file:
        page = bytearray(file.read(page_size))
    page[_PAGES] = (copy.stat().st_size // page_size).to_bytes(4, "big")
    page[_FREE_PAGES] = bytes(8)
    page[_VALID_FOR] = page[_CHANGES]
    with copy.open("r+b") as file:
        file.write(page)
    return copy


def _copy_table(db: sqlite3.Connection, table: str, writer: Writer, salvaged: Salvaged) -> None:
    names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    columns = ", ".join(names)
    select = f"SELECT rowid, ({row_damage(db, table)}), {columns} FROM {table} WHERE rowid > ? AND rowid < ? ORDER BY rowid"
    insert = f"INSERT OR REPLACE INTO {table} (rowid, {columns}) VALUES (?{', ?' * len(names)})"
    reached, size = 0, 0
    for rowid, damaged, *values in _rows(db, select, table, salvaged):
        if damaged:
            salvaged.tables.add(table)
            continue
        if table == "frame" and rowid > reached + 1:
            salvaged.holes.append(Hole(reached, rowid))
        reached = rowid
        writer.add(insert, (rowid, *values))
        if table == "recording":
            salvaged.runs.add(rowid)
            salvaged.reached_ns = max(salvaged.reached_ns, values[names.index("reached_ns")])
        size += ROW_BYTES + sum(len(value) for value in values if isinstance(value, bytes))
        if size >= BATCH_BYTES:
            size = 0
            writer.commit()
    if table != "recording":
        writer.commit()


def _rows(db: sqlite3.Connection, select: str, table: str, salvaged: Salvaged) -> Iterator[tuple[Any, ...]]:
    """All rows that can be read, in order. Behind a damaged page the next one is looked for in steps that double."""
    reached, start, step = 0, 0, 1
    while True:
        try:
            for row in db.execute(select, (start, _LAST_ROW)):
                if start > reached:
                    yield from _rows_before(db, select, reached, row[0])
                yield row
                reached = start = row[0]
                step = 1
            if start > reached:
                yield from _rows_before(db, select, reached, _LAST_ROW)
            return
        except sqlite3.DatabaseError:
            salvaged.tables.add(table)
        if start > _LAST_ROW - step:
            if table == "frame":
                salvaged.holes.append(Hole(reached, None))
            return
        start, step = start + step, 2 * step


def _rows_before(db: sqlite3.Connection, select: str, after: int, before: int) -> list[tuple[Any, ...]]:
    """What the last step went too far over: rows from the other end up to the damaged page, in order."""
    rows = []
    with suppress(sqlite3.DatabaseError):
        for row in db.execute(f"{select} DESC", (after, before)):
            rows.append(row)  # noqa: PERF402 - those before the error count
    return rows[::-1]


def note_losses(writer: Writer, run_id: int, salvaged: Salvaged, lost: str, unread: str) -> None:
    """Put gaps where rows are missing: `lost` is the reason of those where frames may have been.

    Of a run's open connections it may be unknown where in their streams they are: what comes passes `unread`.
    """
    for hole in salvaged.holes:
        writer.add(
            f"INSERT INTO gap SELECT connection.id, way.direction, ?, ?, 0 FROM connection, {_WAYS} WHERE"
            " opened_ns <= (SELECT coalesce(min(t_ns), 9e18) FROM frame WHERE id > ?)"
            " AND coalesce(closed_ns, 9e18) >= (SELECT coalesce(max(t_ns), 0) FROM frame WHERE id <= ?)",
            (hole.after, lost, hole.after, hole.after),
        )
    if salvaged.tables & {"tail", "connection"}:
        known = _LAST_ROW
    elif salvaged.holes:
        known = max(hole.after for hole in salvaged.holes)
    else:
        return
    writer.add(
        f"INSERT INTO gap SELECT connection.id, way.direction, min(?, (SELECT coalesce(max(id), 0) FROM frame)), ?, 0"
        f" FROM connection, {_WAYS} WHERE recording_id = ? AND ending = ? AND NOT EXISTS"
        " (SELECT 1 FROM frame WHERE connection_id = connection.id AND frame.direction = way.direction AND frame.id > ?)",
        (known, unread, run_id, str(Ending.OPEN), known),
    )
