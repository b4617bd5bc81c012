"""Recordings as tables: `python -m benchmarks.tables`.

One recording as SQLite, JSON lines and Parquet: how large, how fast written and read again. And one question, asked of the
recording and of the Parquet files, beside plain `sqlite3` that reads every payload.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.alternatives import environment
from benchmarks.options import parser_for
from benchmarks.table import FIGURES, Table, count, publish
from benchmarks.validator_trace import write
from wsreplay.arrow.parquet import export_parquet, import_parquet
from wsreplay.arrow.sql import ask, find_sources
from wsreplay.arrow.tables import TableSource
from wsreplay.formats.import_file import import_file
from wsreplay.formats.jsonl_export import export
from wsreplay.store.reader import Recording

QUESTION = "SELECT type, count(*) AS events, sum(size) AS bytes FROM events GROUP BY type ORDER BY events DESC"
JOINED = (
    "SELECT label, count(*), quantile_cont(lasted_ns, 0.95) / 1e6 AS p95_ms FROM spans WHERE span = 'tool' GROUP BY label"
)


@contextmanager
def opened(path: Path, name: str):  # type: ignore[no-untyped-def]
    with Recording.open(path) as recording:
        yield TableSource(recording, name)


def timed(work: Callable[[], object], rounds: int) -> float:
    """The median of the seconds that it takes."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def write_lines(path: Path, out: Path) -> None:
    with Recording.open(path) as recording, out.open("wb") as target:
        target.writelines(line + b"\n" for line in export(recording))


def write_lake(path: Path, lake: Path, *tables: str) -> None:
    with opened(path, "bench") as source:
        export_parquet(source, lake, tables)


def read_lines(lines: Path, out: Path) -> None:
    out.unlink(missing_ok=True)
    with lines.open("rb") as file:
        import_file(file, out)


def read_lake(lake: Path, out: Path) -> None:
    out.unlink(missing_ok=True)
    import_parquet(lake, out)


def answer(sql: str, place: Path) -> list[object]:
    with ask(sql, find_sources([place]), opened) as result:
        return list(result.rows)


def plain(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT type, count(*), sum(length(payload)) FROM frame GROUP BY type").fetchall()


def size(place: Path) -> int:
    return place.stat().st_size if place.is_file() else sum(file.stat().st_size for file in place.rglob("*.parquet"))


def formats(folder: Path, events: int, rounds: int) -> Table:
    path, lines, lake, again = folder / "bench.db", folder / "bench.jsonl", folder / "lake", folder / "again.db"
    write(path, events)
    table = Table(f"One recording of {events:,} events", ["", "MB", "× SQLite", "written rows/s", "imported rows/s"])
    sqlite = size(path)
    table.rows.append(["SQLite", f"{sqlite / 1e6:.1f}", "1.00×", "–", "–"])
    for name, place, export_to, import_from in (
        ("JSON lines", lines, write_lines, read_lines), ("Parquet, all tables", lake, write_lake, read_lake),
    ):  # fmt: skip
        written = timed(lambda export_to=export_to, place=place: export_to(path, place), rounds)
        read = timed(lambda import_from=import_from, place=place: import_from(place, again), rounds)
        share = f"{size(place) / sqlite:.2f}×"
        table.rows.append([name, f"{size(place) / 1e6:.1f}", share, count(events / written), count(events / read)])
    for name in ("frames", "events", "spans"):
        written = timed(lambda name=name: write_lake(path, folder / name, name), rounds)
        place = folder / name
        share = f"{size(place) / sqlite:.2f}×"
        table.rows.append([f"Parquet, {name}", f"{size(place) / 1e6:.1f}", share, count(events / written), "–"])
    table.note = "All tables contain every payload twice, as a frame and as an event. Spans and findings require a validation."
    return table


def questions(folder: Path, rounds: int) -> Table:
    path, lake = folder / "bench.db", folder / "lake"
    table = Table("Seconds per query", ["", "recording", "Parquet", "plain sqlite3"])
    by_type = timed(lambda: answer(QUESTION, path), rounds), timed(lambda: answer(QUESTION, lake), rounds)
    by_hand = timed(lambda: plain(path), rounds)
    table.rows.append(["events and bytes by type", *(f"{seconds:.2f}" for seconds in (*by_type, by_hand))])
    tools = timed(lambda: answer(JOINED, path), rounds), timed(lambda: answer(JOINED, lake), rounds)
    table.rows.append(["95th percentile of tools", *(f"{seconds:.2f}" for seconds in tools), "–"])
    table.note = "For a recording, the tables are created first; the second query also needs a validation."
    return table


def main() -> None:
    arguments = parser_for("benchmarks.tables", "recordings as tables", events=200_000, rounds=3).parse_args()
    with tempfile.TemporaryDirectory() as name:
        tables = [formats(Path(name), arguments.events, arguments.rounds), questions(Path(name), arguments.rounds)]
    for table in tables:
        print(table.text(), "\n", flush=True)
    if arguments.publish:
        publish(FIGURES, "tables", tables, environment())


if __name__ == "__main__":
    main()
