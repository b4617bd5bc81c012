"""Two sessions side by side: a row for every message of both, those that belong together in one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from wsreplay.diff.align import Pair, align, pair_up
from wsreplay.diff.compare import Comparer, FieldChange
from wsreplay.diff.conversation import END, OPEN, ComparedMessage, ComparedSession, SlicePath
from wsreplay.store.reader import Recording


class Kind(StrEnum):
    """What a row is. All but the first are differences."""

    SAME = "same"
    ONLY_A = "only a"
    ONLY_B = "only b"
    CHANGED = "changed"
    MOVED = "moved"  # in another order, and perhaps changed too
    TIMING = "timing"


@dataclass(frozen=True, slots=True)
class Row:
    """One message, in one conversation or in both. `later_ns` is by how much it came later in b.

    The messages of a row that is a difference have their payloads.
    """

    kind: Kind
    a: ComparedMessage | None
    b: ComparedMessage | None
    fields: tuple[FieldChange, ...] = ()
    later_ns: int | None = None

    @property
    def said(self) -> ComparedMessage:
        """The message: a's, where a has it."""
        message = self.a if self.a is not None else self.b
        assert message is not None
        return message


class _Pairing(NamedTuple):
    """Indexes: of messages that belong together and keep their order, of others that do, and of those that stand alone."""

    straight: list[Pair]
    crossing: list[Pair]
    only_a: list[int]
    only_b: list[int]


Side = tuple[Recording, ComparedSession]


def rows(a: Side, b: Side, comparer: Comparer, *, timing_ns: int | None = None, whole: bool = False) -> tuple[list[Row], int]:
    """The rows, and how many messages are alike; those are among the rows if they are to be `whole`.

    In the order of a; what only b has stands before what comes next in both. Raises RecordingError.
    """
    talks = a[1], b[1]
    (weak_a, strong_a), (weak_b, strong_b) = comparer.tokens(0, talks[0]), comparer.tokens(1, talks[1])
    pairing = _pair((strong_a, strong_b), (weak_a, weak_b))
    unlike = {i for i, j in (*pairing.straight, *pairing.crossing) if strong_a[i] != strong_b[j]}
    del weak_a, weak_b, strong_a, strong_b
    placed, alike = _paired(a, b, pairing, unlike, comparer, whole)
    placed += _alone(talks, pairing)
    if timing_ns is not None:
        placed += _timing(*talks, pairing.straight, timing_ns)
    placed.sort(key=lambda entry: entry[0])
    return _with_payloads([row for _, row in placed], a[0], b[0]), alike


_Placed = tuple[tuple[int, int], Row]  # the index in a that it stands at, and whether before or behind what is there


def _pair(*columns: tuple[Sequence[int], Sequence[int]]) -> _Pairing:
    """Pairs by the first columns, what is left by the next ones; first in order, then crossing."""
    straight = align(*columns[0], *columns[1:])
    matched = {i for i, _ in straight}, {j for _, j in straight}
    left = [i for i in range(len(columns[0][0])) if i not in matched[0]]
    right = [j for j in range(len(columns[0][1])) if j not in matched[1]]
    rest = [([a[i] for i in left], [b[j] for j in right]) for a, b in columns]
    crossing = [(left[i], right[j]) for i, j in pair_up(*rest)]
    gone = {i for i, _ in crossing}, {j for _, j in crossing}
    return _Pairing(straight, crossing, [i for i in left if i not in gone[0]], [j for j in right if j not in gone[1]])


def _paired(
    a: Side, b: Side, pairing: _Pairing, unlike: set[int], comparer: Comparer, whole: bool
) -> tuple[list[_Placed], int]:
    """The rows of pairs that differ, or of all, and how many do not."""
    said_a, said_b = a[1].said, b[1].said
    order = _Order(a[1], b[1], pairing.straight) if pairing.crossing else None
    both = sorted([*pairing.straight, *pairing.crossing])
    moved = {(i, j) for i, j in pairing.crossing if order is not None and order.changed(i, j)}
    read_a = payloads(a[0], (said_a[i] for i, _ in both if i in unlike))
    read_b = payloads(b[0], (said_b[j] for i, j in both if i in unlike))
    placed: list[_Placed] = []
    alike = 0
    for i, j in both:
        message, other, same = said_a[i], said_b[j], i not in unlike
        if not same:
            message, other = _given(message, read_a), _given(other, read_b)
        changes = comparer.differences(message, other, same)
        kind = Kind.MOVED if (i, j) in moved else Kind.CHANGED if changes else Kind.SAME
        alike += kind is Kind.SAME
        if whole or kind is not Kind.SAME:
            placed.append(((i, 1), Row(kind, message, other, changes)))
    return placed, alike


def _alone(talks: tuple[ComparedSession, ComparedSession], pairing: _Pairing) -> Iterator[_Placed]:
    a, b = talks
    for i in pairing.only_a:
        yield (i, 0), Row(Kind.ONLY_A, a.said[i], None)
    following = [j for _, j in pairing.straight]
    for j in pairing.only_b:
        at = bisect_left(following, j)
        yield (pairing.straight[at][0] if at < len(following) else len(a.said), -1), Row(Kind.ONLY_B, None, b.said[j])


def _timing(a: ComparedSession, b: ComparedSession, pairs: Iterable[Pair], threshold_ns: int) -> Iterator[_Placed]:
    """Messages that came sooner or later after the message before them than in the other conversation."""
    before = 0, 0
    for i, j in pairs:
        message, other = a.said[i], b.said[j]
        later = (other.t_ns - before[1]) - (message.t_ns - before[0])
        before = message.t_ns, other.t_ns
        if abs(later) > threshold_ns and message.name != OPEN:
            yield (i, 1), Row(Kind.TIMING, message, other, later_ns=later)


def payloads(recording: Recording, messages: Iterable[ComparedMessage]) -> dict[int, bytes]:
    """Payloads by frame id, of messages that do not have theirs."""
    missing = sorted(message.frame_id for message in messages if not message.payload)
    return {frame.id: frame.payload for frame in recording.frames_by_id(missing)}


def _given(message: ComparedMessage, read: dict[int, bytes]) -> ComparedMessage:
    return message if message.payload else message._replace(payload=read.get(message.frame_id, b""))


def _with_payloads(rows: list[Row], a: Recording, b: Recording) -> list[Row]:
    """Rows in which those that are differences have their payloads."""
    lacking = [row for row in rows if row.kind is not Kind.SAME]
    read_a = payloads(a, (row.a for row in lacking if row.a is not None))
    read_b = payloads(b, (row.b for row in lacking if row.b is not None))

    def given(row: Row) -> Row:
        if row.kind is Kind.SAME:
            return row
        return replace(row, a=row.a and _given(row.a, read_a), b=row.b and _given(row.b, read_b))

    return [given(row) for row in rows]


class _Order:
    """Whether a message that was paired out of order has passed others that it has an order with: those of its own
    direction in its own slice, in what that is part of, and in its parts."""

    def __init__(self, a: ComparedSession, b: ComparedSession, pairs: Sequence[Pair]) -> None:
        self._talks = a, b
        # by direction and slice, the places of pairs in a and in b: said in the slice itself, and in it or its parts
        self._exact: dict[tuple[int, SlicePath], tuple[list[int], list[int]]] = {}
        self._below: dict[tuple[int, SlicePath], tuple[list[int], list[int]]] = {}
        for i, j in pairs:
            message = a.said[i]
            if message.name in (OPEN, END):
                continue
            _append(self._exact, (message.direction, message.chain), i, j)
            for depth in range(1, len(message.chain) + 1):
                _append(self._below, (message.direction, message.chain[:depth]), i, j)

    def changed(self, i: int, j: int) -> bool:
        message = self._talks[0].said[i]
        paths = [self._below.get((message.direction, message.chain))] if message.chain else []
        paths += [self._exact.get((message.direction, message.chain[:depth])) for depth in range(len(message.chain) or 1)]
        before = [(bisect_left(places[0], i), bisect_left(places[1], j)) for places in paths if places is not None]
        return any(left != right for left, right in before)


def _append(
    table: dict[tuple[int, SlicePath], tuple[list[int], list[int]]], key: tuple[int, SlicePath], i: int, j: int
) -> None:
    lists = table.get(key)
    if lists is None:
        lists = table[key] = ([], [])
    lists[0].append(i)
    lists[1].append(j)
