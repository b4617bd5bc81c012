"""The span log: what each run, tool or operation was, as the validator judged it. Every view reads it, and none tracks spans.

Nobody pays for what is not asked for: a judgement keeps how runs ended (`RunLog`), counted by the monitor that ends them. Where
the whole log is asked for (`SpanLog`), the handlers also tell it of each event that belongs to an instance, and of labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from wsreplay.model import EventNumber
from wsreplay.validator.findings import SpanRecord
from wsreplay.validator.reporting import names
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import Instance

MOST_RUNS = 5_000  # kept of each kind: gone well, and not
MOST_SPANS = 50_000
MOST_EVENTS = 200_000  # kept of all instances together
_LONGEST_LABEL = 200

_STATES = {"ok": "completed", "cancelled": "cancelled", "cut": "cut"}


def state_of(instance: Instance, end: str) -> str:
    """How an instance ended, by the name of its end. One that was cut past its deadline was stalled before."""
    if end == "cut" and instance.overdue_finding is not None:
        return "stalled"
    return _STATES.get(end, "failed")


def standing_of(instance: Instance) -> str:
    """How an instance stands that has not ended."""
    return "open" if instance.overdue_finding is None else "stalled"


class RunLog:
    """How runs ended. All are counted, some thousands kept."""

    def __init__(self) -> None:
        # span → state → how many instances ended so
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        # of instances that were to be kept, how many were not
        self.left_out = 0
        # those that were kept, in the order of their ends
        self._kept: list[SpanRecord] = []
        # how many more are kept that went well, and that did not
        self._room = {True: MOST_RUNS, False: MOST_RUNS}

    def close(self, instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        """An instance has ended, at `t` (ns) with the event `fid`; None where the trace ends first."""
        self.counts[instance.span.id][state] += 1
        good = state == "completed"
        if self._room[good]:
            self._room[good] -= 1
            self._kept.append(record_of(instance, state, t, fid, detail))

    def forget(self, instance: Instance) -> None:
        """An instance was none of its own: the log does not tell of it."""

    def adopt(self, child: Instance, parent: Instance) -> None:
        """An open instance turns out to be part of this one, which has begun after it."""

    def touch(self, instance: Instance) -> None:
        """Something about an open instance is otherwise than before, such as until when its end is owed."""

    def records(self, still_open: Iterable[Instance]) -> tuple[SpanRecord, ...]:
        """Those that are kept, and those that are open, in the order of their starts."""
        standing = [record_of(instance, standing_of(instance), None, None) for instance in still_open if not instance.excused]
        return in_order([*self._kept, *standing])


class LogEntry:
    """One instance in the log."""

    __slots__ = ("above", "events", "has_parts", "instance", "is_kept", "label", "number", "record")

    def __init__(self, instance: Instance, number: int, above: LogEntry | None, is_kept: bool) -> None:
        # `number` is its place among those of its span and session, from 1; `above` is what it is part of
        self.instance, self.number, self.above, self.is_kept = instance, number, above, is_kept
        # whether something is part of it
        self.has_parts = False
        # what its instance is called; and frame and time (ns) of the events that came in it
        self.label = ""
        self.events: list[tuple[int, int]] = []
        # once it has ended
        self.record: SpanRecord | None = None

    def part(self) -> None:
        """Something is part of it."""
        self.has_parts = True

    def belong_to(self, above: LogEntry) -> None:
        """It is part of this one."""
        self.above = above

    def name(self, label: str) -> None:
        """What its instance is called."""
        self.label = label

    def end(self, record: SpanRecord) -> None:
        """Its instance has ended."""
        self.record = record

    def rise(self) -> None:
        """What it is part of was none: it is part of what is above that."""
        self.above = None if self.above is None else self.above.above
        if self.record is not None:
            self.record = self.record._replace(parent=self.parent)

    @property
    def id(self) -> str:
        """The same whoever judges: sessions are not split."""
        return f"{self.instance.conn.session.id}.{self.instance.span.id}.{self.number}"

    @property
    def outermost(self) -> LogEntry:
        """What it is part of, and that is part of nothing; itself where it is part of nothing."""
        entry = self
        while entry.above is not None:
            entry = entry.above
        return entry

    @property
    def parent(self) -> str | None:
        return None if self.above is None else self.above.id


class SpanLog(RunLog):
    """All spans, with their labels and events.

    Bounded: of the instances that end at or after `from_ns`, or do not end, the first `most` are kept, and of the others the
    first thousands that do not go well; all are counted.
    """

    def __init__(self, *, from_ns: int = 0, most: int = MOST_SPANS) -> None:
        super().__init__()
        self._from_ns, self._most = from_ns, most
        # how many instances ended before that time; when the first began that was not kept (ns)
        self.before = 0
        self.full_at_ns: int | None = None
        # what is kept, by id, in the order of starts
        self._entries: dict[str, LogEntry] = {}
        # what is open, by the identity of its instance
        self._open: dict[int, LogEntry] = {}
        # session and span → how many instances began
        self._numbers: dict[tuple[int, str], int] = {}
        self._event_room = MOST_EVENTS
        # how many more are kept beyond the first, since they did not go well
        self._spare_room = MOST_RUNS
        # those that began or changed since somebody asked
        self._changed: dict[str, None] = {}

    def begin(self, instance: Instance) -> None:
        """An instance has begun."""
        key = instance.conn.session.id, instance.span.id
        self._numbers[key] = number = self._numbers.get(key, 0) + 1
        above = None if instance.parent is None else self._open.get(id(instance.parent))
        if above is not None:
            above.part()
        is_kept = len(self._entries) < self._most
        entry = self._open[id(instance)] = LogEntry(instance, number, above, is_kept)
        if is_kept:
            self._entries[entry.id] = entry
            self._changed[entry.id] = None
        elif self.full_at_ns is None:
            self.full_at_ns = instance.t

    def see(self, instance: Instance, fid: int, t: int, label: Any) -> None:
        """An event came that belongs to an open instance."""
        entry = self._open.get(id(instance))
        if entry is None:
            return
        if label is not None and not entry.label:
            self._name(entry, label)
        if entry.is_kept and self._event_room:
            self._event_room -= 1
            entry.events.append((int(fid), t))
            self._changed[entry.id] = None

    def label(self, instance: Instance, label: Any) -> None:
        """An event says what an instance is called; the first that does counts."""
        entry = self._open.get(id(instance))
        if entry is not None and label is not None and not entry.label:
            self._name(entry, label)

    def _name(self, entry: LogEntry, label: Any) -> None:
        if label.__class__ is str or label.__class__ is int or isinstance(label, Token):
            entry.name(str(label)[:_LONGEST_LABEL])
            if entry.is_kept:
                self._changed[entry.id] = None

    def close(self, instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        entry = self._open.pop(id(instance))
        self.counts[instance.span.id][state] += 1
        if t is not None and t < self._from_ns:
            self.before += 1
            if entry.is_kept:
                self._drop(entry)
            return
        if not entry.is_kept and (state == "completed" or not self._spare_room):
            self.left_out += 1
            return
        if not entry.is_kept:
            self._spare_room -= 1
            self._entries[entry.id] = entry
        entry.end(record_of(instance, state, t, fid, detail, entry))
        self._changed[entry.id] = None

    def forget(self, instance: Instance) -> None:
        entry = self._open.pop(id(instance))
        if entry.is_kept:
            self._drop(entry)
        for part in self._entries.values() if entry.has_parts else ():
            if part.above is entry:
                part.rise()
                self._changed[part.id] = None

    def adopt(self, child: Instance, parent: Instance) -> None:
        entry, above = self._open.get(id(child)), self._open.get(id(parent))
        if entry is not None and above is not None:
            above.part()
            entry.belong_to(above)
            self.touch(child)

    def touch(self, instance: Instance) -> None:
        entry = self._open.get(id(instance))
        if entry is not None and entry.is_kept:
            self._changed[entry.id] = None

    def _drop(self, entry: LogEntry) -> None:
        del self._entries[entry.id]
        self._changed.pop(entry.id, None)
        self._event_room += len(entry.events)

    def records(self, still_open: Iterable[Instance] = ()) -> tuple[SpanRecord, ...]:
        return in_order(self._records(self._entries))

    def take_changes(self) -> tuple[SpanRecord, ...]:
        """Those that began or changed since the last time."""
        changed, self._changed = self._changed, {}
        return in_order(self._records(changed))

    def _records(self, ids: Iterable[str]) -> Iterator[SpanRecord]:
        for entry in map(self._entries.__getitem__, ids):
            if entry.record is not None:
                yield entry.record
            elif not entry.instance.excused:
                yield record_of(entry.instance, standing_of(entry.instance), None, None, entry=entry)


def in_order(records: Iterable[SpanRecord]) -> tuple[SpanRecord, ...]:
    """Records in the order of their starts."""
    return tuple(sorted(records, key=lambda record: (record.start_ns, record.start_frame, record.start_index)))


def record_of(
    instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "", entry: LogEntry | None = None
) -> SpanRecord:
    """How an instance ended, or stands; of a whole log with what it says of the instance."""
    span, begun = instance.span, instance.fid
    if entry is None and t is not None and fid.__class__ is int and begun.__class__ is int and not instance.begun_unseen:
        conn = instance.conn  # an ordinary run: there are very many
        return SpanRecord(conn.session.id, conn.id, instance.labels(), state, instance.t, t, begun or 0, fid, detail, span.id)
    owes = names(span.end_patterns) if state in ("open", "stalled") and t is None else ()
    is_due = instance.overdue_finding is not None or not type(instance).stands_still(instance)
    until = instance.t + instance.waited + span.within_ns if owes and span.within_ns is not None and is_due else None
    return SpanRecord(
        session=instance.session.id,
        connection=instance.conn.id,
        slice=instance.labels(),
        state=state,
        start_ns=instance.t,
        end_ns=t,
        start_frame=int(instance.fid or 0),
        end_frame=None if fid is None else int(fid),
        detail=detail,
        span=span.id,
        id="" if entry is None else entry.id,
        parent=None if entry is None else entry.parent,
        label="" if entry is None else entry.label,
        events=() if entry is None else tuple(entry.events),
        implied=instance.begun_unseen,
        start_index=_place_of(instance.fid),
        end_index=_place_of(fid),
        owes=owes,
        until_ns=until,
    )


def _place_of(fid: int | None) -> int:
    return fid.place if isinstance(fid, EventNumber) else 0
