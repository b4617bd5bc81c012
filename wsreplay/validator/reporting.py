"""How monitors say what they found: counts per rule, findings with fingerprints, what only follows from what."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NamedTuple

from wsreplay.contract.event_words import merge_alike, one_of
from wsreplay.contract.model import Patterns, Rule
from wsreplay.contract.unseen import NEAR
from wsreplay.model import EventNumber, Hold
from wsreplay.trace.endings import how_ended
from wsreplay.units import noun_text
from wsreplay.validator.findings import Finding, Severity, Verdict
from wsreplay.validator.state.state import ConnectionState, SessionState, Slice
from wsreplay.validator.state.trace_event import MessageEvent

IN_A_URL = " in a URL"  # ends the name under which ids are logged that a URL may name

LogClaim = Callable[[str, Any, Any], None]
"""Is told of each id that somebody may own: its key, itself, and whose it is, a user's name or a session's state."""

MOST_FINDINGS = 10_000  # kept per rule; further ones are counted


class Counts:
    """What one rule did so far."""

    __slots__ = ("activations", "errors", "inconclusive", "kept", "order", "rule", "severe", "undecodable", "violations")

    def __init__(self, rule: Rule, order: int) -> None:
        # `order` is the rule's place in the contract
        self.rule, self.order = rule, order
        # how often it applied, and what came of that; errors are events that lack what it needs
        self.activations = self.violations = self.inconclusive = self.errors = 0
        # violations of the rule's own severity: of all others the finding says that it is milder
        self.severe = 0
        # findings that are kept, of those that were counted
        self.kept = 0
        # messages that could not be decoded, and gaps, that may have concerned it
        self.undecodable = 0

    def activate(self, count: int = 1) -> None:
        """Something came that the rule judges."""
        self.activations += count

    def recount(self, activations: int) -> None:
        """So often it was activated so far."""
        self.activations = activations

    def violate(self, severity: Severity | None = None) -> None:
        """It is violated; `severity` is that of the finding which says so, where it has one of its own."""
        self.violations += 1
        self.severe += severity is None or severity == self.rule.severity

    @property
    def severity(self) -> Severity:
        """That of the rule; of one whose violations are all milder than it: a warning."""
        return Severity.WARNING if self.violations and not self.severe else Severity(self.rule.severity)

    def fail(self) -> None:
        """It could not be validated, which a finding has already said."""
        self.errors += 1

    def doubt(self, count: int = 1) -> None:
        """It cannot be told whether it holds."""
        self.inconclusive += count

    def miss(self) -> None:
        """Something may have concerned it, and nobody can tell."""
        self.undecodable += 1

    def keep(self) -> None:
        """A finding of it is kept."""
        self.kept += 1


NOT_KEPT = 1 << 60  # the place of a finding that is counted only: beyond all others
NO_FRAME = -1  # said of a finding that nothing comes before


class Reported(NamedTuple):
    """What became of a finding: its id, and its place among those that are kept (NOT_KEPT: only counted)."""

    id: str
    place: int = NOT_KEPT


class Reporter:
    """Collects the findings of one trace. `on_finding` hears of each as it is decided, `on_amended` of one as it was and is."""

    def __init__(
        self,
        contract: str,
        on_finding: Callable[[Finding], None] | None = None,
        on_amended: Callable[[Finding, Finding], None] | None = None,
        name_of: Callable[[str], str] = str,
    ) -> None:
        """`name_of` gives what the contract calls a product's event."""
        # the contract's name, which fingerprints hold
        self.contract = contract
        # those that are kept, in the order in which they were decided; an amended one keeps its place
        self.findings: list[Finding] = []
        # for each finding the order of its rule in the contract
        self.orders: list[int] = []
        # what was given up for want of room: of what → how many
        self.forgotten: dict[str, int] = {}
        # when the recorder held traffic back, by start; and those starts
        self.holds: list[Hold] = []
        self._hold_starts: list[int] = []
        self.on_finding, self.on_amended, self._name_of = on_finding, on_amended, name_of
        # session and rule → how many findings it has: the next one's id
        self._numbers: dict[tuple[int, str], int] = {}
        # session → the places of its findings whose next frame has not come yet
        self._awaiting: dict[int, list[int]] = {}
        # the frame of a message that came before, and the id of the finding that says so
        self._repeated: tuple[int | None, str] = (None, "")
        # a finding that only follows from another → the one that all of that follows from
        self._roots: dict[str, str] = {}
        # told of a session whose next frame is awaited
        self.on_awaited: Callable[[SessionState], None] | None = None

    def set_holds(self, holds: Sequence[Hold]) -> None:
        self.holds = sorted(holds, key=lambda hold: hold.start_ns)
        self._hold_starts = [hold.start_ns for hold in self.holds]

    def held(self, start_ns: int, end_ns: int) -> bool:
        """Whether the recorder held traffic back at some time in between."""
        index = bisect_right(self._hold_starts, end_ns)
        return any(hold.end_ns >= start_ns for hold in self.holds[max(0, index - 64) : index])

    def forget(self, what: str, count: int = 1) -> None:
        self.forgotten[what] = self.forgotten.get(what, 0) + count

    def report(
        self,
        counts: Counts,
        *,
        slice_: Slice | None = None,
        conn: ConnectionState | None = None,
        kind: str,
        message: str,
        bound_from: int | None = None,
        absent: bool = False,
        unsure: str | None = None,
        counted: bool = True,
        violations: int = 1,
        subject: tuple[str, ...] | None = None,
        **details: Any,
    ) -> Reported:
        """Add a finding, and say what became of it. `bound_from` is when a violated bound began to run; `absent` says that
        something is missing, `unsure` why it may be no violation; `counted` is false for a further finding of one violation,
        `violations` how many the finding stands for.
        `subject` is what the finding is about in every recording, if that is not what was expected or seen."""
        conn = conn or (slice_.conn if slice_ is not None else None)
        labels = slice_.labels() if slice_ is not None else ()
        verdict = details.pop("verdict", Verdict.VIOLATED)
        severity = details.pop("severity", Severity(counts.rule.severity))
        details |= witnesses(details)
        end = details.get("decided_at", 0)
        if verdict is Verdict.VIOLATED and bound_from is not None and self.held(bound_from, end):
            verdict, message = Verdict.INCONCLUSIVE, message + "; the recorder held traffic back meanwhile"
        if verdict is Verdict.VIOLATED and unsure is not None:
            verdict, message = Verdict.INCONCLUSIVE, f"{message}; {unsure}"
        expected: tuple[str, ...] = details.get("expected", ())
        seen = details.get("seen") if not absent else None
        if counted:
            for _ in range(violations):
                self._count(counts, verdict, severity, conn)
        session = conn.session.id if conn is not None else None
        id_ = self._next_id(session or 0, counts.rule.id)
        if counts.kept >= MOST_FINDINGS:
            self.forget("findings")
            return Reported(id_)
        counts.keep()
        after, before = details.pop("after", None), details.pop("before", None)
        if conn is not None:
            current = conn if conn.open else conn.session.last or conn  # a session goes on at its next connection
            after = current.last_frame if after is None else after
            before = current.frame if before is None and current.frame != current.last_frame else before
        after, before = _frame_of(after), _frame_of(before)
        if before is not None and before == self._repeated[0] and details.get("caused_by") is None:
            details["caused_by"] = self._repeated[1]
        if details.get("caused_by") is not None:
            details["caused_by"] = self._roots[id_] = self._roots.get(details["caused_by"], details["caused_by"])
        if kind == "missing":
            message += self._in_contract(expected)
        if kind == "missing" and conn is not None and conn.session.strange:
            message += _misspelt(expected, conn.session.strange)
        finding = Finding(
            rule=counts.rule.id,
            verdict=verdict,
            severity=severity,
            message=message,
            line=counts.rule.place.line,
            file=counts.rule.place.file,
            slice=labels,
            kind=kind,
            fingerprint=fingerprint_of(self.contract, counts.rule.id, subject or expected or ((seen,) if seen else ())),
            session=session,
            connection=conn.id if conn is not None else None,
            id=id_,
            after=after,
            before=before,
            **details,
        )
        if before is None and conn is not None:
            self._await_next(conn.session, len(self.findings))
        self.findings.append(finding)
        self.orders.append(counts.order)
        if self.on_finding is not None:
            self.on_finding(finding)
        return Reported(id_, len(self.findings) - 1)

    def _in_contract(self, expected: Sequence[str]) -> str:
        """What the contract calls what is missing, where the product has other names for it."""
        product = [bare_type(name) for name in expected]
        ours = [self._name_of(name) for name in product]
        return "" if ours == product else f" (in the contract: {either(list(dict.fromkeys(ours)))})"

    def _next_id(self, session: int, rule: str) -> str:
        """The same whoever judges: sessions are not split, and a rule's findings in one are decided in one order."""
        number = self._numbers[session, rule] = self._numbers.get((session, rule), 0) + 1
        return f"{session}.{rule}.{number}"

    def repeat(self, fid: int, id_: str) -> None:
        """A finding says that the message of this frame came before: what else the frame breaks follows from that."""
        self._repeated = (int(fid), id_)
        for place in range(len(self.findings) - 1, -1, -1):
            finding = self.findings[place]
            if finding.before != fid or finding.decided_by != "event":
                return
            if finding.id != id_ and finding.caused_by is None:
                self.follow(finding.id, place, id_)

    def follow(self, finding: str, place: int, cause: str) -> None:
        """A finding turns out to follow from another one, and so do those that follow from it."""
        self._roots[finding] = cause
        self.amend(place, caused_by=cause)
        for later in range(place + 1, len(self.findings)):
            if self.findings[later].caused_by == finding:
                self.follow(self.findings[later].id, later, cause)

    def has_repeated(self, fid: int | None) -> bool:
        """Whether a finding says that the message of this frame came before."""
        return fid is not None and int(fid) == self._repeated[0]

    # Where findings stand.

    def _await_next(self, session: SessionState, place: int) -> None:
        """The session's next frame is what the finding stands before."""
        waiting = self._awaiting.get(session.id)
        if waiting is None:
            self._awaiting[session.id] = [place]
            if self.on_awaited is not None:
                self.on_awaited(session)
        else:
            waiting.append(place)

    def frame_came(self, session: int, fid: int) -> None:
        """The next frame of a session that may be awaited."""
        for place in self._awaiting.pop(session, ()):
            finding = self.findings[place]
            if finding.before is None:
                self.findings[place] = replace(finding, before=fid)

    def report_message(self, counts: Counts, event: MessageEvent, **details: Any) -> Reported:
        """Add a finding that one message shows by itself; `details` may say otherwise."""
        own: dict[str, Any] = {"activation": event.fid, "frames": (event.fid,), "decided_at": event.t, "before": event.fid}
        return self.report(counts, conn=event.conn, **(own | {"blame": event.sender} | details))

    @staticmethod
    def _count(counts: Counts, verdict: Verdict, severity: Severity, conn: ConnectionState | None) -> None:
        if verdict is Verdict.VIOLATED:
            counts.violate(severity)
            if conn is not None and severity is Severity.ERROR:
                conn.session.break_rule()
        elif verdict is Verdict.ERROR:
            counts.fail()
            if conn is not None and severity is Severity.ERROR:
                conn.session.fail()
        else:
            counts.doubt()
            if conn is not None:
                conn.session.doubt()

    def id_at(self, place: int | None) -> str | None:
        """The id of a finding by its place; None where there is none, or it is only counted."""
        return None if place is None or place >= len(self.findings) else self.findings[place].id

    def amend(self, place: int, **changes: Any) -> None:
        """Add to a finding what became known later, such as by how much an event was late."""
        if place < len(self.findings):
            before = self.findings[place]
            after = self.findings[place] = replace(before, **{**changes, **witnesses(changes)})
            if self.on_amended is not None:
                self.on_amended(before, after)


def fingerprint_of(contract: str, rule: str, subject: tuple[str, ...]) -> str:
    """The same for the same fault in every recording: of the rule and the types it is about, without ids and times, and whether
    the event was missing, late or out of order."""
    return hashlib.blake2b(repr((contract, rule, subject)).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def first_fingerprint_of(
    contract: str, rule: str, kind: str, keys: tuple[str, ...], expected: tuple[str, ...], seen: str | None
) -> str:
    """As baselines of version 1 hold it: of rule, kind, slice shape and types."""
    shape = (contract, rule, "missing" if kind == "late" else kind, keys, expected, seen)
    return hashlib.blake2b(repr(shape).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def witnesses(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a finding says of its witness frames: their ids, and which events they are where a frame has several."""
    numbers: tuple[int, ...] = details.get("frames", ())
    activation = details.get("activation")
    if not any(isinstance(number, EventNumber) for number in (*numbers, activation)):
        return {}
    fields: dict[str, Any] = {"frames": frames_of(*map(int, numbers))}
    if activation is not None:
        fields["activation"] = int(activation)
    return {**fields, "events": tuple((int(number), getattr(number, "place", 0)) for number in numbers)}


def _frame_of(number: int | None) -> int | None:
    """The frame of an event's number."""
    return None if number is None or number == NO_FRAME else int(number)


def _misspelt(expected: Sequence[str], strange: Mapping[str, int]) -> str:
    """Which type that the contract does not name may be what is missing."""
    for type_ in map(bare_type, expected):
        for near in get_close_matches(type_, strange, n=1, cutoff=NEAR):
            return f"; {near} came at frame {strange[near]}: is it misspelt?"
    return ""


def names(patterns: Patterns) -> tuple[str, ...]:
    """What findings call these events: by the product's names, where a contract maps them."""
    return tuple(dict.fromkeys(name for pattern in patterns for name in pattern.names()))


def bare_type(pattern: str) -> str:
    """A pattern without its direction, as words have it."""
    bare = pattern.removeprefix("c2s:").removeprefix("s2c:")
    return pattern if bare == "*" else bare


def either(expected: Sequence[str]) -> str:
    """`a, b or c`."""
    return one_of(merge_alike(map(bare_type, expected)))


def where(slice_: Slice | None) -> str:
    """` for tool c7 in run r1`, innermost first; nothing where the slice has no keys of its own."""
    return of_labels(slice_.labels() if slice_ is not None else ())


def of_labels(labels: Sequence[tuple[str, str]]) -> str:
    """The same of a slice's labels."""
    if not labels:
        return ""
    first, *rest = [text if name.startswith("conn.") else noun_text(name, text) for name, text in reversed(labels)]
    return f" for {first}" + "".join(f" in {outer}" for outer in rest)


def lost(conn: ConnectionState) -> str:
    """`; the connection was closed by the client (1000)`; nothing while it is open, and where nobody knows."""
    how = "" if conn.open else how_ended(conn.info)
    return f"; the connection was {how}" if how else ""


def blame(patterns: Patterns) -> str | None:
    """Who should have sent these, where the contract says so."""
    directions = {pattern.direction for pattern in patterns}
    return {0: "client", 1: "server"}.get(directions.pop()) if len(directions) == 1 and None not in directions else None  # type: ignore[arg-type]


def frames_of(*fids: int | None) -> tuple[int, ...]:
    """Witness frames: those that are known, each once."""
    return tuple(dict.fromkeys(fid for fid in fids if fid is not None))


def short(value: Any, most: int = 80) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"
