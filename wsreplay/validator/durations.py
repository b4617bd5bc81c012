"""How long spans last, and how they end: tallied from the span log in bounded memory, whatever the recording's length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from wsreplay.contract import Contract
from wsreplay.contract.users import sessions_of
from wsreplay.store.reader import Recording
from wsreplay.trace.statistics import OTHER, Histogram
from wsreplay.validator.findings import SpanRecord
from wsreplay.validator.judge import judge
from wsreplay.validator.span_log import LogEntry, SpanLog, record_of, standing_of
from wsreplay.validator.state.state import Instance

_MOST_GROUPS = 5000


OnEnd = Callable[[SpanRecord, SpanRecord], None]


@dataclass(slots=True)
class SpanGroup:
    """Spans of one kind and name: `states` counts how they ended, `lasted` how long those took that ended by themselves."""

    states: Counter[str] = field(default_factory=Counter)
    lasted: Histogram = field(default_factory=Histogram)

    def merge(self, other: SpanGroup) -> None:
        """Count all that another one has counted."""
        self.states.update(other.states)
        self.lasted.merge(other.lasted)


class SpanTally(SpanLog):
    """A log that keeps no span that has ended: it counts them by kind and label, and tells of each.

    `on_end` gets a span and the outermost one that it is part of, which is itself where it is part of none.
    """

    def __init__(self, on_end: OnEnd | None = None) -> None:
        super().__init__(most=0)
        self._on_end = on_end
        # kind and label → what is counted of them
        self.groups: dict[tuple[str, str], SpanGroup] = {}

    def open_counts(self) -> Counter[str]:
        """By kind, how many have begun and not ended."""
        return Counter(entry.instance.span.id for entry in self._open.values() if not entry.instance.excused)

    def close(self, instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        entry = self._open.pop(id(instance))
        key = instance.span.id, entry.label
        if key not in self.groups and len(self.groups) >= _MOST_GROUPS:
            key = instance.span.id, OTHER
        group = self.groups.setdefault(key, SpanGroup())
        group.states[state] += 1
        if t is not None and state in ("completed", "failed", "cancelled"):
            group.lasted.add(t - instance.t)
        if self._on_end is not None:
            record = record_of(instance, state, t, fid, detail, entry)
            self._on_end(record, record if entry.above is None else _standing(entry.outermost))

    def tell_open(self) -> None:
        """Tell of those that have not ended: nobody expects more of the recording."""
        for entry in self._open.values():
            if self._on_end is not None and not entry.instance.excused:
                self._on_end(_standing(entry), _standing(entry.outermost))


def _standing(entry: LogEntry) -> SpanRecord:
    """An instance as it stands; one that has ended as it was before."""
    return record_of(entry.instance, standing_of(entry.instance), None, None, entry=entry)


def tally_spans(
    recording: Recording, contract: Contract, connections: Collection[int] | None = None, on_end: OnEnd | None = None
) -> dict[tuple[str, str], SpanGroup]:
    """By kind and label, the spans of a recording, or of some of its connections; `on_end` is told of each that ended. Raises
    the errors of the RecordingError family."""
    sessions = None
    if connections is not None:
        sessions = [
            session for session in sessions_of(recording, contract)
            if any(connection.id in connections for connection in session.connections)
        ]
    tally = SpanTally(on_end)
    judge(recording, contract, sessions=sessions, span_log=tally)
    return tally.groups
