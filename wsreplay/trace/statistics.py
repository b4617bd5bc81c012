"""How often events come, and how long one waits for them: counts and gaps, in one pass and bounded memory.

The gap of an event is the time since the event before it in its run; a run's first event is measured from the event before it
in its thread, else on its connection, so that the wait for the first answer is seen. A transition a → b is such a pair.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsreplay.model import Direction, Message, Opcode, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.identifiers import identifiers
from wsreplay.trace.reading import MessageReading
from wsreplay.trace.sessions import stitch

OTHER = "(other)"
"""Where types and transitions go once there are too many to tell apart."""

NOBODY = "(none)"

_PRECISE_BITS = 8
_MOST_GROUPS = 5000
_MOST_SLICES = 100_000
_SLOTS = 128


class Histogram:
    """Counts of times in ns, in buckets that grow with them.

    A quantile is right within 1 %; count, least, largest and sum are exact.
    """

    __slots__ = ("buckets", "count", "largest", "least", "total")

    def __init__(self) -> None:
        # counts by bucket; `_upper` tells the largest time of one
        self.buckets: dict[int, int] = {}
        # in ns; 0 where there is none
        self.count = self.total = self.largest = 0
        self.least = 0

    def add(self, ns: int) -> None:
        """Count one time; a negative one, which a stepped clock would give, as zero."""
        if ns < 0:
            ns = 0
        shift = ns.bit_length() - _PRECISE_BITS
        bucket = ns if shift <= 0 else (shift << _PRECISE_BITS) | (ns >> shift)
        buckets = self.buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1
        if ns > self.largest:
            self.largest = ns
        if ns < self.least or not self.count:
            self.least = ns
        self.count += 1
        self.total += ns

    def merge(self, other: Histogram) -> None:
        """Count all that another one has counted."""
        if not other.count:
            return
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.least = min(self.least, other.least) if self.count else other.least
        self.largest = max(self.largest, other.largest)
        self.count += other.count
        self.total += other.total

    def quantile(self, share: float) -> int:
        """The time (ns) that `share` of all do not exceed: the nearest rank, up to its bucket's end; 0 where there is none."""
        rank = max(1, -int(-share * self.count // 1))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return min(_upper(bucket), self.largest)
        return 0

    @property
    def mean(self) -> float:
        """The mean in ns, exact; 0 where there is nothing."""
        return self.total / self.count if self.count else 0.0

    def spread(self, edges: Collection[int]) -> list[int]:
        """How many fall between each two of some ascending edges (ns), the last one open."""
        limits = list(edges)
        counts = [0] * len(limits)
        for bucket, count in self.buckets.items():
            middle = _upper(bucket)
            place = max((number for number, edge in enumerate(limits) if edge <= middle), default=0)
            counts[place] += count
        return counts


def _upper(bucket: int) -> int:
    """The largest time of a bucket."""
    shift, mantissa = bucket >> _PRECISE_BITS, bucket & ((1 << _PRECISE_BITS) - 1)
    return ((mantissa + 1) << shift) - 1


class Density:
    """How events spread over time: a fixed number of slots, which double in width when time goes on."""

    def __init__(self, width_ns: int = 1_000_000) -> None:
        self.width_ns = width_ns
        self.slots = [0] * _SLOTS

    def add(self, t_ns: int) -> None:
        """Count an event at a time (ns)."""
        while t_ns // self.width_ns >= _SLOTS:
            halves = [self.slots[number] + self.slots[number + 1] for number in range(0, _SLOTS, 2)]
            self.slots = halves + [0] * (_SLOTS // 2)
            self.width_ns *= 2
        self.slots[max(t_ns, 0) // self.width_ns] += 1


@dataclass(slots=True)
class Group:
    """What is counted of a type, a transition, a user or a session. `size` is bytes of payload, as they were sent."""

    # events, and the bytes of their payloads
    count: int = 0
    size: int = 0
    # None where there is no event
    first_ns: int | None = None
    last_ns: int = 0
    # before its events
    gaps: Histogram = field(default_factory=Histogram)

    def add(self, t_ns: int, size: int, gap_ns: int | None) -> None:
        """Count one event; they come in the order of their times."""
        self.count += 1
        self.size += size
        if self.first_ns is None:
            self.first_ns = t_ns
        self.last_ns = t_ns
        if gap_ns is not None:
            self.gaps.add(gap_ns)

    def merge(self, other: Group) -> None:
        """Count all that another one has counted."""
        self.count += other.count
        self.size += other.size
        if other.first_ns is not None:
            self.first_ns = other.first_ns if self.first_ns is None else min(self.first_ns, other.first_ns)
        self.last_ns = max(self.last_ns, other.last_ns)
        self.gaps.merge(other.gaps)


@dataclass(slots=True)
class Statistics:
    """The counts of a recording, or of some of its sessions.

    `untyped` is the number of messages without a type, `forgotten` that of the runs and threads that were no longer followed.
    """

    # by type, by (type before, type), and by session
    types: dict[str, Group] = field(default_factory=dict)
    transitions: dict[tuple[str, str], Group] = field(default_factory=dict)
    sessions: dict[int, Group] = field(default_factory=dict)
    # by session; None where nobody is named
    user_of: dict[int, str | None] = field(default_factory=dict)
    density: Density = field(default_factory=Density)
    untyped: int = 0
    forgotten: int = 0

    @property
    def total(self) -> Group:
        """All events together."""
        total = Group()
        for group in self.sessions.values():
            total.merge(group)
        return total

    @property
    def users(self) -> dict[str, Group]:
        """The sessions of each user together; those of nobody under NOBODY."""
        users: dict[str, Group] = {}
        for session, group in self.sessions.items():
            users.setdefault(self.user_of.get(session) or NOBODY, Group()).merge(group)
        return users


class Collector:
    """Takes messages in arrival order."""

    def __init__(self, sessions: Iterable[Session] = ()) -> None:
        self.statistics = Statistics()
        # by connection
        self._session_of: dict[int, int] = {}
        for session in sessions:
            self._session_of.update(dict.fromkeys((connection.id for connection in session.connections), session.id))
            self.statistics.user_of[session.id] = session.user
        # the last event of runs, threads and connections, by (connection, kind, id): its type and time
        self._before: OrderedDict[tuple[int, str, str], tuple[str, int]] = OrderedDict()

    def add(self, message: Message, size: int) -> None:
        """Count one message of so many bytes; those without a type are only counted."""
        counted = self.statistics
        if message.type is None:
            counted.untyped += message.opcode in (Opcode.TEXT, Opcode.BINARY)
            return
        before = self._last(message)
        t_ns = message.t_ns
        gap = None if before is None else t_ns - before[1]
        session = self._session_of.get(message.connection_id, 0)
        if session not in counted.sessions:
            counted.sessions[session] = Group()
        counted.sessions[session].add(t_ns, size, gap)
        _group(counted.types, message.type, OTHER).add(t_ns, size, gap)
        if before is not None:
            _group(counted.transitions, (before[0], message.type), (OTHER, OTHER)).add(t_ns, size, gap)
        counted.density.add(t_ns)

    def _last(self, message: Message) -> tuple[str, int] | None:
        """The type and the time of the event before this one in its run, thread or connection; and remember this one.

        What the client says belongs to a thread, and to no run that it may name.
        """
        assert message.type is not None
        ids = identifiers(message.payload)
        connection = message.connection_id
        kinds = ("thread",) if message.direction == Direction.CLIENT_TO_SERVER else ("run", "thread")
        keys = [*((connection, kind, ids[kind]) for kind in kinds if kind in ids), (connection, "connection", "")]
        before = next((self._before[key] for key in keys if key in self._before), None)
        for key in keys:
            self._before[key] = (message.type, message.t_ns)
            self._before.move_to_end(key)
        while len(self._before) > _MOST_SLICES:
            self._before.popitem(last=False)
            self.statistics.forgotten += 1
        return before


def _group(groups: dict[Any, Group], key: Any, other: Any) -> Group:
    group = groups.get(key)
    if group is None:
        group = groups.setdefault(key if len(groups) < _MOST_GROUPS else other, Group())
    return group


def collect(
    recording: Recording, connections: Collection[int] | None = None, reading: MessageReading | None = None,
    sessions: Sequence[Session] | None = None,
) -> Statistics:
    """The statistics of a recording, or of some of its connections, by these sessions or those that were recorded. Memory is
    bounded, whatever its length."""
    collector = Collector(stitch(recording.connections()) if sessions is None else sessions)
    for message, size in (reading or MessageReading(recording)).sized_messages(connections):
        collector.add(message, size)
    return collector.statistics


def most(groups: dict[Any, Group], count: int) -> Iterator[tuple[Any, Group]]:
    """The groups with the most events, the first of them first."""
    yield from sorted(groups.items(), key=lambda item: -item[1].count)[:count]
