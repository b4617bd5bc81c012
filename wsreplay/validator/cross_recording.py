"""What reached the wrong user in another recording.

Each recording by itself was judged before, and says which ids came in it and whose they are. Where an id is one user's in one
recording and another's in a second, what was recorded of these users is judged again as one trace, by the rules that ask whose
something is; what they find stands in the recording of who got what is not theirs.

Only the order of what came matters then: hours may lie between recordings, in which nothing is forgotten.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from wsreplay import remote
from wsreplay.contract import Contract
from wsreplay.contract.rules.isolation import Bind, Canary
from wsreplay.display import visible
from wsreplay.model import CONNECTION_SHIFT, Connection, Row, start_ns_of
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator.claims import Claims, Owner
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict
from wsreplay.validator.judge import judged_choices, rare_collection
from wsreplay.validator.recording_context import RecordingContext
from wsreplay.validator.reporting import short
from wsreplay.validator.verdicts import verdict_of_rule, whole

# So short is the trace made that is judged as one: nothing in it is idle for long enough to be forgotten.
_LASTS_NS = 60_000_000_000
_BATCH = 1_000
Member = tuple[int, Owner]
"""Which file, and whose of it."""
Id = tuple[str, str]
"""A key and its value."""


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A recording that was judged by itself, and the ids that came in it."""

    path: Path
    judgement: Judgement
    claims: Claims


def judge_across(files: Sequence[JudgedFile], contract: Contract) -> dict[int, Judgement]:
    """The judgements that are others when these files are taken for recordings of one backend, by the files' places.

    Raises the errors of the RecordingError family.
    """
    rules = {rule.id for kind in (Bind, Canary) for rule in contract.of(kind)}
    leaks: dict[int, list[Finding]] = defaultdict(list)
    judged: dict[int, set[int]] = defaultdict(set)
    with rare_collection():
        for members, ids in _suspects(files) if rules else ():
            group = _Group(files, contract, members, ids)
            for number, finding in group.findings(rules):
                leaks[number].append(finding)
            for number, connections in group.connections.items():
                judged[number] |= connections
    return {
        number: changed
        for number, connections in sorted(judged.items())
        if (changed := _amended(files[number].judgement, contract, rules, connections, leaks[number])) is not None
    }


def _suspects(files: Sequence[JudgedFile]) -> Iterator[tuple[set[Member], set[Id]]]:
    """Users of several files who have ids in common, group by group."""
    ids: dict[Id, dict[Member, bool]] = defaultdict(dict)
    for number, file in enumerate(files):
        for key, value, in_a_url, owners in file.claims.named():
            of_id = ids[key, value]
            for owner in owners:
                of_id[number, owner] = of_id.get((number, owner), True) and in_a_url
    groups: dict[Member, tuple[set[Member], set[Id]]] = {}
    for id_, members in ids.items():
        # the number of an unknown user's session says nothing in another file
        people = {(-1 if isinstance(owner, str) else number, owner) for number, owner in members}
        if len(people) > 1 and len({number for number, _ in members}) > 1 and not all(members.values()):
            before = [groups[member] for member in members if member in groups]
            joined = set(members).union(*(others for others, _ in before)), {id_}.union(*(others for _, others in before))
            groups.update(dict.fromkeys(joined[0], joined))
    for first, group in sorted(groups.items(), key=lambda item: _place(item[0])):
        if first == min(group[0], key=_place):
            yield group


def _place(member: Member) -> tuple[int, str]:
    return member[0], str(member[1])


class _Group:
    """Users whose recordings are judged as one trace."""

    def __init__(self, files: Sequence[JudgedFile], contract: Contract, members: set[Member], ids: set[Id]) -> None:
        self._files, self._contract, self._ids = files, contract, ids
        # by file, the users whose events are judged here
        self._owners: dict[int, set[Owner]] = defaultdict(set)
        for number, owner in members:
            self._owners[number].add(owner)
        # connections of each file that are judged here
        self.connections: dict[int, set[int]] = {}
        # of each: its session in its file
        self._sessions: dict[tuple[int, int], int] = {}
        # of the trace: each connection's file, and its number there; each frame's file, number and time there
        self._places: list[tuple[int, int]] = []
        self._frames: list[tuple[int, int, int]] = []

    def findings(self, rules: set[str]) -> Iterator[tuple[int, Finding]]:
        """What these rules find, each with the file that it stands in."""
        engine = Engine(self._contract)
        with ExitStack() as stack:
            parts = [self._open(number, stack) for number in sorted(self._owners)]
            begin = min((part.begins_ns for part in parts), default=0)
            scale = max(1, (max((part.ends_ns for part in parts), default=0) - begin) // _LASTS_NS)
            connections: list[Connection] = []
            decoders: dict[int, str] = {}
            streams = []
            for part in parts:
                numbers = {}
                for connection in part.context.connections:
                    self._places.append((part.number, connection.id))
                    numbers[connection.id] = number = len(self._places)
                    connections.append(part.moved(connection, number, begin, scale))
                    decoders[number] = part.decoders[connection.id]
                streams.append(part.rows(numbers, begin, scale))
            engine.set_decoders(decoders)
            engine.expect(lifecycle(connections, stitch(connections, self._contract.resumption)))
            for rows in self._merged(streams):
                engine.run(rows)
            engine.finish(_LASTS_NS + 1)
        places: dict[int, int] = defaultdict(int)
        for finding in engine.judgement().findings:
            if finding.rule in rules and finding.verdict is Verdict.VIOLATED and finding.connection is not None:
                number, own_id = self._places[finding.connection - 1]
                places[number] += 1
                yield number, self._translated(finding, number, own_id, places[number])

    def _open(self, number: int, stack: ExitStack) -> _Part:
        file, owners = self._files[number], self._owners[number]
        recording = stack.enter_context(Recording.open(file.path))
        stack.enter_context(recording.snapshot())
        context = RecordingContext.read(recording, self._contract)
        chosen = set()
        for session in context.sessions:
            user = file.judgement.users.get(session.id)
            for connection in session.connections:
                if (connection.user or user or session.id) in owners:
                    chosen.add(connection.id)
                    self._sessions[number, connection.id] = session.id
        self.connections[number] = chosen
        return _Part(number, recording, context.among(chosen), self._contract)

    def _merged(self, streams: Sequence[Iterator[tuple[int, int, Row]]]) -> Iterator[list[Row]]:
        """All rows in the order of time, numbered anew."""
        rows = heapq.merge(*streams, key=lambda item: item[2][1])
        while batch := list(islice(rows, _BATCH)):
            first = len(self._frames) + 1
            self._frames += [(number, row[0], t_ns) for number, t_ns, row in batch]
            yield [(frame, row[1], row[2], row[3]) for frame, (_, _, row) in enumerate(batch, first)]

    def _translated(self, finding: Finding, number: int, connection: int, place: int) -> Finding:
        """The same in the words of the file that it stands in."""
        witnesses = [self._frames[int(frame) - 1] for frame in finding.frames]
        own = [(frame, t_ns) for file, frame, t_ns in witnesses if file == number]
        others = ", ".join(self._place_text(file, frame) for file, frame, _ in witnesses if file != number)
        frame, t_ns = own[-1] if own else (None, finding.decided_at)
        return replace(
            finding, message=f"{finding.message}; it was seen in {others}" if others else finding.message,
            slice=finding.slice or tuple(id_ for id_ in self._ids if finding.message.startswith(_beginning(id_))),
            frames=tuple(frame for frame, _ in own), activation=own[0][0] if own else None, events=(),
            session=self._sessions[number, connection], connection=connection, after=None, before=frame,
            decided_at=t_ns, id=f"across.{finding.rule}.{frame or 0}.{place}",
        )  # fmt: skip

    def _place_text(self, number: int, frame: int) -> str:
        return f"{visible(remote.shown(self._files[number].path))}, frame {frame}"


def _beginning(id_: Id) -> str:
    """Of what a finding says that is about an id."""
    return f"{id_[0]} {short(id_[1])} of "


class _Part:
    """What of one file is judged with others."""

    def __init__(self, number: int, recording: Recording, context: RecordingContext, contract: Contract) -> None:
        self.number, self.context = number, context
        self._recording = recording
        choices = judged_choices(contract)
        choices.refresh(recording, context.connections)
        self.decoders = choices.names()
        # the time of day (ns since 1970) at which the file's time begins
        self._zero_ns = 0
        with suppress(ValueError, IndexError):
            self._zero_ns = start_ns_of(context.runs[0])
        opened = [connection.opened_ns for connection in context.connections]
        self.begins_ns = self._zero_ns + min(opened, default=0)
        self.ends_ns = self._zero_ns + context.reached_ns

    def moved(self, connection: Connection, number: int, begin_ns: int, scale: int) -> Connection:
        """A connection as it is in the trace of all."""
        opened, closed = (
            None if t_ns is None else (self._zero_ns + t_ns - begin_ns) // scale
            for t_ns in (connection.opened_ns, connection.closed_ns)
        )
        assert opened is not None
        return connection._replace(id=number, opened_ns=opened, closed_ns=closed)

    def rows(self, numbers: dict[int, int], begin_ns: int, scale: int) -> Iterator[tuple[int, int, Row]]:
        """The file's number, the time in it, and a row as it is in the trace of all."""
        shift = self._zero_ns - begin_ns
        for rows in self._recording.rows(connections=numbers):
            for frame, t_ns, lane, payload in rows:
                connection, kind = divmod(lane, 1 << CONNECTION_SHIFT)
                lane = numbers[connection] << CONNECTION_SHIFT | kind
                yield self.number, t_ns, (frame, (t_ns + shift) // scale, lane, payload)


def _amended(
    judgement: Judgement, contract: Contract, rules: set[str], connections: set[int], leaks: list[Finding]
) -> Judgement | None:
    """A judgement in which these connections are judged by these rules as the leaks say; None where that is as before."""
    before = [item for item in judgement.findings if _is_leak(item, rules) and item.connection in connections]
    known = {(item.rule, item.connection, item.frames): item for item in before}
    leaks = [
        replace(same, message=item.message) if (same := known.get((item.rule, item.connection, item.frames))) else item
        for item in leaks
    ]
    if {(item.id, item.message) for item in leaks} == {(item.id, item.message) for item in before}:
        return None
    gone = {item.id for item in before}
    kept = [item for item in judgement.findings if item.id not in gone]
    findings = _folded(sorted([*kept, *leaks], key=lambda item: item.decided_at), leaks)
    verdicts = dict(judgement.session_verdicts)
    for session in {item.session for item in [*before, *leaks] if item.session is not None}:
        verdicts[session] = _session_verdict(session, verdicts.get(session, Verdict.SATISFIED), findings)
    counts = [_recounted(rule, before, leaks) if rule.id in rules else rule for rule in judgement.rules]
    return replace(
        judgement, rules=tuple(counts), findings=tuple(findings), session_verdicts=verdicts,
        verdict=whole(contract, tuple(counts), 1 if judgement.verdict is not Verdict.VACUOUS else 0),
    )  # fmt: skip


def _is_leak(finding: Finding, rules: set[str]) -> bool:
    return finding.rule in rules and finding.verdict is Verdict.VIOLATED


def _folded(findings: Sequence[Finding], new: Sequence[Finding]) -> list[Finding]:
    """What else is said of what leaked only follows from that."""
    causes_of = {(item.connection, pair): item for item in new for pair in item.slice}
    folded = []
    for finding in findings:
        causes = [causes_of[finding.connection, pair] for pair in finding.slice if (finding.connection, pair) in causes_of]
        folded.append(replace(finding, caused_by=causes[0].id) if causes and finding not in new else finding)
    return folded


def _session_verdict(session: int, before: Verdict, findings: Sequence[Finding]) -> Verdict:
    own = [item for item in findings if item.session == session and item.severity is Severity.ERROR]
    if any(item.verdict is Verdict.VIOLATED for item in own):
        return Verdict.VIOLATED
    return Verdict.SATISFIED if before is Verdict.VIOLATED else before


def _recounted(rule: RuleVerdict, before: Sequence[Finding], leaks: Sequence[Finding]) -> RuleVerdict:
    grown = sum(item.rule == rule.id for item in leaks) - sum(item.rule == rule.id for item in before)
    violations = max(0, rule.violations + grown)
    activations = max(rule.activations, violations)
    verdict = verdict_of_rule(violations, rule.errors, rule.inconclusive, rule.pending, activations, finished=True)
    severities = {item.severity for item in leaks if item.rule == rule.id} | ({rule.severity} if rule.violations else set())
    severity = Severity.ERROR if Severity.ERROR in severities or not severities else min(severities)
    return replace(
        rule, violations=violations, activations=activations, verdict=verdict, severity=severity,
        fulfilments=max(0, activations - violations - rule.pending - (rule.inconclusive - rule.unread)),
    )  # fmt: skip
