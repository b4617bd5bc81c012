"""Which entry of one list belongs to which of another, in time and memory linear in their length.

Patience alignment (Bram Cohen's; described in the documentation of `git diff --patience`): what occurs equally often in both
lists is paired, first with first; of those pairs the longest run that keeps the order stands, and what lies between is aligned
in the same way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence

Pair = tuple[int, int]
Column = tuple[Sequence[Hashable], Sequence[Hashable]]
# How often what lies between is divided again before it is paired by its order of occurrence.
_ROUNDS = 8
# How far ahead a place of agreement is looked for.
_WINDOW = 16


def align(a: Sequence[Hashable], b: Sequence[Hashable], *finer: tuple[Sequence[Hashable], Sequence[Hashable]]) -> list[Pair]:
    """Pairs of indexes that ascend in both lists. What the first pair of lists leaves open is aligned by the `finer` ones."""
    pairs: list[Pair] = []
    for left, right in ((a, b), *finer):
        added: list[Pair] = []
        start = (0, 0)
        for end in [*pairs, (len(a), len(b))]:
            if start[0] < end[0] and start[1] < end[1]:
                added += _between(left, right, (start[0], end[0]), (start[1], end[1]))
            start = end[0] + 1, end[1] + 1
        pairs = sorted(pairs + added)
    return pairs


def _between(a: Sequence[Hashable], b: Sequence[Hashable], span_a: Pair, span_b: Pair) -> list[Pair]:
    out: list[Pair] = []
    spans = [(span_a, span_b, 0)]
    while spans:
        (low_a, high_a), (low_b, high_b), depth = spans.pop()
        while low_a < high_a and low_b < high_b and a[low_a] == b[low_b]:
            out.append((low_a, low_b))
            low_a, low_b = low_a + 1, low_b + 1
        while low_a < high_a and low_b < high_b and a[high_a - 1] == b[high_b - 1]:
            high_a, high_b = high_a - 1, high_b - 1
            out.append((high_a, high_b))
        if low_a == high_a or low_b == high_b:
            continue
        anchors = longest_ascending(_occurrences(a, b, (low_a, high_a), (low_b, high_b), equal=depth < _ROUNDS))
        if not anchors:
            out += _in_step(a, b, (low_a, high_a), (low_b, high_b))
            continue
        out += anchors
        if depth < _ROUNDS:
            start = low_a, low_b
            for end in [*anchors, (high_a, high_b)]:
                if start[0] < end[0] and start[1] < end[1]:
                    spans.append(((start[0], end[0]), (start[1], end[1]), depth + 1))
                start = end[0] + 1, end[1] + 1
    return out


def _occurrences(a: Sequence[Hashable], b: Sequence[Hashable], span_a: Pair, span_b: Pair, *, equal: bool) -> list[Pair]:
    """The k-th occurrence in the one list with the k-th in the other, of what occurs equally often in both (or at all)."""
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for index in range(*span_b):
        places[b[index]].append(index)
    counts = Counter(a[index] for index in range(*span_a)) if equal else None
    if counts is not None:
        places = defaultdict(deque, {token: pairs for token, pairs in places.items() if len(pairs) == counts[token]})
    pairs = []
    for index in range(*span_a):
        waiting = places.get(a[index])
        if waiting:
            pairs.append((index, waiting.popleft()))
    return pairs


def _in_step(a: Sequence[Hashable], b: Sequence[Hashable], span_a: Pair, span_b: Pair) -> list[Pair]:
    """Side by side: where the lists differ, the nearest place where they agree again is looked for, first straight ahead."""
    out: list[Pair] = []
    (i, high_a), (j, high_b) = span_a, span_b
    while i < high_a and j < high_b:
        if a[i] == b[j]:
            out.append((i, j))
            i, j = i + 1, j + 1
            continue
        for ahead in range(1, _WINDOW):
            near_a, near_b = i + ahead < high_a, j + ahead < high_b
            if near_a and near_b and a[i + ahead] == b[j + ahead]:
                i, j = i + ahead, j + ahead
            elif near_b and a[i] == b[j + ahead]:
                j += ahead
            elif near_a and a[i + ahead] == b[j]:
                i += ahead
            else:
                continue
            break
        else:
            i, j = i + 1, j + 1
    return out


def longest_ascending(pairs: Sequence[Pair]) -> list[Pair]:
    """Of pairs that ascend in the first index, the longest run that ascends in the second too."""
    tails: list[int] = []  # the smallest last index of a run of each length
    last: list[int] = []  # and which pair that is
    before: list[int] = []
    for number, (_, index) in enumerate(pairs):
        length = bisect_left(tails, index)
        before.append(last[length - 1] if length else -1)
        if length == len(tails):
            tails.append(index)
            last.append(number)
        else:
            tails[length], last[length] = index, number
    run: list[Pair] = []
    number = last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]


def align_all(groups: Sequence[Sequence[Column]]) -> list[Pair]:
    """Pairs of indexes by groups of columns, strong ones first: within a group in order where that goes, else crossing."""
    left, right = list(range(len(groups[0][0][0]))), list(range(len(groups[0][0][1])))
    paired: list[Pair] = []
    for columns in groups:
        for crossing in (False, True):
            rest = [([a[i] for i in left], [b[j] for j in right]) for a, b in columns]
            pairs = pair_up(*rest) if crossing else align(*rest[0], *rest[1:])
            paired += [(left[i], right[j]) for i, j in pairs]
            gone = {i for i, _ in pairs}, {j for _, j in pairs}
            left = [index for place, index in enumerate(left) if place not in gone[0]]
            right = [index for place, index in enumerate(right) if place not in gone[1]]
    return paired


def pair_up(*columns: tuple[Sequence[Hashable], Sequence[Hashable]]) -> list[Pair]:
    """Pairs of indexes with equal entries, whatever their order: by the first columns, what is left by the next ones."""
    left: Iterable[int] = range(len(columns[0][0]))
    right: Iterable[int] = range(len(columns[0][1]))
    pairs: list[Pair] = []
    for a, b in columns:
        places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
        for index in right:
            places[b[index]].append(index)
        rest = []
        for index in left:
            waiting = places.get(a[index])
            if waiting:
                pairs.append((index, waiting.popleft()))
            else:
                rest.append(index)
        left = rest
        right = sorted(index for waiting in places.values() for index in waiting)
    return pairs
