"""Scanning frames: for those of a session, those that a filter lets through, the next one that a search finds."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.model import Connection, Frame
from wsreplay.store import paging
from wsreplay.store.condition import Condition, all_of, of_connections
from wsreplay.store.reader import Recording
from wsreplay.tui.jobs.task import JobContext

if TYPE_CHECKING:
    from wsreplay.trace.filter import Context, Filter
    from wsreplay.trace.frame_reading import FrameReading

CHUNK = 20_000
NEAR = 2_000  # frames in which a match often is
REPORT_S = 0.2  # a report is not made more often than this


class ScanResult(NamedTuple):
    """Found since the last result: ids before and after the `known` ones, the share that was read, whether that is all.

    Ten million ids are 80 MB: each goes to the screen once, not again with every result.
    """

    known: int  # how many ids the results before this one have
    before: array[int]
    after: array[int]
    done: float
    finished: bool

    def added_to(self, ids: array[int]) -> array[int]:
        """`ids` with these before and after the known ones, which are its first.

        The same array only where all of them keep their places: a view that is shown has it.
        """
        if self.before or self.known < len(ids):
            return self.before + ids[: self.known] + self.after + ids[self.known :]
        ids.extend(self.after)
        return ids


class _Reporter:
    """Reports at most five times a second; the first time at once, so that a screenful is there early."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        # before this time nothing is reported (monotonic, s)
        self._next = 0.0
        # What was found and not reported: the pieces that go before what was, the nearest first, and what goes after it.
        self._before: list[array[int]] = []
        self._after = array("Q")
        # How many were reported.
        self._known = 0

    def report(self, ids: array[int], done: float, *, ahead: bool = True) -> None:
        """Such ids were found, after all others or before them."""
        if ahead:
            self._after.extend(ids)
        else:
            self._before.append(ids)
        if time.monotonic() >= self._next:
            self._publish(done, finished=False)

    def finish(self) -> None:
        self._publish(1.0, finished=True)

    def _publish(self, done: float, *, finished: bool) -> None:
        before = array("Q")
        for piece in reversed(self._before):
            before.extend(piece)
        self._context.publish(ScanResult(self._known, before, self._after, done, finished))
        self._known += len(before) + len(self._after)
        self._before, self._after = [], array("Q")
        self._next = time.monotonic() + REPORT_S


def session_ids(connections: Sequence[Connection], reader: Recording, context: JobContext) -> None:
    """Publishes the ids of a session's frames, in order, as `ScanResult`s."""
    reporter, count = _Reporter(context), 0
    total = max(1, sum(_frames_of(reader, connection.id) for connection in connections))
    for piece in paging.ids_in_pieces(reader, [connection.id for connection in connections]):
        if context.cancelled:
            return
        count += len(piece)
        reporter.report(piece, min(1.0, count / total))
    reporter.finish()


def _frames_of(reader: Recording, connection_id: int) -> int:
    if not paging.is_indexed(reader):
        return 0
    return paging.last_seq(reader, connection_id)


class FrameScan:
    """A filter bound to what is known of a recording: the condition in SQL first, the exact predicate after it.

    `connections` narrows what is read to these, `reading` is the context's reader. It can be pickled until it is used.
    """

    def __init__(
        self, filter: Filter, context: Context, connections: Sequence[int] | None = None, reading: FrameReading | None = None
    ) -> None:
        self.filter, self.context, self.connections, self._reading = filter, context, connections, reading

    @cached_property
    def _condition(self) -> Condition:
        where = self.filter.where(self.context)
        return where if self.connections is None else all_of([where, of_connections(self.connections)])

    @cached_property
    def _lets_through(self) -> Callable[[Frame], bool]:
        return self.filter.predicate(self.context)

    def matches_between(self, reader: Recording, first: int, last: int) -> array[int]:
        """The matching ids between two, both included."""
        if self._reading is not None:
            self._reading.read_from(reader)
        frames = paging.frames_where(reader, first, last, self._condition)
        return array("Q", (frame.id for frame in frames if self._lets_through(frame)))


def _pieces(ids: Sequence[int], start: int) -> Iterator[tuple[bool, int, int]]:
    """Pieces of `ids` as (forward, from, to) indices: from `start` to the end, then backwards to the beginning."""
    for first in range(start, len(ids), CHUNK):
        yield True, first, min(first + CHUNK, len(ids))
    for end in range(start, 0, -CHUNK):
        yield False, max(0, end - CHUNK), end


def gather_links(reading: FrameReading, reader: Recording, context: JobContext) -> None:
    """Publishes the `Links` of a recording, which the reading does not know yet."""
    last = reader.last_id()
    while reading.links.until < last:
        if context.cancelled:
            return
        reading.link(reader, min(last, reading.links.until + CHUNK))
    context.publish(reading.links)


def matching_ids(scan: FrameScan, ids: Sequence[int], start: int, reader: Recording, context: JobContext) -> None:
    """Publishes those of `ids` that the filter lets through, as `ScanResult`s, from the index `start` on: what is in sight."""
    reporter, done = _Reporter(context), 0
    for forward, first, end in _pieces(ids, start):
        if context.cancelled:
            return
        matches = intersect(scan.matches_between(reader, ids[first], ids[end - 1]), ids, first, end)
        done += end - first
        reporter.report(matches, done / len(ids), ahead=forward)
    reporter.finish()


def next_match(scan: FrameScan, ids: Sequence[int], start: int, forward: bool, reader: Recording, context: JobContext) -> None:
    """Publishes the next of `ids` that matches, from the index `start` on in one direction and around the end, or None."""
    for first, end in _around(len(ids), start, forward):
        if context.cancelled:
            return
        match = _first_match(scan, ids, first, end, forward, reader)
        if match is not None:
            context.publish(match)
            return
    context.publish(None)


def near_match(scan: FrameScan, ids: Sequence[int], start: int, forward: bool, reader: Recording, context: JobContext) -> None:
    """Publishes what `next_match` would if it is among the first `NEAR` of `ids` that are looked at, else None."""
    first, end = next(_around(len(ids), start, forward))
    context.publish(_first_match(scan, ids, first, end, forward, reader))


def _first_match(
    scan: FrameScan, ids: Sequence[int], first: int, end: int, forward: bool, reader: Recording
) -> int | None:
    """The first one in a direction of the matching ids between two places."""
    matches = intersect(scan.matches_between(reader, ids[first], ids[end - 1]), ids, first, end)
    return (matches[0] if forward else matches[-1]) if matches else None


def _around(count: int, start: int, forward: bool) -> Iterator[tuple[int, int]]:
    step = NEAR
    for low, high in ((start, count), (0, start)) if forward else ((0, start), (start, count)):
        if forward:
            yield from ((first, min(first + step, high)) for first in range(low, high, step))
        else:
            yield from ((max(low, end - step), end) for end in range(high, low, -step))


def intersect(matches: array[int], ids: Sequence[int], first: int, end: int) -> array[int]:
    """Those of the ascending `found` that are in ids[first:end]; a range holds all that lie between its ends."""
    if isinstance(ids, range):
        return matches
    kept = array("Q")
    at = first
    for frame_id in matches:
        at = bisect_left(ids, frame_id, at, end)
        if at < end and ids[at] == frame_id:
            kept.append(frame_id)
    return kept
