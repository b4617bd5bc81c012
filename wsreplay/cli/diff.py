"""`wsreplay diff`."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

import click

from wsreplay.cli.colour import colour_option, print_signed, wants_colour
from wsreplay.cli.completion import ContractName, RecordingName
from wsreplay.cli.options import (
    FITTING_DEFAULT,
    USER_PLACES,
    Duration,
    contract_of,
    decoder_option,
    ignore_type_option,
    session_of,
    split_session,
    user_option,
)
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS
from wsreplay.model import NO_FIT
from wsreplay.trace.decoder_choices import ReadAs

if TYPE_CHECKING:
    from wsreplay.diff.diff import Diff
    from wsreplay.store.reader import Recording
    from wsreplay.trace.identity import UserSource

_COLOURS = {"-": "red", "+": "green", "~": "yellow"}


@click.command(name="diff")
@click.argument("a", metavar="A[#SESSION]", type=RecordingName())
@click.argument("b", metavar="B[#SESSION]", type=RecordingName())
@click.option("-c", "--contract", type=ContractName(),
              help=f"Contract that says where ids are; 'none' for no contract. {FITTING_DEFAULT}")
@decoder_option
@user_option(USER_PLACES)
@click.option("--ignore", multiple=True, metavar="PATH", help="Do not compare: a JSON path, or a field's name anywhere.")
@ignore_type_option
@click.option("--heartbeats", is_flag=True, help="Compare heartbeats too, such as ping and keepalive.")
@click.option("--map", "map_", multiple=True, metavar="PATH",
              help="Another place of ids, which may differ, but consistently; may repeat.")
@click.option("--coalesce", multiple=True, metavar="TYPE", help="Treat consecutive messages of this type as one.")
@click.option("--timing", type=Duration(), metavar="DURATION", help="Report messages at least this much earlier or later.")
@click.option("--shape", is_flag=True, help="Compare only types, order and ids, not contents.")
@click.option("--no-findings", is_flag=True, help="Do not compare the findings.")
@click.option("-f", "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="Output format.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; only set the exit code.")
@colour_option
def command(
    a: str, b: str, contract: str | None, decoder: str | None, users: tuple[UserSource, ...], ignore: tuple[str, ...],
    ignore_types: tuple[str, ...], heartbeats: bool, map_: tuple[str, ...], coalesce: tuple[str, ...], timing: int | None,
    shape: bool, no_findings: bool, format_: str, quiet: bool, color: bool | None,
) -> int:  # fmt: skip
    """Compare two recordings, or a session of each.

    Sessions, runs, tools and events are matched by what they are. Times may differ, and so may ids, if each id of A always
    corresponds to the same id of B. Heartbeats are not compared, nor
    what -c names one: an event of a `recurrence` without a scope. Exit code 0: no difference; 1: at least one.
    """
    from wsreplay.contract.users import sessions_of
    from wsreplay.diff.diff import DiffOptions, diff
    from wsreplay.store.reader import Recording

    (path_a, session_a), (path_b, session_b) = split_session(a), split_session(b)
    options = DiffOptions(
        ignore, map_, coalesce, timing, shape, findings=not no_findings, ignore_types=ignore_types, heartbeats=heartbeats
    )
    with Recording.open(path_a) as left, Recording.open(path_b) as right:
        chosen = contract_of(contract, left, right, read_as=ReadAs(decoder, users))
        for recording, number in ((left, session_a), (right, session_b)):
            if number is not None:
                session_of(recording, number, sessions_of(recording, chosen))
        differences = diff(left, right, chosen, options, session_a=session_a, session_b=session_b)
        if contract is None and not differences.same:
            _say_no_fit(left, right, decoder=decoder)
    if not quiet:
        print_diff(differences, a, b, format_, wants_colour(color))
    return EXIT_CLEAN if differences.same else EXIT_VIOLATIONS


def _say_no_fit(*recordings: Recording, decoder: str | None) -> None:
    """Why so much differs, where no contract says which of it are ids."""
    from wsreplay.validator.select import select_contract

    if all(select_contract(recording, decoder) is None for recording in recordings):
        path = shlex.quote(visible(str(recordings[0].path)))
        hint = f"{NO_FIT} these messages: pass -c CONTRACT, or begin one with `wsreplay contract map {path}`"
        click.echo(f"wsreplay: {hint}", err=True)


def print_diff(differences: Diff, a: str, b: str, format_: str, painted: bool) -> None:
    """On stdout."""
    from wsreplay.diff import report as diff_report

    if format_ == "json":
        click.echo(diff_report.json(differences, a, b))
    else:
        for line in diff_report.text(differences, a, b, shutil.get_terminal_size((100, 24)).columns):
            print_signed(line, _COLOURS, painted, whole=True)
