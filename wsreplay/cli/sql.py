"""`wsreplay sql`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import click

from wsreplay.cli.completion import ContractName, RecordingPath
from wsreplay.cli.options import FITTING_DEFAULT, USER_PLACES, decoder_option, line_width, recordings_folder, user_option
from wsreplay.display import cells, fit, pad, visible
from wsreplay.extras import require
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource
from wsreplay.units import count_text

_MOST_ROWS = 1_000
_WIDEST = 60  # cells of a column
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command(name="sql")
@click.argument("query", metavar="QUERY")
@click.argument("paths", metavar="[FILE|DIR]...", nargs=-1, type=RecordingPath(path_type=Path))
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True,
              help="Output format; json prints one object per line.")
@click.option("--limit", type=click.IntRange(0), metavar="N",
              help=f"Print at most this many rows; 0 for all. [default: {_MOST_ROWS:,}, with -f json and csv all]")
@click.option("-c", "--contract", type=ContractName(), help=f"Contract for sessions, spans and findings. {FITTING_DEFAULT}")
@decoder_option
@user_option(USER_PLACES)
def command(
    query: str, paths: tuple[Path, ...], form: str, limit: int | None, contract: str | None, decoder: str | None,
    users: tuple[UserSource, ...],
) -> None:  # fmt: skip
    """Query recordings, and Parquet files made from them, with DuckDB's SQL. Without FILE or DIR: those in recordings/.

    The tables are sessions, connections, frames, events, spans and findings; `DESCRIBE events` lists the columns of one. They
    hold the given recordings (*.db) and what `export -f parquet` has written.

    \b
    Examples:
      wsreplay sql "SELECT rule, count(*) FROM findings GROUP BY rule"
      wsreplay sql "SELECT label, quantile_cont(lasted_ns, 0.95) / 1e9 AS p95 FROM spans WHERE span = 'tool' GROUP BY label"
      wsreplay sql "SELECT time, document->>'$.tool_name' FROM events WHERE type = 'tool_executing'"
    """
    require("parquet", "pyarrow", "duckdb", purpose="wsreplay sql")
    from wsreplay.arrow.sql import ask, find_sources
    from wsreplay.cli.table_sources import table_source

    sources = find_sources(paths or (recordings_folder(),))
    with ask(query, sources, lambda path, name: table_source(path, name, contract, ReadAs(decoder, users))) as answer:
        most = limit if limit is not None else _MOST_ROWS if form == "text" else 0
        rows = islice(answer.rows, most) if most else answer.rows
        if form == "text":
            _print_table(answer.columns, list(rows))
            if most and next(answer.rows, None) is not None:
                click.echo(f"wsreplay: the first {count_text(most, 'row')}; --limit 0 prints all", err=True)
        elif form == "json":
            for row in rows:
                # ASCII: what a peer sent drives no terminal.
                click.echo(json.dumps(dict(zip(answer.columns, row, strict=True)), default=_plain))
        else:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(map(visible, answer.columns))
            writer.writerows([_cell(value) for value in row] for row in rows)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as what is in them, numbers to the right, cut where the terminal ends."""
    shown = [[visible(_text(value)) for value in row] for row in rows]
    heads = [visible(name) for name in columns]
    widths = [
        min(_WIDEST, max(map(cells, (head, *(row[number] for row in shown))))) for number, head in enumerate(heads)
    ]
    right = [any(isinstance(row[number], int | float | Decimal) for row in rows) for number in range(len(heads))]
    room = line_width()
    for line in (heads, *shown):
        padded = (_pad(text, width, rightwards) for text, width, rightwards in zip(line, widths, right, strict=True))
        click.echo(fit("  ".join(padded).rstrip(), room))
    click.echo(f"({count_text(len(rows), 'row')})", err=True)


def _pad(text: str, width: int, rightwards: bool) -> str:
    return " " * (width - cells(text)) + text if rightwards and cells(text) <= width else pad(text, width)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, bytes | dict | list):
        return json.dumps(_plain(value) if isinstance(value, bytes) else value, default=_plain, ensure_ascii=False)
    return str(value)


def _cell(value: Any) -> Any:
    """A value in CSV: what a spreadsheet would take for a formula is a text, and nothing in it is hidden."""
    text = visible(_text(value))
    is_formula = isinstance(value, str) and text.startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _plain(value: Any) -> Any:
    """What JSON has no words for."""
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Decimal():
            return float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
    return str(value)
