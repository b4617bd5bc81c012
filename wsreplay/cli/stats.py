"""`wsreplay stats`."""

from __future__ import annotations

import shutil

import click

from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import NAMED_BY, connections_of, decoder_option, open_recording, split_session
from wsreplay.contract import load
from wsreplay.contract.decoding import messages_of
from wsreplay.report import stats_json, stats_text
from wsreplay.trace.statistics import collect


@click.command(name="stats")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-c", "--contract", type=ContractName(), help=NAMED_BY)
@decoder_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@colour_option
def command(
    file: str, session: int | None, contract: str | None, decoder: str | None, as_json: bool, color: bool | None
) -> None:
    """Count the events of a recording, or of one SESSION, and the gaps between them; runs and tools, and how long they take.

    The gap of an event is the time since the event before it in its run or thread. What runs and tools are is said by the
    contract: the one given, else the one that fits.
    """
    from wsreplay.validator.durations import tally_spans
    from wsreplay.validator.select import select_contracts

    path, marked = split_session(file)
    with open_recording(path) as recording:
        wanted = connections_of(recording, session or marked)
        named = load(contract) if contract else None
        reading = messages_of(recording, named, decoder)
        connections = None if wanted is None else [connection.id for connection in wanted]
        statistics = collect(recording, connections, reading)
        spans = tally_spans(recording, (named or select_contracts(recording)[0]).read_by(decoder), connections)
    if as_json:
        click.echo(stats_json.render(str(path), statistics, spans), nl=False)
        return
    painted = wants_colour(color)
    width = shutil.get_terminal_size((120, 24)).columns
    click.echo(stats_text.render(str(path), statistics, spans, color=painted, width=width), nl=False, color=painted)
