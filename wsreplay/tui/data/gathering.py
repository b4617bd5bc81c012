"""Gathering ids: those of a session, those that a filter lets through, the next one that a search finds."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from wsreplay.model import Connection
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.data.courtesy import in_turns
from wsreplay.tui.data.errand import Errand

if TYPE_CHECKING:
    from wsreplay.trace.filter import Context, Filter

CHUNK = 20_000
REPORT_S = 0.2  # a report is not made more often than this

Report = Callable[["array[int]", float, bool], object]
"""(all ids gathered so far, the share that was read, whether that is all)"""


class _Reporter:
    """Reports at most five times a second; the first time at once, so that a screenful is there early."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._next = 0.0

    def __call__(self, ids: Callable[[], array[int]], done: float, finished: bool = False) -> None:
        now = time.monotonic()
        if finished or now >= self._next:
            self._next = now + REPORT_S
            self._report(ids(), done, finished)


def session_ids(connections: Sequence[Connection], report: Report) -> Callable[[Recording, Errand], None]:
    """An errand that gathers the ids of a session's frames, in order."""

    def work(reader: Recording, errand: Errand) -> None:
        tell = _Reporter(report)
        ids = array("Q")
        total = max(1, sum(count for one in connections for count in [_frames_of(reader, one.id)]))
        for piece in paging.ids_in_pieces(reader, [one.id for one in connections]):
            if errand.called_back:
                return
            errand.give_way()
            ids.extend(piece)
            tell(lambda: array("Q", ids), min(1.0, len(ids) / total))
        tell(lambda: ids, 1.0, True)

    return work


def _frames_of(reader: Recording, connection_id: int) -> int:
    if not paging.is_indexed(reader):
        return 0
    last = next(reader.query(paging.LAST_OF, (connection_id,)), None)
    return last[1] if last else 0


class Sieve:
    """A filter bound to what is known of a recording: the condition in SQL first, the exact predicate after it."""

    def __init__(self, filter: Filter, context: Context, connections: Sequence[int] | None = None) -> None:
        """`connections` narrows what is read to these."""
        self._where, self._parameters = filter.where(context)
        self._lets_through = filter.predicate(context)
        if connections is not None:
            marks = ",".join("?" * len(connections))
            self._where = f"({self._where}) AND +connection_id IN ({marks})"
            self._parameters = (*self._parameters, *connections)

    def between(self, reader: Recording, first: int, last: int, give_way: Callable[[], object] | None = None) -> array[int]:
        """The matching ids between two, both included."""
        frames = paging.frames_where(reader, first, last, self._where, self._parameters)
        if give_way is not None:
            frames = in_turns(frames, give_way)
        return array("Q", (frame.id for frame in frames if self._lets_through(frame)))


def _spans(ids: Sequence[int], start: int) -> Iterator[tuple[bool, int, int]]:
    """Pieces of `ids` as (forward, from, to) indices: from `start` to the end, then backwards to the beginning."""
    for first in range(start, len(ids), CHUNK):
        yield True, first, min(first + CHUNK, len(ids))
    for end in range(start, 0, -CHUNK):
        yield False, max(0, end - CHUNK), end


def matching_ids(sieve: Sieve, ids: Sequence[int], start: int, report: Report) -> Callable[[Recording, Errand], None]:
    """An errand that gathers those of `ids` that the filter lets through, beginning at the index `start`: what is in sight."""

    def work(reader: Recording, errand: Errand) -> None:
        tell = _Reporter(report)
        ahead = array("Q")
        behind: list[array[int]] = []
        done = 0

        def so_far() -> array[int]:
            found = array("Q")
            for piece in reversed(behind):
                found.extend(piece)
            found.extend(ahead)
            return found

        for forward, first, end in _spans(ids, start):
            if errand.called_back:
                return
            found = among(sieve.between(reader, ids[first], ids[end - 1], errand.give_way), ids, first, end)
            if forward:
                ahead.extend(found)
            else:
                behind.append(found)
            done += end - first
            tell(so_far, done / len(ids))
        tell(so_far, 1.0, True)

    return work


def next_match(
    sieve: Sieve, ids: Sequence[int], start: int, forward: bool, tell: Callable[[int | None], object]
) -> Callable[[Recording, Errand], None]:
    """An errand that finds the next of `ids` that matches, from the index `start` on in one direction, and around the end."""

    def work(reader: Recording, errand: Errand) -> None:
        for first, end in _around(len(ids), start, forward):
            if errand.called_back:
                return
            found = among(sieve.between(reader, ids[first], ids[end - 1], errand.give_way), ids, first, end)
            if found:
                tell(found[0] if forward else found[-1])
                return
        tell(None)

    return work


def _around(count: int, start: int, forward: bool) -> Iterator[tuple[int, int]]:
    step = 2000  # a match is often near
    for low, high in ((start, count), (0, start)) if forward else ((0, start), (start, count)):
        if forward:
            yield from ((first, min(first + step, high)) for first in range(low, high, step))
        else:
            yield from ((max(low, end - step), end) for end in range(high, low, -step))


def among(found: array[int], ids: Sequence[int], first: int, end: int) -> array[int]:
    """Those of the ascending `found` that are in ids[first:end]; a range holds all that lie between its ends."""
    if isinstance(ids, range):
        return found
    kept = array("Q")
    at = first
    for frame_id in found:
        at = bisect_left(ids, frame_id, at, end)
        if at < end and ids[at] == frame_id:
            kept.append(frame_id)
    return kept
