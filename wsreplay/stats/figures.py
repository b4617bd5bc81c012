"""The figures of one recording, or of some of its connections: events and gaps, spans, the slowest, and who came back."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heapreplace
from typing import NamedTuple

from wsreplay.contract import Contract
from wsreplay.contract.decoding import messages_of
from wsreplay.contract.users import sessions_of
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource
from wsreplay.trace.statistics import Statistics, collect
from wsreplay.validator.durations import SpanGroup, tally_spans
from wsreplay.validator.findings import SpanRecord
from wsreplay.validator.select import select_contracts

MOST_SLOWEST = 10
MOST_RECONNECTS = 10


class SlowSpan(NamedTuple):
    """One of the spans that took longest. Its `frame` began it; times in ns."""

    lasted_ns: int
    title: str
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
    """What was counted. `spans` are by kind and label. `reconnected` says how many reconnects there are beside those that are
    told, `lasted_ns` how long what was counted took, as lists say it of a recording or a session."""

    statistics: Statistics
    spans: dict[tuple[str, str], SpanGroup]
    slowest: list[SlowSpan]
    reconnects: list[ClientReturn]
    reconnected: int
    lasted_ns: int


class _Slowest:
    """The spans that took longest: a run stands beside its tools, for it may have been slow between them."""

    def __init__(self) -> None:
        # No more than MOST_SLOWEST, the quickest of them first.
        self._heap: list[SlowSpan] = []

    def add(self, record: SpanRecord, _outermost: SpanRecord) -> None:
        if record.end_ns is None:
            return
        span = SlowSpan(
            record.end_ns - record.start_ns, record.title, record.state, record.session, record.start_ns,
            record.start_frame,
        )  # fmt: skip
        if len(self._heap) < MOST_SLOWEST:
            heappush(self._heap, span)
        elif span > self._heap[0]:
            heapreplace(self._heap, span)

    def listed(self) -> list[SlowSpan]:
        return sorted(self._heap, reverse=True)


def count_figures(
    recording: Recording, contract: Contract | None = None, decoder: str | None = None,
    connections: Sequence[int] | None = None, users: Sequence[UserSource] = (),
) -> Figures:  # fmt: skip
    """The figures of some connections (None: all). Without a contract the one that fits says what a run and a tool are; `users`
    say where users are named, before the contract does.

    Memory is bounded, whatever the recording's length. Raises UsageError, and the errors of the RecordingError family.
    """
    judged_by = (contract or select_contracts(recording, decoder=decoder)[0]).read_as(ReadAs(decoder, tuple(users)))
    sessions = sessions_of(recording, judged_by)
    slowest = _Slowest()
    statistics = collect(recording, connections, messages_of(recording, contract, decoder), sessions)
    spans = tally_spans(recording, judged_by, connections, slowest.add)
    reconnects = _find_reconnects(sessions, connections)
    longest = sorted(reconnects, key=lambda reconnect: -reconnect.away_ns)[:MOST_RECONNECTS]
    lasted_ns = _lasted_ns(recording, connections)
    return Figures(statistics, spans, slowest.listed(), longest, len(reconnects) - len(longest), lasted_ns)


def _lasted_ns(recording: Recording, connections: Sequence[int] | None) -> int:
    """How long a recording is, or from the first beginning of some connections to their end."""
    if connections is None:
        return recording.reached_ns()
    counted = tuple(connection for connection in recording.connections() if connection.id in connections)
    return recording.end_ns(Session(0, counted)) - counted[0].opened_ns if counted else 0


def _find_reconnects(sessions: Sequence[Session], connections: Sequence[int] | None) -> list[ClientReturn]:
    wanted = None if connections is None else frozenset(connections)
    reconnects = []
    for session in sessions:
        for before, after in zip(session.connections, session.connections[1:], strict=False):
            if before.closed_ns is not None and (wanted is None or after.id in wanted):
                away_ns = max(0, after.opened_ns - before.closed_ns)
                reconnects.append(ClientReturn(session.id, session.user, after.opened_ns, away_ns, after.id))
    return reconnects
