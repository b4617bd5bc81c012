"""`wsreplay export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from wsreplay.cli.completion import RecordingName, SessionNumber
from wsreplay.cli.options import connections_of, open_recording, print_path, session_of, split_session
from wsreplay.errors import UsageError
from wsreplay.files import new_file
from wsreplay.formats import as_pytest, as_websocat
from wsreplay.formats import har_export as har
from wsreplay.formats import jsonl_export as exchange
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch, there_are

FORMS = ("jsonl", "har", "pytest", "websocat")


@click.command(name="export")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-f", "--format", "form", type=click.Choice(FORMS), default="jsonl", show_default=True, help="Of the output.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: standard output]")
def command(file: str, session: int | None, form: str, output: Path | None) -> None:
    """Write a recording, or one SESSION of it, in another format.

    JSON lines (jsonl) hold everything, and import gives the same recording; a HAR holds the messages for other tools. pytest
    makes a test of one session, with a cassette beside it that plays the backend; websocat a shell script of what its client
    said.
    """
    path, marked = split_session(file)
    with open_recording(path) as recording:
        if form == "pytest":
            if output is None:
                raise UsageError("-f pytest writes a test and its cassette: say where with -o tests/test_NAME.py")
            for written in as_pytest.write(recording, _one_session(recording, session or marked), output):
                print_path(written)
            return
        pieces = _pieces(recording, session or marked, form)
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return
        with new_file(output, replace=True) as half, half.open("wb") as target:
            target.writelines(pieces)


def _pieces(recording: Recording, session: int | None, form: str) -> Iterator[bytes]:
    if form == "websocat":
        yield as_websocat.script(recording, _one_session(recording, session)).encode()
    elif form == "har":
        yield from har.export(recording, connections_of(recording, session))
    else:
        yield from (line + b"\n" for line in exchange.export(recording, connections_of(recording, session)))


def _one_session(recording: Recording, number: int | None) -> Session:
    """The session with a number, else the only one. Raises UsageError."""
    if number is not None:
        return session_of(recording, number)
    sessions = stitch(recording.connections())
    if len(sessions) != 1:
        raise UsageError(f"of one session only: {there_are(sessions)}; name one, as in {recording.path.name}#1")
    return sessions[0]
