"""Counting a recording for the statistics screen, as a task beside the interface: what `wsreplay stats` counts, and what was
slowest."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.trace.statistics import Statistics, collect
from wsreplay.tui.jobs.task import JobContext

if TYPE_CHECKING:
    # Imported where it is counted: the first screen does without the validator.
    from wsreplay.validator.durations import SpanGroup
    from wsreplay.validator.findings import SpanRecord

MOST_SLOWEST = 10
MOST_RECONNECTS = 10


class SlowSpan(NamedTuple):
    """One of the spans that took longest. Its `frame` began it; times in ns."""

    lasted_ns: int
    kind: str
    name: str
    state: str
    session: int
    start_ns: int
    frame: int


class ClientReturn(NamedTuple):
    """A client that came back, `away_ns` after its connection ended, on the `connection`. Times in ns."""

    session: int
    user: str | None
    at_ns: int
    away_ns: int
    connection: int


class Figures(NamedTuple):
    """What was counted. `reconnected` says how many reconnects there are beside those that are told."""

    statistics: Statistics
    spans: dict[tuple[str, str], SpanGroup]
    slowest: list[SlowSpan]
    reconnects: list[ClientReturn]
    reconnected: int


class _Slowest:
    """The slowest spans that waited for no part of their own."""

    def __init__(self) -> None:
        self._heap: list[SlowSpan] = []
        # What others that have ended were part of.
        self._wholes: set[str] = set()

    def add(self, record: SpanRecord, outermost: SpanRecord) -> None:
        if record.id != outermost.id:
            self._wholes.add(outermost.id)
        has_parts = record.id in self._wholes
        self._wholes.discard(record.id)
        if record.end_ns is None or has_parts:
            return
        span = SlowSpan(
            record.end_ns - record.start_ns, record.span, record.name, record.state, record.session, record.start_ns,
            record.start_frame,
        )  # fmt: skip
        if len(self._heap) < MOST_SLOWEST:
            heappush(self._heap, span)
        elif span > self._heap[0]:
            heapreplace(self._heap, span)

    def listed(self) -> list[SlowSpan]:
        return sorted(self._heap, reverse=True)


def count(
    only: Sequence[int] | None, contracts: Sequence[str], decoder: str | None, reader: Recording, context: JobContext
) -> None:
    """Publishes the `Figures` of some connections (None: all) by the first of the contracts, or by what fits."""
    from wsreplay.contract.decoding import messages_of
    from wsreplay.validator.durations import tally_spans
    from wsreplay.validator.select import select_contracts

    contract = select_contracts(reader, contracts)[0].read_by(decoder)
    slowest = _Slowest()
    statistics = collect(reader, only, messages_of(reader, contract, decoder))
    spans = tally_spans(reader, contract, only, slowest.add)
    reconnects = find_reconnects(reader, only, contract.resume_within_ns)
    most = sorted(reconnects, key=lambda reconnect: -reconnect.away_ns)[:MOST_RECONNECTS]
    context.publish(Figures(statistics, spans, slowest.listed(), most, len(reconnects) - len(most)))


def find_reconnects(reader: Recording, only: Sequence[int] | None, resume_within_ns: int) -> list[ClientReturn]:
    """Those of some connections (None: all), in order."""
    wanted = None if only is None else frozenset(only)
    reconnects = []
    for session in stitch(reader.connections(), resume_within_ns):
        for before, after in zip(session.connections, session.connections[1:], strict=False):
            if before.closed_ns is not None and (wanted is None or after.id in wanted):
                away_ns = max(0, after.opened_ns - before.closed_ns)
                reconnects.append(ClientReturn(session.id, session.user, after.opened_ns, away_ns, after.id))
    return reconnects
