"""`wsreplay show`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.completion import ContractName, FilterText, RecordingName, SessionNumber
from wsreplay.cli.options import (
    NAMED_BY,
    USER_PLACES,
    decoder_option,
    line_width,
    open_recording,
    print_paged,
    split_session,
    user_option,
)
from wsreplay.cli.show_hints import why_nothing
from wsreplay.cli.show_lines import TIMES, FrameLines, Times
from wsreplay.cli.show_objects import json_line
from wsreplay.cli.show_view import Item, Showing
from wsreplay.contract.decoding import reading_of
from wsreplay.contract.users import ConnectionUsers
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.reading import Reading
from wsreplay.validator.findings import Judgement

if TYPE_CHECKING:
    from wsreplay.contract.model import Contract
    from wsreplay.trace.identity import UserSource

_Line = TypeVar("_Line", str, bytes)


@click.command(name="show")
@click.argument("file", metavar="FILE", type=RecordingName())
@click.argument("session", type=SessionNumber(), required=False)
@click.option("--filter", "expression", type=FilterText(), default="", metavar="EXPR",
              help="Frames to print: type:tool_* dir:s2c user:u1 \"text\" …")
@click.option("--follow", "-f", is_flag=True, help="Keep printing while the recording grows.")
@click.option("--pretty", "-p", is_flag=True, help="Show whole payloads, JSON indented.")
@click.option("--time", "time_form", type=click.Choice(TIMES), default="elapsed", show_default=True,
              help="Time since the recording began, since the previous line, or of day: local or UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("-c", "--contract", type=ContractName(), help=NAMED_BY)
@decoder_option
@user_option(USER_PLACES)
@click.option("--raw", is_flag=True, help="Show payloads as they were sent, not decoded.")
@colour_option
@click.option("--no-pager", is_flag=True, help="Print straight to the terminal, without a pager.")
def command(
    file: str, session: int | None, expression: str, follow: bool, pretty: bool, time_form: str, as_json: bool,
    contract: str | None, decoder: str | None, users: tuple[UserSource, ...], raw: bool, color: bool | None, no_pager: bool,
) -> None:  # fmt: skip
    """Print the frames of a recording, or of one SESSION: time, direction, type or opcode, size, payload.

    Injected faults, gaps and endings without a close frame are listed too. Lines are cut to the width of the terminal; in a
    pipe they are whole. Terms of a filter that are separated by spaces must all match; `wsreplay help filters` explains the
    filter language.
    """
    path, marked = split_session(file)
    chosen = filters.parse(expression)
    with open_recording(path) as recording:
        read_as = ReadAs(decoder, users)
        by = None if contract is None else _load(contract)
        reading = Reading(recording, decoder) if by is None else reading_of(recording, by, decoder)
        users_of = ConnectionUsers(by, read_as)
        view = Showing(recording, session or marked, chosen, bool(expression.strip()), reading, by,
                       partial(_judge, recording, contract, decoder, users), users_of)  # fmt: skip
        painted = wants_colour(color)
        hints = partial(why_nothing, chosen, view, recording, path, by, decoder)
        if as_json:
            for line in _lines(view, follow, hints, lambda item: json_line(item, view)):
                click.echo(line)
            return
        lines = FrameLines(line_width(), Times(time_form, recording.runs()), raw=raw, pretty=pretty, painted=painted)
        texts = _lines(view, follow, hints, lambda item: lines.line(item, view))
        print_paged((f"{text}\n" for text in texts), painted, paged=not (no_pager or follow))


def _lines(
    view: Showing, follow: bool, hints: Callable[[], Iterator[str]], line_of: Callable[[Item], _Line]
) -> Iterator[_Line]:
    """What is shown; where that is nothing, why, on standard error."""
    empty = True
    for item in view.items(follow):
        empty = False
        yield line_of(item)
    if empty:
        click.echo(f"wsreplay: {view.why_empty()}", err=True)
        for hint in hints():
            click.echo(f"wsreplay: {hint}", err=True)


def _judge(recording: Recording, contract: str | None, decoder: str | None, users: Sequence[UserSource]) -> Judgement:
    from wsreplay.validator import judge
    from wsreplay.validator.select import select_contracts

    chosen = select_contracts(recording, [contract] if contract else [], decoder)[0]
    return judge(recording, chosen.identified_by(*users))


def _load(name: str) -> Contract:
    from wsreplay.contract import load

    return load(name)
