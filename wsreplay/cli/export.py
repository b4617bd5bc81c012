"""`wsreplay export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wsreplay.cli.completion import RecordingName, SessionNumber
from wsreplay.cli.options import connections_of, open_recording, split_session
from wsreplay.files import new_file
from wsreplay.formats import har_export as har
from wsreplay.formats import jsonl_export as exchange


@click.command(name="export")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-f", "--format", "form", type=click.Choice(["jsonl", "har"]), default="jsonl", show_default=True,
              help="Of the output.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: standard output]")
def command(file: str, session: int | None, form: str, output: Path | None) -> None:  # fmt: skip
    """Write a recording, or one SESSION of it, in another format.

    JSON lines (jsonl) hold everything, and import gives the same recording; a HAR holds the messages for other tools.
    """
    path, marked = split_session(file)
    with open_recording(path) as recording:
        connections = connections_of(recording, session or marked)
        if form == "har":
            pieces = har.export(recording, connections)
        else:
            pieces = (line + b"\n" for line in exchange.export(recording, connections))
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return
        with new_file(output, replace=True) as half, half.open("wb") as target:
            target.writelines(pieces)
