"""`wsreplay cut`."""

from __future__ import annotations

from pathlib import Path

import click

from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import (
    JOINED_BY,
    USER_PLACES,
    decoder_option,
    make_parent,
    open_recording,
    print_path,
    redact_option,
    session_of,
    split_session,
    user_option,
)
from wsreplay.contract import load
from wsreplay.contract.users import sessions_of
from wsreplay.errors import UsageError
from wsreplay.formats.cut import cut
from wsreplay.trace.identity import UserSource
from wsreplay.trace.redaction import Redactor


@click.command(name="cut")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("sessions", metavar="[SESSION]...", type=SessionNumber(), nargs=-1)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The new recording.")
@click.option("-c", "--contract", type=ContractName(), help=JOINED_BY)
@decoder_option
@user_option(USER_PLACES)
@redact_option
def command(
    file: str, sessions: tuple[int, ...], output: Path, contract: str | None, decoder: str | None,
    users: tuple[UserSource, ...], redact: tuple[str, ...],
) -> None:  # fmt: skip
    """Copy chosen sessions into a new recording, small enough to attach to a bug report.

    Sessions have the numbers that `validate`, `show` and `ls` give them with the same contract and --user.
    """
    path, marked = split_session(file)
    numbers = [*([] if marked is None else [marked]), *sessions]
    if not numbers:
        raise UsageError(f"which session? name it, as in {path}#1")
    try:
        redactor = Redactor(fields=redact)
    except ValueError as error:
        raise UsageError(f"--redact {error}") from None
    make_parent(output)
    with open_recording(path) as recording:
        there = sessions_of(recording, load(contract) if contract else None, users, decoder)
        wanted = {connection.id for number in numbers for connection in session_of(recording, number, there).connections}
        cut(recording, wanted, output, redactor)
    print_path(output)
