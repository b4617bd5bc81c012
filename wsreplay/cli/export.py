"""`wsreplay export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wsreplay.cli.options import connections_of, split_session
from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.trace import exchange


@click.command(name="export")
@click.argument("file", metavar="FILE")
@click.argument("session", type=int, required=False)
@click.option("-f", "--format", "form", type=click.Choice(["jsonl"]), default="jsonl", show_default=True, help="Of the output.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: standard output]")
def command(file: str, session: int | None, form: str, output: Path | None) -> None:
    """Write a recording, or one SESSION of it, in another format."""
    path, marked = split_session(file)
    with Recording.open(path) as recording:
        lines = exchange.export(recording, connections_of(recording, session or marked))
        try:
            target = output.open("wb") if output else sys.stdout.buffer
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from None
        try:
            target.writelines(line + b"\n" for line in lines)
            target.flush()
        finally:
            if output:
                target.close()
