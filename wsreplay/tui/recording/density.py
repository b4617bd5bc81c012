"""A session in one line: how dense its frames are over time, and where something is to be seen."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from wsreplay.store import paging
from wsreplay.store.reader import Recording


def density(reader: Recording, ids: Sequence[int], start_ns: int, end_ns: int, bins: int) -> list[int]:
    """How many of the frames fall into each of `bins` equal spans of time: a lookup an edge and level, no scan."""
    if not len(ids) or end_ns <= start_ns or bins <= 0:
        return [0] * max(0, bins)
    edges = [0]
    low = 0
    for number in range(1, bins):
        edge = start_ns + (end_ns - start_ns) * number // bins
        low = bisect_left(range(len(ids)), edge, low, len(ids), key=lambda index: paging.time_of(reader, ids[index]))
        edges.append(low)
    edges.append(len(ids))
    return [after - before for before, after in itertools.pairwise(edges)]


def bars(counts: Sequence[int], glyphs: str) -> str:
    """One glyph a count: the first for none, the last for the highest; roots, so that the low ones are seen.

    An even flow stands at two thirds of the height: what is dense stands out, what is even stays calm.
    """
    top = max(max(counts, default=0), 2.2 * sum(counts) / max(1, len(counts)))
    if not top:
        return glyphs[0] * len(counts)
    steps = len(glyphs) - 1
    return "".join(glyphs[0] if not count else glyphs[max(1, round((count / top) ** 0.5 * steps))] for count in counts)


def column(t_ns: int, start_ns: int, end_ns: int, width: int) -> int:
    """The column of a time in a line of `width` columns."""
    if end_ns <= start_ns:
        return 0
    return max(0, min(width - 1, (t_ns - start_ns) * width // (end_ns - start_ns)))


def time_of_column(x: int, start_ns: int, end_ns: int, width: int) -> int:
    """The time at the left edge of a column."""
    return start_ns + (end_ns - start_ns) * x // max(1, width)


def strongest(places: Iterable[tuple[int, str]], rank: Callable[[str], int], width: int) -> dict[int, str]:
    """Per column the kind that matters most, of (column, kind) pairs."""
    shown: dict[int, str] = {}
    for x, kind in places:
        if 0 <= x < width and (x not in shown or rank(kind) > rank(shown[x])):
            shown[x] = kind
    return shown


def sketches(sample: Sequence[tuple[int, int]], groups: dict[int, tuple[int, int, int]], bins: int) -> dict[int, list[int]]:
    """A sparkline's counts for each group from a sample of (connection, time).

    `groups` gives (group, start, end) for a connection.
    """
    counts: dict[int, list[int]] = {group: [0] * bins for group, _, _ in groups.values()}
    for connection, t_ns in sample:
        if connection in groups:
            group, start, end = groups[connection]
            counts[group][column(t_ns, start, end, bins)] += 1
    return counts
