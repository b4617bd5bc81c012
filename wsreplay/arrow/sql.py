"""SQL over recordings and folders of Parquet, by DuckDB.

A query that names a table makes it: recordings are read into it through Arrow, into a database in a private folder that is gone
afterwards; Parquet is read where it lies.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wsreplay.arrow.recordings import recordings_below
from wsreplay.arrow.tables import TABLES, TableKind, TableSource, whole_batches
from wsreplay.errors import UsageError
from wsreplay.files import PrivateFolder

OpenSource = Callable[[Path, str], AbstractContextManager[TableSource]]
"""Opens a recording as tables, under a name."""

# Of the memory no more than that: the rest goes to the disk. The progress bar would stand on stdout, and nothing is fetched.
_SETTINGS = (
    "SET memory_limit = '2GB'; SET enable_progress_bar = false; SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'"
)
_FETCHED = 1_000  # rows at once


@dataclass
class SqlSources:
    """What is asked: recordings with their names, and files of Parquet by table."""

    # each with the name that its rows bear
    recordings: list[tuple[Path, str]] = field(default_factory=list)
    # by table; a file counts to the one that a folder above it is named after
    parquet: dict[str, list[Path]] = field(default_factory=dict)


def find_sources(paths: Iterable[Path]) -> SqlSources:
    """What lies in these files and folders. Raises UsageError where there is neither a recording nor Parquet."""
    sources = SqlSources()
    for path in paths:
        if not path.exists():
            swapped = "; the query comes first, as in wsreplay sql 'SELECT * FROM events' FILE" if " " in str(path) else ""
            raise UsageError(f"{path}: no such file or folder{swapped}")
        files = [path] if path.suffix == ".parquet" else sorted(path.rglob("*.parquet"))
        if path.suffix != ".parquet":
            sources.recordings += recordings_below(path)
        for file in files:
            names = [name for name in TABLES if name in file.parts[:-1]]
            if names:
                sources.parquet.setdefault(names[-1], []).append(file)
    if not sources.recordings and not sources.parquet:
        raise UsageError("there is neither a recording (*.db) nor a table that export -f parquet has written")
    return sources


@dataclass
class Answer:
    """The columns of a result, and its rows, fetched as they are asked for."""

    columns: list[str]
    rows: Iterator[Sequence[Any]]


@contextmanager
def ask(sql: str, sources: SqlSources, open_source: OpenSource) -> Iterator[Answer]:
    """Run a query. Raises UsageError where it is wrong, and the errors of the RecordingError family."""
    with PrivateFolder(tempfile.gettempdir()) as folder:
        database = duckdb.connect(str(folder.path / "sql.duckdb"))
        try:
            database.execute(_SETTINGS)
            database.execute("CREATE SCHEMA recorded")
            wanted = [kind for kind in TABLES.values() if re.search(rf"\b{kind.name}\b", sql, re.IGNORECASE)]
            for kind in TABLES.values():
                _make_table(database, kind, sources.parquet.get(kind.name, []))
            _fill(database, wanted, sources.recordings, open_source)
            result = database.execute(sql)
            columns = [column[0] for column in result.description or ()]
            yield Answer(columns, _rows(result))
        except duckdb.Error as error:
            raise UsageError(f"the query cannot be answered: {str(error).strip().splitlines()[0]}") from None
        finally:
            database.close()


def _make_table(database: Any, kind: TableKind, files: Sequence[Path]) -> None:
    """A table for what is read from recordings, and a view of it and of Parquet under the table's name."""
    database.register("empty", pa.Table.from_batches([], schema=kind.schema))
    database.execute(f"CREATE TABLE recorded.{kind.name} AS SELECT * FROM empty")
    database.unregister("empty")
    parts = [f"SELECT * FROM recorded.{kind.name}"]
    if files:
        listed = ", ".join(map(_quoted, files))
        hive = "hive_partitioning = true, hive_types = {day: DATE, recording: VARCHAR}, union_by_name = true"
        parts.append(f"SELECT * FROM read_parquet([{listed}], {hive})")
    database.execute(f"CREATE VIEW {kind.name} AS {' UNION ALL BY NAME '.join(parts)}")


def _quoted(file: Path) -> str:
    """A file in SQL: a text, in which no character stands for others."""
    plain = re.sub(r"[*?\[]", r"[\g<0>]", str(file))
    return "'" + plain.replace("'", "''") + "'"


def _fill(
    database: Any, kinds: Sequence[TableKind], recordings: Iterable[tuple[Path, str]], open_source: OpenSource
) -> None:
    if not kinds:
        return
    for path, name in recordings:
        with open_source(path, name) as source:
            for kind in kinds:
                reader = pa.RecordBatchReader.from_batches(kind.schema, whole_batches(kind, source))
                database.register("batches", reader)
                database.execute(f"INSERT INTO recorded.{kind.name} SELECT * FROM batches")
                database.unregister("batches")


def _rows(result: Any) -> Iterator[Sequence[Any]]:
    while rows := result.fetchmany(_FETCHED):
        yield from rows
