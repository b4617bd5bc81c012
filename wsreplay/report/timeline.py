"""A session told in order: its events, what findings say of them, and what should have come, at the place where it was due."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import merge

from wsreplay.contract.event_words import merge_alike
from wsreplay.display import INJECTED, close_text
from wsreplay.model import Ending, Fault, Message, Opcode, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.endings import ending_text
from wsreplay.trace.reading import MessageReading
from wsreplay.validator.findings import Finding, Verdict
from wsreplay.validator.reporting import bare_type

_EXCERPT_BYTES = 64 * 1024
_MOST_EXPECTED = 4


class TimelineKind(StrEnum):
    """What a row is of."""

    EVENT = "event"  # a message
    GHOST = "ghost"  # a message that never came
    CONNECTION = "connection"  # a drop, a reconnect
    FAULT = "fault"  # what wsreplay did to the traffic on purpose


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of a timeline. `findings` are decided by this row, `witness` says that one points at it."""

    t_ns: int
    kind: TimelineKind
    label: str
    connection: int
    direction: int | None = None
    frame: int | None = None
    payload: bytes = b""
    text: str = ""
    findings: tuple[Finding, ...] = ()
    witness: bool = False

    @property
    def notable(self) -> bool:
        """Whether it stays where rows are folded."""
        return self.witness or bool(self.findings) or self.kind is not TimelineKind.EVENT


@dataclass(frozen=True, slots=True)
class FoldedRows:
    """Rows that were left out."""

    rows: int


@dataclass(slots=True)
class Marks:
    """What findings point at: the frames they decide on, the frames they call as witnesses, and what is missing.

    A finding that only follows from another one points at nothing new.
    """

    # by frame id: the last witness of the findings, or what activated them
    decided: defaultdict[int, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    witnesses: set[int] = field(default_factory=set)
    # in the order of their places
    missing: list[Finding] = field(default_factory=list)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Marks:
        """What these findings point at."""
        marks = cls()
        for finding in findings:
            if finding.caused_by is not None:
                continue
            marks.witnesses.update(finding.frames)
            if finding.is_ghost:
                marks.missing.append(finding)
            elif finding.frames or finding.activation is not None:
                marks.decided[max(finding.frames, default=finding.activation or 0)].append(finding)
        marks.missing.sort(key=lambda finding: (finding.after or 0, ghost_ns(finding)))
        return marks


def ghost_ns(finding: Finding) -> int:
    """Where a missing event stands."""
    return finding.at_ns if finding.at_ns is not None else finding.decided_at


def faults(recording: Recording, session: Session) -> list[Fault]:
    """What was injected into a session, by time; what is of no connection is of every session."""
    connections = {None, *(connection.id for connection in session.connections)}
    return [fault for fault in recording.faults() if fault.connection_id in connections]


def rows(recording: Recording, session: Session, findings: Iterable[Finding], reading: MessageReading) -> Iterator[TimelineRow]:
    """All rows of a session by time; bounded memory, whatever its length."""
    marks = Marks.of(findings)
    late = {ghost_ns(finding) for finding in marks.missing if finding.is_late_open}
    ends = (row for row in _ends(session) if row.label != "ws.open" or row.t_ns not in late)
    waiting = deque(sorted([*_faults(recording, session), *ends], key=lambda row: row.t_ns))
    ghosts = deque(_ghosts(marks.missing))
    for message in reading.messages([connection.id for connection in session.connections]):
        yield from _due_before(message, waiting, ghosts)
        if message.opcode in (Opcode.TEXT, Opcode.BINARY) or message.id in marks.witnesses or message.id in marks.decided:
            yield _row(message, marks)
    yield from merge(waiting, ghosts, key=lambda row: row.t_ns)


def folded(rows: Iterable[TimelineRow], *, around: int, whole: int) -> Iterator[TimelineRow | FoldedRows]:
    """Rows near notable ones, the first and the last few; FoldedRows where some were left out; not for up to `whole` rows."""
    held: deque[TimelineRow] = deque()
    left_out, trailing = 0, around
    beginning: list[TimelineRow] | None = []
    for row in rows:
        if beginning is not None:
            beginning.append(row)
            if len(beginning) <= whole:
                continue
            again, beginning = beginning, None
        else:
            again = [row]
        for connection in again:
            if connection.notable:
                if left_out:
                    yield FoldedRows(left_out)
                yield from held
                held.clear()
                left_out, trailing = 0, around
                yield connection
            elif trailing:
                trailing -= 1
                yield connection
            else:
                held.append(connection)
                if len(held) > around:
                    held.popleft()
                    left_out += 1
    if beginning is not None:
        yield from beginning
        return
    if left_out:
        yield FoldedRows(left_out)
    yield from held


def why_missing(finding: Finding) -> str:
    """What became of a missing event, as the end of a sentence that begins with when it was due."""
    if finding.verdict is Verdict.PENDING:
        return "the recording ends before it is decided"
    if finding.verdict is Verdict.INCONCLUSIVE:
        return "it is not known whether it came"
    match finding.decided_by:
        case "scope_close":
            if _is_of_connection(finding):
                return "the connection ended first"
            if _is_of_run(finding):
                return "the run ended without it"
            return f"{finding.seen} came without it" if finding.seen else "the session ended without it"
        case "trace_end":
            return "the recording ends without it"
        case "deadline":
            return "nothing came in time"
    return f"{finding.seen} came instead" if finding.seen else "it never came"


def why_decided(finding: Finding) -> str:
    """What happened when a finding was decided: `when the run ended`."""
    match finding.decided_by:
        case "deadline":
            return "when it was due"
        case "scope_close" if _is_of_connection(finding):
            return "when the connection ended"
        case "scope_close" if _is_of_run(finding):
            return "when the run ended"
        case "scope_close" if not finding.seen:
            return "when the session ended"
        case "trace_end":
            return "when the recording ended"
        case "event" if finding.kind == "order" and finding.seen and finding.seen in map(bare_type, finding.expected):
            return f"when frame {finding.activation} came before it"
    return f"when {finding.seen} came" if finding.seen else "by the next event"


def _is_of_connection(finding: Finding) -> bool:
    """Whether it misses the end of a span that nothing but the end of the connection has closed."""
    return finding.seen is None and bool(finding.slice) and finding.slice[-1][0] == finding.rule


def _is_of_run(finding: Finding) -> bool:
    return any(name == "run" for name, _ in finding.slice)


def expected(finding: Finding) -> str:
    """What was expected, in words: `tool_completed or tool_error`."""
    alike = merge_alike(finding.expected)
    names = alike[:_MOST_EXPECTED]
    if len(alike) > _MOST_EXPECTED:
        names.append("…")
    return " or ".join(names)


def _due_before(message: Message, waiting: deque[TimelineRow], ghosts: deque[TimelineRow]) -> Iterator[TimelineRow]:
    """What stands before a message: by its time; what is missing behind the frame that the finding names."""
    while True:
        other = waiting[0] if waiting and waiting[0].t_ns < message.t_ns else None
        ghost = ghosts[0] if ghosts and (ghosts[0].findings[0].after or 0) < message.id else None
        if other is not None and (ghost is None or other.t_ns <= ghost.t_ns):
            yield waiting.popleft()
        elif ghost is not None:
            yield ghosts.popleft()
        else:
            return


def _ghosts(missing: list[Finding]) -> Iterator[TimelineRow]:
    for finding in missing:
        if finding.is_late_open:
            number = finding.connection or 0
            yield TimelineRow(
                ghost_ns(finding), TimelineKind.CONNECTION, "ws.open", number, text="reconnected", findings=(finding,)
            )
            continue
        yield TimelineRow(
            ghost_ns(finding), TimelineKind.GHOST, finding.expected[0], finding.connection or 0,
            text=why_missing(finding), findings=(finding,),
        )  # fmt: skip


def _faults(recording: Recording, session: Session) -> Iterator[TimelineRow]:
    for fault in faults(recording, session):
        yield TimelineRow(fault.t_ns, TimelineKind.FAULT, INJECTED, fault.connection_id or 0, fault.direction, text=fault.said)


def _ends(session: Session) -> Iterator[TimelineRow]:
    """Drops and reconnects; an ordinary beginning and end are nothing to tell."""
    for number, connection in enumerate(session.connections):
        if number:
            yield TimelineRow(connection.opened_ns, TimelineKind.CONNECTION, "ws.open", connection.id, text="reconnected")
        text = ending_text(connection)
        if text and connection.closed_ns is not None:
            label = "ws.close" if connection.ending is Ending.CLEAN else "ws.drop"
            yield TimelineRow(connection.closed_ns, TimelineKind.CONNECTION, label, connection.id, text=text)


def _row(message: Message, marks: Marks) -> TimelineRow:
    label = message.type if message.type is not None else f"({Opcode(message.opcode).name.lower()})"
    findings = tuple(marks.decided.get(message.id, ()))  # they stand at the first event of a frame
    payload = close_text(message.payload) if message.opcode == Opcode.CLOSE else message.payload
    return TimelineRow(
        message.t_ns, TimelineKind.EVENT, label, message.connection_id, message.direction, int(message.id),
        payload[:_EXCERPT_BYTES], findings=findings, witness=int(message.id) in marks.witnesses,
    )  # fmt: skip
