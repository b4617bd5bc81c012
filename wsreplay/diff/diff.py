"""Two conversations compared: by session, run, tool and type, not by index.

Messages are aligned first by what they say, ids and times aside, then by their slice and type. What is in one only, what says
something else, and what comes in another order is a difference. The order of parallel slices, such as two tools of one run, is
none, and neither is that of opposite directions, which race.
"""

from __future__ import annotations

import gc
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.identities import Fields, fields_of
from wsreplay.contract.model import Contract, ProductMap, Span
from wsreplay.contract.rules.latency import Latency
from wsreplay.contract.users import sessions_of
from wsreplay.diff.compare import Comparer
from wsreplay.diff.conversation import ComparedSession
from wsreplay.diff.left_out import LeftOut, heartbeats_of
from wsreplay.diff.pairing import NAMED, SessionPair, pair_sessions
from wsreplay.diff.rows import Kind, Row, rows
from wsreplay.diff.slices import Correspondence
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.reading import MessageReading
from wsreplay.validator.findings import Finding, Judgement, SpanRecord
from wsreplay.validator.judge import judge
from wsreplay.validator.span_log import SpanLog


class SpanChange(NamedTuple):
    """A span that ended otherwise in b than in a, or that only one of them has."""

    a: SpanRecord | None
    b: SpanRecord | None

    @property
    def record(self) -> SpanRecord:
        """Of a, if it has it."""
        record = self.a or self.b
        assert record is not None
        return record


@dataclass(frozen=True, slots=True)
class SessionDiff:
    """Two sessions that belong together, or one that stands alone. `alike` counts messages without a difference; `rows` are
    all there are, where they were asked for."""

    a: Session | None
    b: Session | None
    alike: int = 0
    differences: tuple[Row, ...] = ()
    findings_a: tuple[Finding, ...] = ()  # that only a has
    findings_b: tuple[Finding, ...] = ()
    rows: tuple[Row, ...] = ()
    spans: tuple[SpanChange, ...] = ()  # what became otherwise of runs and tools, since messages or times are others
    paired_by: tuple[str, ...] = ()  # as a SessionPair has it
    # how many messages of which type were not compared, of a and of b
    left_out: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {})

    @property
    def same(self) -> bool:
        """Whether both are there, and neither a message nor a finding differs."""
        return self.a is not None and self.b is not None and not (self.differences or self.findings_a or self.findings_b)


@dataclass(frozen=True, slots=True)
class Diff:
    """The result of comparing two recordings."""

    sessions: tuple[SessionDiff, ...]

    @property
    def same(self) -> bool:
        """Whether no session differs."""
        return all(session.same for session in self.sessions)

    @property
    def count(self) -> int:
        """How many differences there are, findings included."""
        return self.messages + self.findings + self.lone

    @property
    def messages(self) -> int:
        """How many messages differ, or are in one recording only."""
        return sum(len(session.differences) for session in self.sessions)

    @property
    def findings(self) -> int:
        """How many findings only one recording has."""
        return sum(len(session.findings_a) + len(session.findings_b) for session in self.sessions)

    @property
    def lone(self) -> int:
        """How many sessions have no partner."""
        return sum(session.a is None or session.b is None for session in self.sessions)


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """`ignore` are JSON paths, or names of members anywhere, whose values are not compared (only that they are there);
    `ignore_types` patterns of types that are left out, and `heartbeats` says whether heartbeats are compared;
    `map` paths of further ids; `coalesce` types whose consecutive messages are one; `timing_ns` a change in time worth telling;
    `shape` compares types and ids only; `findings`: what the contract finds, `timeless` without what it says of time; `whole`
    keeps what is alike too."""

    ignore: Sequence[str] = ()
    map: Sequence[str] = ()
    coalesce: Collection[str] = ()
    timing_ns: int | None = None
    shape: bool = False
    findings: bool = True
    timeless: bool = False
    whole: bool = False
    ignore_types: Sequence[str] = ()
    heartbeats: bool = False


def diff(
    a: Recording, b: Recording, contract: Contract | None = None, options: DiffOptions | None = None,
    *, session_a: int | None = None, session_b: int | None = None,
) -> Diff:  # fmt: skip
    """Compare two recordings, or one session of each. Raises UsageError, RecordingError."""
    options = options or DiffOptions()
    with _no_collections():
        return _diff(a, b, contract, options, session_a, session_b)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Hundreds of thousands of small values without a cycle among them: looking for cycles costs a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _diff(
    a: Recording, b: Recording, contract: Contract | None, options: DiffOptions, session_a: int | None, session_b: int | None
) -> Diff:
    readings = messages_of(a, contract), messages_of(b, contract)
    fields = fields_of(contract, [*options.map, *_protocol_ids(*readings)], options.ignore)
    if options.coalesce and fields.seq is not None:
        # However many messages there were, the numbers behind them have moved.
        fields = replace(fields, volatile=(*fields.volatile, fields.seq), seq=None)
    left = _talks(a, readings[0], fields, options, session_a, contract)
    right = _talks(b, readings[1], fields, options, session_b, contract)
    both_named = session_a is not None and session_b is not None and left and right
    pairs = [SessionPair(0, 0, (NAMED,))] if both_named else pair_sessions(left, right, fields.levels)
    judged = (
        _judged(a, contract, options, None if session_a is None else left),
        _judged(b, contract, options, None if session_b is None else right),
    )
    out = []
    for i, j, by in pairs:
        both = judged[0].findings(left[i].session.id), judged[1].findings(right[j].session.id)
        spans = judged[0].spans(left[i].session.id), judged[1].spans(right[j].session.id)
        comparer = Comparer(fields, Correspondence(left[i], right[j]), shape=options.shape)
        rows_told, alike = rows((a, left[i]), (b, right[j]), comparer, timing_ns=options.timing_ns, whole=options.whole)
        differences = tuple(row for row in rows_told if row.kind is not Kind.SAME)
        kept = tuple(rows_told) if options.whole else ()
        sessions = left[i].session, right[j].session
        only = _only(*both, contract if options.timeless else None)
        changes = () if options.timeless else _span_changes(*spans)
        left_out = left[i].left_out, right[j].left_out
        out.append(SessionDiff(*sessions, alike, differences, *only, kept, changes, by, left_out))
    paired = {pair.a for pair in pairs}, {pair.b for pair in pairs}
    out += [SessionDiff(talk.session, None) for i, talk in enumerate(left) if i not in paired[0]]
    out += [SessionDiff(None, talk.session) for j, talk in enumerate(right) if j not in paired[1]]
    return Diff(tuple(out))


def _protocol_ids(*readings: MessageReading) -> list[str]:
    """Where the protocols of two recordings number their requests."""
    decoders = [decoder for reading in readings for decoder in reading.decoders()]
    return list(dict.fromkeys(paths.show(path) for decoder in decoders for path in getattr(decoder, "ids", ())))


def _talks(
    recording: Recording, reading: MessageReading, fields: Fields, options: DiffOptions, session: int | None,
    contract: Contract | None,
) -> list[ComparedSession]:  # fmt: skip
    with recording.snapshot():
        sessions = sessions_of(recording, contract)
        if session is not None:
            sessions = [candidate for candidate in sessions if candidate.id == session]
        called = ProductMap().name_of if contract is None else contract.map.name_of
        leaves_out = LeftOut(options.ignore_types, heartbeats=not options.heartbeats, called=called,
                             timed=heartbeats_of(contract))  # fmt: skip
        talks = [ComparedSession(session, fields, options.coalesce, leaves_out) for session in sessions]
        of = {connection.id: talk for talk in talks for connection in talk.session.connections}
        for message in reading.messages(None if session is None else sorted(of), heartbeats=False):
            of[message.connection_id].take(message)
    return [talk.finish() for talk in talks]


# Findings.


class _Judged:
    """What a contract says of one recording, by session; nothing where none was asked."""

    def __init__(self, judgement: Judgement | None) -> None:
        # by session; findings that belong to none are under None
        self._findings: dict[int | None, list[Finding]] = {}
        self._spans: dict[int, list[SpanRecord]] = {}
        for finding in judgement.findings if judgement is not None else ():
            self._findings.setdefault(finding.session, []).append(finding)
        for record in judgement.spans if judgement is not None else ():
            self._spans.setdefault(record.session, []).append(record)

    def findings(self, session: int) -> list[Finding]:
        return self._findings.get(session, [])

    def spans(self, session: int) -> list[SpanRecord]:
        return self._spans.get(session, [])


def _judged(
    recording: Recording, contract: Contract | None, options: DiffOptions, talks: list[ComparedSession] | None
) -> _Judged:
    """Of these talks, or of the whole recording."""
    if contract is None or not options.findings:
        return _Judged(None)
    sessions = None if talks is None else [talk.session for talk in talks]
    return _Judged(judge(recording, contract, sessions=sessions, span_log=SpanLog()))


def _span_changes(a: list[SpanRecord], b: list[SpanRecord]) -> tuple[SpanChange, ...]:
    """Spans of the same kind and label are paired in their order."""
    waiting: dict[tuple[str, str], deque[SpanRecord]] = {}
    for record in b:
        waiting.setdefault((record.span, record.label), deque()).append(record)
    changes = []
    for record in a:
        others = waiting.get((record.span, record.label))
        other = others.popleft() if others else None
        if other is None or other.state != record.state:
            changes.append(SpanChange(record, other))
    changes += [SpanChange(None, record) for others in waiting.values() for record in others]
    return tuple(sorted(changes, key=lambda change: change.record.start_ns))


def _only(
    a: list[Finding], b: list[Finding], timeless: Contract | None
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Those without a counterpart of the same fingerprint. `timeless`: without what its rules say of time."""
    of_time = set() if timeless is None else _rules_of_time(timeless)

    def without(these: list[Finding], others: list[Finding]) -> tuple[Finding, ...]:
        counts = Counter(other.fingerprint for other in others)
        out = []
        for finding in these:
            if counts[finding.fingerprint]:
                counts[finding.fingerprint] -= 1
            elif timeless is None or not (
                finding.rule in of_time or finding.late_by is not None or finding.decided_by == "deadline"
            ):
                out.append(finding)
        return tuple(out)

    return without(a, b), without(b, a)


def _rules_of_time(contract: Contract) -> set[str]:
    """Of a span only what is late is a matter of time."""
    bounded = {rule.id for rule in contract.rules if isinstance(rule, Latency) or getattr(rule, "within_ns", None) is not None}
    return bounded - {span.id for span in contract.of(Span)}
