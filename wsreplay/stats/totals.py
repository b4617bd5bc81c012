"""The totals: what came, how runs ended, how long they took, what was found. Totals of several recordings add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wsreplay.model import OPCODE_NAMES
from wsreplay.trace.statistics import OTHER
from wsreplay.validator.durations import SpanGroup

MOST_NAMES = 200  # types of a direction, and labels of a kind, that are told apart; what peers make up beyond goes under OTHER
_LONGEST_NAME = 100
KEPT_SECONDS = 600  # of the rate


@dataclass(slots=True)
class RecordingTotals:
    """The totals of one recording, or of several together.

    `frames` are by direction (0: from the client) and opcode's name, `events` by direction and type, `payload_bytes` by
    direction, `connections` by how they ended (`open` among them), `findings` by rule, severity and verdict. `spans` are by
    kind and label, and `open_spans` by kind; `runs` counts, by state, those that the contract takes for runs. `seconds` holds
    the events of the last minutes by their second since 1970.
    """

    # all there are, and those that are being written
    recordings: int = 0
    live: int = 0
    sessions: int = 0
    # all of them together
    lasted_ns: int = 0
    frames: Counter[tuple[int, str]] = field(default_factory=Counter)
    payload_bytes: Counter[int] = field(default_factory=Counter)
    events: Counter[tuple[int, str]] = field(default_factory=Counter)
    connections: Counter[str] = field(default_factory=Counter)
    spans: dict[tuple[str, str], SpanGroup] = field(default_factory=dict)
    open_spans: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    # how long the runs took, whatever they are called
    run_times: SpanGroup = field(default_factory=SpanGroup)
    findings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    unread_frames: int = 0  # that are recorded, and not validated yet
    # how many types of each direction, and labels of each kind, are told apart
    _names: Counter[int | str] = field(default_factory=Counter)

    def merge(self, other: RecordingTotals) -> None:
        """Count all that another one has counted."""
        self.recordings += other.recordings
        self.live += other.live
        self.sessions += other.sessions
        self.lasted_ns += other.lasted_ns
        self.unread_frames += other.unread_frames
        self.frames.update(other.frames)
        for (direction, type_), number in other.events.items():
            self._count_type(direction, type_, number)
        self.findings.update(other.findings)
        self.payload_bytes.update(other.payload_bytes)
        self.connections.update(other.connections)
        self.open_spans.update(other.open_spans)
        self.runs.update(other.runs)
        self.run_times.merge(other.run_times)
        self.seconds.update(other.seconds)
        for (kind, label), group in other.spans.items():
            self.spans.setdefault((kind, self._bounded_label(kind, label)), SpanGroup()).merge(group)

    def count_frames(self, direction: int, opcode: int, frames: int, payload_bytes: int) -> None:
        """Frames of one kind came."""
        self.frames[direction, OPCODE_NAMES.get(opcode, "other")] += frames
        self.payload_bytes[direction] += payload_bytes

    def count_events(self, direction: int, type_: str, second: int, events: int = 1) -> None:
        """Events of one type came in a second since 1970."""
        self._count_type(direction, type_, events)
        self.seconds[second] += events
        if len(self.seconds) > 2 * KEPT_SECONDS:
            last = max(self.seconds)
            for old in [second for second in self.seconds if second <= last - KEPT_SECONDS]:
                del self.seconds[old]

    def _count_type(self, direction: int, type_: str, events: int) -> None:
        """Peers can make up as many types as they like, and as long ones; a client's do not crowd out the server's."""
        key = direction, type_[:_LONGEST_NAME]
        if key not in self.events:
            if self._names[direction] >= MOST_NAMES:
                key = direction, OTHER
            self._names[direction] += 1
        self.events[key] += events

    def _bounded_label(self, kind: str, label: str) -> str:
        if (kind, label) not in self.spans:
            if self._names[kind] >= MOST_NAMES:
                return OTHER
            self._names[kind] += 1
        return label

    def rate(self, now: int, over_s: int = 10) -> float:
        """Events a second in the last whole seconds before `now` (seconds since 1970)."""
        return sum(self.seconds[second] for second in range(now - over_s, now)) / over_s

    @property
    def event_total(self) -> int:
        """All events together."""
        return self.events.total()

    @property
    def frame_total(self) -> int:
        """All frames together."""
        return self.frames.total()
