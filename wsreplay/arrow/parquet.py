"""Folders of Parquet files: one a table, by day and recording; and back to a recording.

    lake/events/day=2026-11-30/recording=chat/part-0.parquet
    lake/frames/…  lake/spans/…  lake/findings/…  lake/sessions/…  lake/connections/…
    lake/lines/…      what is no table: the other lines of the exchange format, from which import makes the same recording

A recording that is exported again takes the place of what was there of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from wsreplay.arrow.tables import TABLES, TableSource, batches
from wsreplay.errors import ImportFormatError, UsageError
from wsreplay.formats.jsonl_export import VERSION, export_all_but_frames
from wsreplay.formats.jsonl_fields import BadLine, parse_line
from wsreplay.formats.jsonl_import import import_values
from wsreplay.remote import new_file_at, url_of
from wsreplay.trace.redaction import Redactor

LINES = "lines"
_LINES_SCHEMA = pa.schema([("line", pa.binary())])
_LINES_PER_BATCH = 5_000
# Of a file that no wsreplay has written: what a frame cannot do without, by the names that it may have.
_PAYLOADS = ("payload", "document", "data")
# What only our own files of frames tell.
_OWN = {"rsv", "masked", "wire_length", "offset", "type"}


def export_parquet(source: TableSource, lake: Path, tables: Iterable[str] = ()) -> dict[str, int]:
    """Write tables of a recording (all of them, unless some are named) into a folder; how many rows each has.

    Raises UsageError where there is no such table, or the folder cannot be written.
    """
    chosen = list(tables) or [*TABLES, LINES]
    for name in chosen:
        if name not in TABLES and name != LINES:
            raise UsageError(f"there is no table {name!r}; there are {', '.join([*TABLES, LINES])}")
    rows = {}
    for name in chosen:
        if name == LINES:
            schema, parts = _LINES_SCHEMA, _line_batches(source)
        else:
            schema, parts = TABLES[name].file_schema, batches(TABLES[name], source)
        rows[name] = _write(lake / name / partition(source), schema, parts)
    return rows


def partition(source: TableSource) -> str:
    """The folder of a recording inside that of a table, as Hive writes it."""
    return f"day={source.day.isoformat()}/recording={quote(source.name, safe='')}"


def _write(folder: Path, schema: Any, parts: Iterable[Any]) -> int:
    rows, file = 0, folder / "part-0.parquet"
    if url_of(file) is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be created: {error.strerror}") from None
    with new_file_at(file) as half, pq.ParquetWriter(half, schema, compression="zstd") as writer:
        for batch in parts:
            writer.write_batch(batch)
            rows += len(batch)
    return rows


def _line_batches(source: TableSource) -> Iterator[Any]:
    chunk: list[bytes] = []
    for line in export_all_but_frames(source.recording):
        chunk.append(line)
        if len(chunk) >= _LINES_PER_BATCH:
            yield pa.RecordBatch.from_arrays([pa.array(chunk, pa.binary())], schema=_LINES_SCHEMA)
            chunk = []
    yield pa.RecordBatch.from_arrays([pa.array(chunk, pa.binary())], schema=_LINES_SCHEMA)


# Back to a recording.


def recordings_in(lake: Path) -> dict[str, Path]:
    """The recordings whose frames are in a folder: by name, the file of the frames."""
    files = sorted(lake.glob("**/frames/day=*/recording=*/*.parquet"))
    return {unquote(file.parent.name.removeprefix("recording=")): file for file in files}


def import_parquet(source: Path, out: Path, *, name: str | None = None, redactor: Redactor | None = None) -> None:
    """Make a recording of what was exported into a folder, or of one Parquet file of frames or events.

    From a folder: the recording of that name, or the only one; it is the same that was exported. A file needs the columns
    `direction` (c2s, s2c), `t_ns` or `time`, and `payload`, `document` or `data`; `connection`, `user`, `path`, `opcode` and
    `fin` are taken where they are there. Raises ImportFormatError.
    """
    if source.is_dir():
        frames = _choose(source, name)
        lines = frames.parents[3] / LINES / frames.parents[1].name / frames.parent.name / frames.name
    else:
        frames, lines = source, None
    try:
        values = _values(pq.ParquetFile(frames), lines if lines is not None and lines.exists() else None)
        import_values(values, out, source=str(source), redactor=redactor)
    except BadLine as error:
        raise ImportFormatError(str(error), file=str(lines)) from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ImportFormatError(f"not a Parquet file that can be read: {reason}", file=str(frames)) from None


def _choose(lake: Path, name: str | None) -> Path:
    files = recordings_in(lake)
    if not files:
        raise ImportFormatError("no frames to import in this folder; `wsreplay export -f parquet` writes them", file=str(lake))
    if name is None and len(files) == 1:
        return next(iter(files.values()))
    if name not in files:
        listed = ", ".join(list(files)[:5]) + (", …" if len(files) > 5 else "")
        problem = "holds several recordings: say which" if name is None else f"holds no recording {name!r}"
        raise ImportFormatError(f"{problem} with --recording ({listed})", file=str(lake))
    return files[name]


def _values(frames: Any, lines: Path | None) -> Iterator[dict[str, Any]]:
    behind: list[dict[str, Any]] = []
    if lines is None:
        yield from _beginnings(frames)
    else:
        for batch in pq.ParquetFile(lines).iter_batches():
            for line in batch.column(0).to_pylist():
                value = parse_line(line)
                if {"wsreplay", "run", "open", "accept"} & value.keys():
                    yield value
                else:
                    behind.append(value)
    began_us = None if "t_ns" in frames.schema_arrow.names else _began_us(frames)
    for batch in frames.iter_batches(batch_size=_LINES_PER_BATCH):
        for row in batch.to_pylist():
            yield _line(row, began_us)
    yield from behind


def _line(row: dict[str, Any], began_us: int | None) -> dict[str, Any]:
    """A row as a line of the exchange format."""
    payload = next((row[name] for name in _PAYLOADS if row.get(name) is not None), b"")
    t_ns = row["t_ns"] if began_us is None else (_microseconds(row["time"]) - began_us) * 1_000
    opcode = row.get("opcode")
    line = {
        "connection": row.get("connection") or 1,
        "t": Decimal(t_ns).scaleb(-9) if isinstance(t_ns, int) else t_ns,
        "dir": row.get("direction"),
        "opcode": opcode if opcode is not None else "text" if isinstance(payload, str) else "binary",
        "payload": payload.encode() if isinstance(payload, str) else payload,
        "fin": row.get("fin"),
    }
    if isinstance(row.get("rsv"), int) and row.keys() >= _OWN:
        line["rsv"] = [bit + 1 for bit in range(3) if row["rsv"] >> bit & 1]
        line |= {name: row[name] for name in _OWN - {"rsv"}}
    return line


def _beginnings(frames: Any) -> Iterator[dict[str, Any]]:
    """The first line, and one for each connection, of a file that has frames only."""
    names = frames.schema_arrow.names
    missing = [" or ".join(columns) for columns in (("direction",), ("t_ns", "time"), _PAYLOADS) if not set(columns) & {*names}]
    if missing:
        raise ImportFormatError(f"there is no column {', nor '.join(missing)}; there are {', '.join(names)}")
    yield {"wsreplay": VERSION}
    opened: set[int] = set()
    wanted = [name for name in ("connection", "user", "path") if name in names]
    for batch in frames.iter_batches(columns=wanted) if wanted else ():
        for row in batch.to_pylist():
            connection = row.get("connection") or 1
            if connection not in opened:
                opened.add(connection)
                yield {"connection": connection, "t": 0, "open": {"path": row.get("path"), "user": row.get("user")}}
    if not opened:
        yield {"connection": 1, "t": 0, "open": {}}


def _began_us(frames: Any) -> int:
    """When the first frame came."""
    times = [_microseconds(row["time"]) for batch in frames.iter_batches(columns=["time"]) for row in batch.to_pylist()]
    return min(times, default=0)


def _microseconds(moment: Any) -> int:
    if not isinstance(moment, datetime):
        raise ImportFormatError(f"`time` holds times, not {str(moment)[:40]!r}")
    return round(moment.timestamp() * 1e6)
