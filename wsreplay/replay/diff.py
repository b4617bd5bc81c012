"""Two conversations compared: by session, run, tool and type, not by index.

Messages are aligned first by what they say, ids and times aside, then by their slice and type. What is in one only, what says
something else, and what comes in another order is a difference. The order of parallel slices, such as two tools of one run, is
none, and neither is that of opposite directions, which race.
"""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wsreplay.contract.model import Contract, Latency, Span
from wsreplay.model import Ending, Message, Session
from wsreplay.replay.align import align, pair_up
from wsreplay.replay.compare import Comparer, FieldChange
from wsreplay.replay.fields import Fields, fields_of
from wsreplay.replay.slices import Correspondence
from wsreplay.replay.talk import END, OPEN, Chain, Said, Talk
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import RESUME_WITHIN_NS, plain_path, stitch
from wsreplay.validator.findings import Finding
from wsreplay.validator.judge import judge


class Kind(StrEnum):
    """What a difference is."""

    ONLY_A = "only a"
    ONLY_B = "only b"
    CHANGED = "changed"
    MOVED = "moved"  # in another order, and perhaps changed too
    TIMING = "timing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One message, in one conversation or in both. `later_ns` is by how much it came later in b."""

    kind: Kind
    a: Said | None
    b: Said | None
    fields: tuple[FieldChange, ...] = ()
    later_ns: int | None = None

    @property
    def said(self) -> Said:
        said = self.a if self.a is not None else self.b
        assert said is not None
        return said


@dataclass(frozen=True, slots=True)
class SessionDiff:
    """Two sessions that belong together, or one that stands alone. `alike` counts messages without a difference."""

    a: Session | None
    b: Session | None
    alike: int = 0
    differences: tuple[Difference, ...] = ()
    findings_a: tuple[Finding, ...] = ()  # that only a has
    findings_b: tuple[Finding, ...] = ()

    @property
    def same(self) -> bool:
        return self.a is not None and self.b is not None and not (self.differences or self.findings_a or self.findings_b)


@dataclass(frozen=True, slots=True)
class Diff:
    """The result of comparing two recordings."""

    sessions: tuple[SessionDiff, ...]

    @property
    def same(self) -> bool:
        return all(session.same for session in self.sessions)

    @property
    def count(self) -> int:
        """How many differences there are, findings included."""
        lone = sum(1 for one in self.sessions if one.a is None or one.b is None)
        return lone + sum(len(one.differences) + len(one.findings_a) + len(one.findings_b) for one in self.sessions)


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """`ignore` are JSON paths, or names of members anywhere, whose values are not compared (only that they are there);
    `map` paths of further ids; `coalesce` types whose consecutive messages are one; `timing_ns` a change in time worth telling;
    `shape` compares types and ids only; `findings`: what the contract finds, `timeless` without what it says of time."""

    ignore: Sequence[str] = ()
    map: Sequence[str] = ()
    coalesce: Collection[str] = ()
    timing_ns: int | None = None
    shape: bool = False
    findings: bool = True
    timeless: bool = False


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
    fields = fields_of(contract, options.map, options.ignore)
    within = contract.resume_within_ns if contract is not None else RESUME_WITHIN_NS
    left = _talks(a, fields, options.coalesce, session_a, within)
    right = _talks(b, fields, options.coalesce, session_b, within)
    both_named = session_a is not None and session_b is not None
    pairs = [(0, 0)] if both_named and left and right else _pair_sessions(left, right)
    findings = (_findings(a, contract, options, left), _findings(b, contract, options, right))
    out = []
    for i, j in sorted(pairs):
        found = findings[0].get(left[i].session.id, []), findings[1].get(right[j].session.id, [])
        out.append(_diff_session(left[i], right[j], fields, options, *_only(*found)))
    paired = {i for i, _ in pairs}, {j for _, j in pairs}
    out += [SessionDiff(talk.session, None) for i, talk in enumerate(left) if i not in paired[0]]
    out += [SessionDiff(None, talk.session) for j, talk in enumerate(right) if j not in paired[1]]
    return Diff(tuple(out))


def _talks(
    recording: Recording, fields: Fields, coalesce: Collection[str], session: int | None, within_ns: int
) -> list[Talk]:
    with recording.snapshot():
        sessions = stitch(recording.connections(), within_ns)
        if session is not None:
            sessions = [one for one in sessions if one.id == session]
        of = {connection.id: one.id for one in sessions for connection in one.connections}
        messages: dict[int, list[Message]] = {one.id: [] for one in sessions}
        for message in recording.messages(connections=None if session is None else sorted(of)):
            messages[of[message.connection_id]].append(message)
    return [Talk.of(one, messages.pop(one.id), fields, coalesce) for one in sessions]


def _pair_sessions(a: list[Talk], b: list[Talk]) -> list[tuple[int, int]]:
    """Sessions of the same user with the same course, then the same course, then the same user, then in order of opening."""

    def column(what: Any) -> tuple[list[Hashable], list[Hashable]]:
        return [what(talk) for talk in a], [what(talk) for talk in b]

    courses = {id(talk): hash(tuple((said.direction, said.name) for said in talk.said)) for talk in [*a, *b]}
    refused = {id(talk): talk.session.ending is Ending.REFUSED for talk in [*a, *b]}
    return pair_up(
        column(lambda talk: (plain_path(talk.session.path), talk.session.user, courses[id(talk)])),
        column(lambda talk: (plain_path(talk.session.path), courses[id(talk)])),
        column(lambda talk: (plain_path(talk.session.path), talk.session.user, refused[id(talk)])),
        column(lambda talk: (plain_path(talk.session.path), refused[id(talk)])),
        column(lambda talk: refused[id(talk)]),
    )


def _diff_session(
    a: Talk, b: Talk, fields: Fields, options: DiffOptions, findings_a: list[Finding], findings_b: list[Finding]
) -> SessionDiff:
    slices = Correspondence(a, b)
    volatile = (fields.seq,) if options.coalesce and fields.seq is not None else ()
    comparer = Comparer(fields, slices, volatile=volatile, shape=options.shape)
    weak_a, weak_b = _weak(0, a, slices), _weak(1, b, slices)
    contents_a, contents_b = [comparer.token(0, said) for said in a.said], [comparer.token(1, said) for said in b.said]
    strong_a, strong_b = list(zip(weak_a, contents_a, strict=True)), list(zip(weak_b, contents_b, strict=True))
    pairs = align(strong_a, strong_b, (weak_a, weak_b))
    matched = {i for i, _ in pairs}, {j for _, j in pairs}
    left = [i for i in range(len(a.said)) if i not in matched[0]]
    right = [j for j in range(len(b.said)) if j not in matched[1]]
    by_content = [strong_a[i] for i in left], [strong_b[j] for j in right]
    by_type = [weak_a[i] for i in left], [weak_b[j] for j in right]
    crossing = [(left[i], right[j]) for i, j in pair_up(by_content, by_type)]
    order = _Order(a, b, pairs)
    found: list[tuple[tuple[int, int], Difference]] = []
    alike = 0
    moved = set(crossing)
    for i, j in sorted([*pairs, *crossing]):
        one, other = a.said[i], b.said[j]
        changes = comparer.differences(one, other, contents_a[i] == contents_b[j])
        if (i, j) in moved and order.changed(i, j):
            found.append(((i, 1), Difference(Kind.MOVED, one, other, changes)))
        elif changes:
            found.append(((i, 1), Difference(Kind.CHANGED, one, other, changes)))
        else:
            alike += 1
    gone = {i for i, _ in crossing}, {j for _, j in crossing}
    found += [((i, 0), Difference(Kind.ONLY_A, a.said[i], None)) for i in left if i not in gone[0]]
    # What only b has stands before what comes next in both.
    following = [j for _, j in pairs]
    for j in right:
        if j not in gone[1]:
            at = bisect_left(following, j)
            place = pairs[at][0] if at < len(pairs) else len(a.said)
            found.append(((place, -1), Difference(Kind.ONLY_B, None, b.said[j])))
    if options.timing_ns is not None:
        found += _timing(a, b, pairs, options.timing_ns)
    found.sort(key=lambda entry: entry[0])
    return SessionDiff(a.session, b.session, alike, tuple(one for _, one in found), tuple(findings_a), tuple(findings_b))


def _weak(side: int, talk: Talk, slices: Correspondence) -> list[tuple[int, str, int]]:
    return [(said.direction, said.name, slices.number(side, said)) for said in talk.said]


class _Order:
    """Whether a message that was paired out of order has passed others that it has an order with: those of its own
    direction in its own slice, in what that is part of, and in its parts."""

    def __init__(self, a: Talk, b: Talk, pairs: Sequence[tuple[int, int]]) -> None:
        self._talks = a, b
        self._exact: dict[tuple[int, Chain], tuple[list[int], list[int]]] = {}
        self._below: dict[tuple[int, Chain], tuple[list[int], list[int]]] = {}
        for i, j in pairs:
            said = a.said[i]
            if said.name in (OPEN, END):
                continue
            _append(self._exact, (said.direction, said.chain), i, j)
            for depth in range(1, len(said.chain) + 1):
                _append(self._below, (said.direction, said.chain[:depth]), i, j)

    def changed(self, i: int, j: int) -> bool:
        said = self._talks[0].said[i]
        found = [self._below.get((said.direction, said.chain))] if said.chain else []
        found += [self._exact.get((said.direction, said.chain[:depth])) for depth in range(len(said.chain) or 1)]
        before = [(bisect_left(places[0], i), bisect_left(places[1], j)) for places in found if places is not None]
        return any(left != right for left, right in before)


def _append(table: dict[tuple[int, Chain], tuple[list[int], list[int]]], key: tuple[int, Chain], i: int, j: int) -> None:
    lists = table.get(key)
    if lists is None:
        lists = table[key] = ([], [])
    lists[0].append(i)
    lists[1].append(j)


def _timing(a: Talk, b: Talk, pairs: Iterable[tuple[int, int]], threshold_ns: int) -> list[tuple[tuple[int, int], Difference]]:
    """Messages that came sooner or later after the message before them than in the other conversation."""
    before = 0, 0
    found = []
    for i, j in pairs:
        one, other = a.said[i], b.said[j]
        later = (other.t_ns - before[1]) - (one.t_ns - before[0])
        before = one.t_ns, other.t_ns
        if abs(later) > threshold_ns and one.name != OPEN:
            found.append(((i, 1), Difference(Kind.TIMING, one, other, later_ns=later)))
    return found


# Findings.


def _findings(
    recording: Recording, contract: Contract | None, options: DiffOptions, talks: list[Talk]
) -> dict[int | None, list[Finding]]:
    found: dict[int | None, list[Finding]] = {}
    if contract is None or not options.findings:
        return found
    judgement = judge(recording, contract, sessions=[talk.session for talk in talks])
    of_time = {rule.id for rule in contract.rules if isinstance(rule, Latency) or getattr(rule, "within_ns", None) is not None}
    of_time -= {span.id for span in contract.of(Span)}  # of a span only what is late is a matter of time
    for finding in judgement.findings:
        if options.timeless and (finding.rule in of_time or finding.late_by is not None or finding.decided_by == "deadline"):
            continue
        found.setdefault(finding.session, []).append(finding)
    return found


def _only(a: list[Finding], b: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Those without a counterpart of the same fingerprint."""

    def without(these: list[Finding], others: list[Finding]) -> list[Finding]:
        counts = Counter(one.fingerprint for one in others)
        out = []
        for one in these:
            if counts[one.fingerprint]:
                counts[one.fingerprint] -= 1
            else:
                out.append(one)
        return out

    return without(a, b), without(b, a)
