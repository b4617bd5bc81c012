"""`wsreplay cut`."""

from __future__ import annotations

from pathlib import Path

import click

from wsreplay.cli.options import make_parent, open_recording, print_path, redact_option, session_of
from wsreplay.errors import UsageError
from wsreplay.formats.cut import cut
from wsreplay.trace.redaction import Redactor


@click.command(name="cut")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("sessions", metavar="SESSION...", type=int, nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The new recording.")
@redact_option
def command(file: Path, sessions: tuple[int, ...], output: Path, redact: tuple[str, ...]) -> None:
    """Copy chosen sessions into a new recording, small enough to attach to a bug report."""
    try:
        redactor = Redactor(fields=redact)
    except ValueError as error:
        raise UsageError(f"--redact {error}") from None
    make_parent(output)
    with open_recording(file) as recording:
        wanted = {connection.id for number in sessions for connection in session_of(recording, number).connections}
        cut(recording, wanted, output, redactor)
    print_path(output)
