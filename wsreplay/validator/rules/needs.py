"""Events that have nothing to show: a screen that waits for a text gets an empty one.

A product whose events have no texts at all shows them by their types, and breaks nothing: an event is at fault that has a place
for a text, and nothing in it, nor anywhere else but for its ids and times.

State: none. Fast path: there is a text at one of the paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wsreplay.contract.model import Contract
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.needs import Needs
from wsreplay.validator.emit.exact import Body, document_of
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.trace_event import MessageEvent


class NeedsMonitor(MessageMonitor):
    """An event has what a screen shows of it."""

    word = "needs"
    rule: Needs

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # what is no text to show: types, times, numbers, ids
        self._plain: frozenset[tuple[Any, ...]] = frozenset()

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    def emit(self, writer: HandlerWriter) -> None:
        event = fit_any(self.rule.events, writer.direction, writer.type)
        if not event:
            return
        self._plain = _told_apart_by(writer.contract)
        check = f"{self.variable}.check(payload, {writer.event})"
        lines = [check]
        if writer.inline:
            texts = " or ".join(writer.value(path) for path in self.rule.any_of)
            lines = [f"if not ({texts}):", f"    {check}"]
        writer.count_calls(self.variable)
        writer.add_under(writer.condition(event), lines)

    def check(self, body: Body, event: MessageEvent) -> None:
        """An event came that may have nothing to show."""
        document = document_of(body)
        if any(path.find(document) for path in self.rule.any_of):
            return
        place = next((path for path in self.rule.any_of if _has_place(document, path)), None)
        if place is None or any(_shows(value) for at, value in _leaves(document) if at not in self._plain):
            return
        self.reporter.report_message(
            self.counts, event,
            kind="format",
            message=f"{event.type} has nothing to show: {short(place.text)} is empty, and so is everything else",
            seen=event.type,
        )  # fmt: skip


def _told_apart_by(contract: Contract) -> frozenset[tuple[Any, ...]]:
    """Where in a message its type, times and ids stand."""
    envelope = contract.envelope
    paths = [path for path in (envelope.type, envelope.sent, envelope.seq, envelope.id) if path is not None]
    paths += [source for key in contract.keys.values() for source in key.sources if isinstance(source, Path)]
    return frozenset(path.steps for path in paths)


def _has_place(document: Any, path: Path) -> bool:
    """Whether a message has a place for what stands at a path: the member, or the object that it would be in."""
    above = document
    for step in path.steps[:-1]:
        above = above.get(step) if isinstance(above, dict) else None
    return isinstance(above, dict) and (path.steps[-1] in above or len(path.steps) > 1)


def _leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not isinstance(value, dict) or len(at) > 8:
        yield at, value
        return
    for name, below in value.items():
        yield from _leaves(below, (*at, name))


def _shows(value: Any) -> bool:
    """Whether there is something to see in it."""
    return value is not None and value not in ("", [], {})
