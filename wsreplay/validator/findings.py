"""What the validator says: findings, the verdict of each rule, and the verdict of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from wsreplay.model import NO_CONTRACT
from wsreplay.units import count_text, noun_text

MOST_NOTED = 10  # sessions, or types


class Verdict(StrEnum):
    """RV-LTL verdicts of a rule over a trace (Bauer, Leucker, Schallhart), and what becomes of them at the trace's end."""

    VIOLATED = "violated"
    SATISFIED = "satisfied"
    PENDING = "pending"  # an obligation is open
    OK_SO_FAR = "ok_so_far"  # presumably true
    INCONCLUSIVE = "inconclusive"  # the trace ends before it is decided
    VACUOUS = "vacuous"  # never activated
    ERROR = "error"  # could not be validated


class Severity(StrEnum):
    """How bad a finding is, as its rule says."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement with its witness.

    `id` tells it from all others of its judgement, whoever judges and how often; `caused_by` is that of the finding that this
    one only follows from. `activation` and `frames` are frame ids of the recording; `until`, `decided_at` and `at_ns` are in
    nanoseconds on its time axis, `late_by` is in nanoseconds. `slice` holds the correlation keys, outermost first. `file` and
    `line` are where the contract says it.

    Where it stands: `after` is the session's last frame before that place (None: its start), `before` the session's next one
    (None: none came); `at_ns` is when a missing event was due. `count` says how many events it stands for; `events` are frame
    and place of the witnesses where one of these frames holds several events.
    """

    rule: str
    verdict: Verdict
    severity: Severity
    message: str
    line: int = 0
    slice: tuple[tuple[str, str], ...] = ()
    session: int | None = None
    connection: int | None = None
    activation: int | None = None
    frames: tuple[int, ...] = ()
    kind: str = "violation"  # missing, unexpected, order, late, duplicate, gap, isolation, format, ...
    expected: tuple[str, ...] = ()
    until: int | None = None
    seen: str | None = None
    decided_by: str = "event"  # event, deadline, scope_close, trace_end
    decided_at: int = 0
    at_ns: int | None = None
    late_by: int | None = None
    blame: str | None = None
    caused_by: str | None = None
    fingerprint: str = ""
    file: str = ""  # the contract file that holds the rule
    id: str = ""
    after: int | None = None
    before: int | None = None
    count: int = 1
    events: tuple[tuple[int, int], ...] = ()

    @property
    def is_ghost(self) -> bool:
        """Whether it says that something never came, or a connection too late: it stands where no frame does."""
        return (self.kind in ("missing", "gap") and bool(self.expected)) or self.is_late_open

    @property
    def is_late_open(self) -> bool:
        """Whether it says that a connection came too late: it stands where that opened."""
        return self.kind == "late" and self.seen == "ws.open"


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule of a contract over one recording, with its counts. `unread` says how many of what is inconclusive are messages
    that could not be read, or gaps in the recording: they are no activations."""

    id: str
    verdict: Verdict
    severity: Severity = Severity.ERROR
    line: int = 0
    activations: int = 0
    fulfilments: int = 0
    violations: int = 0
    pending: int = 0
    inconclusive: int = 0
    errors: int = 0
    file: str = ""
    unread: int = 0


class SpanRecord(NamedTuple):
    """One instance of a span, such as a run or a tool call, as the validator judged it.

    `state` is how it ended, or stands: completed, failed, cancelled, cut (something else ended it), stalled (open past its
    deadline) or open. `implied` says that its start did not come before the event that it begins with. Times are in
    nanoseconds; `start_frame` is 0 and `end_frame` None where no frame began or ended it; the index is the event's place in
    its frame. `slice` holds the keys, outermost first; `label` the name that the contract says where to find; `parent` the
    id of the instance that it is part of. An open or stalled one `owes` one of these events until `until_ns`. `events` are
    frame and time of what came in between, as far as they are kept.
    """

    session: int
    connection: int
    slice: tuple[tuple[str, str], ...]
    state: str
    start_ns: int
    end_ns: int | None
    start_frame: int
    end_frame: int | None = None
    detail: str = ""
    span: str = "run"
    id: str = ""
    parent: str | None = None
    label: str = ""
    implied: bool = False
    start_index: int = 0
    end_index: int = 0
    owes: tuple[str, ...] = ()
    until_ns: int | None = None
    events: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """Its label; without one, what tells it from others of its kind."""
        return self.label or self.title

    @property
    def title(self) -> str:
        """What it is, with its label or what tells it from others of its kind: `tool search`, `turn t3`."""
        if self.label:
            return f"{self.span} {self.label}"
        return noun_text(self.span, self.slice[-1][1]) if self.slice else self.span


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of judging one recording by one contract."""

    contract: str
    contract_version: str
    contract_digest: str
    verdict: Verdict
    events: int
    sessions: int
    rules: tuple[RuleVerdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    # the span log: all instances that were kept where it was asked for, else the runs; in the order of their starts
    spans: tuple[SpanRecord, ...] = ()
    session_verdicts: dict[int, Verdict] = field(default_factory=dict)
    # whose sessions are that a message named, where the handshake named nobody
    users: dict[int, str] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    span_counts: dict[str, dict[str, int]] = field(default_factory=dict)  # span → state → how many; `spans` may hold fewer
    spans_left_out: int = 0  # of the log that was asked for: how many more there were than are kept
    run_span: str = ""  # the span whose instances are runs
    notes: tuple[str, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()  # types that a run must have, in order; of each tuple one is enough
    # what no rule judged, by session: what it is → how many
    unjudged: dict[int, dict[str, int]] = field(default_factory=dict)
    # of a contract that demands nothing, a line for each decoder: what came
    seen: tuple[str, ...] = ()

    def notes_of(self, session: int) -> list[str]:
        """The notes that are about a session: those on the whole, and what was not judged in it."""
        others = set(unjudged_notes(self.unjudged))
        own = {session: self.unjudged[session]} if session in self.unjudged else {}
        return [*(note for note in self.notes if note not in others), *unjudged_notes(own)]

    @property
    def demands_nothing(self) -> bool:
        """Whether its contract has no rules, but says where types stand."""
        return not self.rules and self.verdict is Verdict.VACUOUS and self.contract != NO_CONTRACT

    def followers(self) -> dict[str, tuple[str, ...]]:
        """The rules that are broken only as a result of others: each with those that all its findings follow from."""
        rules = {finding.id: finding.rule for finding in self.findings}
        causes: dict[str, list[str | None]] = {}
        for finding in self.findings:
            if finding.verdict in (Verdict.VIOLATED, Verdict.ERROR):
                causes.setdefault(finding.rule, []).append(rules.get(finding.caused_by or ""))
        return {rule: tuple(dict.fromkeys(filter(None, of))) for rule, of in causes.items() if None not in of}

    @property
    def runs(self) -> tuple[SpanRecord, ...]:
        """How runs ended."""
        return tuple(record for record in self.spans if record.span == self.run_span)

    @property
    def run_counts(self) -> dict[str, int]:
        """How many runs ended how."""
        return self.span_counts.get(self.run_span, {})


def unjudged_notes(unjudged: Mapping[int, Mapping[str, int]]) -> Iterator[str]:
    """A line for each session in which something was judged by no rule."""
    for session, counts in islice(unjudged.items(), MOST_NOTED):
        listed = ", ".join(_counted(what, count) for what, count in counts.items())
        yield f"session {session}: not validated: {listed}"
    if len(unjudged) > MOST_NOTED:
        yield f"the same in {len(unjudged) - MOST_NOTED:,} more sessions"


def _counted(what: str, count: int) -> str:
    noun, space, rest = what.partition(" ") if what.startswith(("connection", "answer")) else (what, "", "")
    return f"{count_text(count, noun)}{space}{rest}"
