"""`wsreplay stats`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import (
    NAMED_BY,
    USER_PLACES,
    connections_of,
    decoder_option,
    open_recording,
    split_session,
    user_option,
)
from wsreplay.contract import load
from wsreplay.contract.users import sessions_of
from wsreplay.errors import UsageError
from wsreplay.files import write_file
from wsreplay.report import stats_json, stats_text
from wsreplay.store.paths import reachable
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource


@click.command(name="stats")
@click.argument("file", metavar="FILE|DIR", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-c", "--contract", type=ContractName(), help=NAMED_BY)
@decoder_option
@user_option(USER_PLACES)
@click.option("--follow", is_flag=True, help="Show an overview, and keep it up to date while recordings grow.")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True,
              help="Output format; html is an overview as a web page.")
@click.option("--json", "as_json", is_flag=True, help="The same as -f json.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="File for the output. [default: standard output]")
@colour_option
def command(
    file: str, session: int | None, contract: str | None, decoder: str | None, users: tuple[UserSource, ...], follow: bool,
    form: str, as_json: bool, output: Path | None, color: bool | None,
) -> None:  # fmt: skip
    """Show how often each event of a recording or SESSION came, the gaps between events, and how long runs and tools took.

    The gap of an event is the time since the previous event of its run or thread. The contract, the one given or else the one
    that fits, says what a run and a tool are.

    For a folder, with --follow or as html: an overview of rates, runs by outcome, times and findings, also day by day.
    """
    form = "json" if as_json else form
    path, marked = split_session(file)
    if follow or form == "html" or reachable(path).is_dir():
        if session or marked:
            raise UsageError("an overview covers whole recordings: leave out the session, or cut it into its own file first")
        from wsreplay.cli.stats_overview import show_overview

        show_overview(path, contract, decoder, users, form, output, follow=follow, color=color)
        return
    painted = wants_colour(color) if output is None else bool(color)
    text = _statistics(path, session or marked, contract, ReadAs(decoder, users), form, painted)
    if output is None:
        click.echo(text, nl=False, color=painted)
    else:
        write_file(output, text.encode("utf-8", "surrogateescape"))


def _statistics(path: Path, session: int | None, contract: str | None, read_as: ReadAs, form: str, painted: bool) -> str:
    from wsreplay.stats.figures import count_figures

    with open_recording(path) as recording:
        chosen, users, decoder = load(contract) if contract else None, read_as.users, read_as.decoder
        wanted = connections_of(recording, session, sessions_of(recording, chosen, users, decoder))
        connections = None if wanted is None else [connection.id for connection in wanted]
        figures = count_figures(recording, chosen, decoder, connections, users)
    if form == "json":
        return stats_json.render(str(path), figures.statistics, figures.spans, figures.lasted_ns)
    width = shutil.get_terminal_size((120, 24)).columns
    return stats_text.render(str(path), figures.statistics, figures.spans, figures.lasted_ns, color=painted, width=width)
