"""Which frames a list shows: all of a session, those that a filter lets through, or the marked ones."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.tui.recording.decoded_heads import decode_heads
from wsreplay.tui.recording.evidence import Evidence, GhostRow
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.view import View

if TYPE_CHECKING:
    from wsreplay.trace.filter import Context, Filter
    from wsreplay.trace.frame_reading import FrameReading
    from wsreplay.tui.recording.extra_rows import EventRow, InsertedRow, OwedRow
    from wsreplay.tui.recording.scan import FrameScan, ScanResult


class Rows:
    """The rows of one list. `view` is what to show now; each change makes another."""

    def __init__(self, recording: OpenRecording, session: Session | None) -> None:
        self.recording = recording
        self.session = session
        known = recording.last_id
        # The last connection that was known when these frames were: one that came later has none among them.
        self._last_connection = max(recording.connections, default=0)
        at_once = recording.ids_at_once(session)
        self.complete = at_once is not None
        if at_once is None:
            assert session is not None
            at_once = recording.first_ids(session)
        # Up to this frame all are known that are of this list: what came later may be, too.
        self._looked_until = max(known, at_once[-1] if len(at_once) else 0)
        # The ids of all frames of the list, as far as they are known; `complete` says whether that is all.
        self.base: Sequence[int] = at_once
        # The filter, and the ids that it lets through.
        self.filter: Filter | None = None
        self.matches: array[int] | None = None
        # A filter whose answer is not all there yet, and what it lets through of the frames that came meanwhile.
        self._asked: Filter | None = None
        self._asked_since: array[int] = array("Q")
        # The scan for what a recorder adds, and the filter, the evidence, the links and the connections that it was made for.
        self._scan: FrameScan | None = None
        self._scan_for: tuple[object, ...] = ()
        # Whether of all these only the frames with marks are shown.
        self.only_marked = False
        # The events of frames that were unfolded, by frame.
        self._unfolded: dict[int, tuple[EventRow, ...]] = {}
        # While replaying, the time of the playhead, ns: what came later is not there yet.
        self.horizon: int | None = None
        # What is still owed.
        self._tail: Sequence[OwedRow] = ()
        # What the view shows.
        self._evidence, self._reading = recording.evidence, recording.reading
        self.view = self._make()

    @property
    def number(self) -> int | None:
        return self.session.id if self.session else None

    @property
    def connections(self) -> tuple[int, ...] | None:
        """The connections a condition in SQL is to be narrowed to; None for all."""
        return tuple(connection.id for connection in self.session.connections) if self.session else None

    def _make(self) -> View:
        if self._reading is not self.recording.reading:
            self._unfolded.clear()  # they may be other events now
        self._evidence, self._reading = self.recording.evidence, self.recording.reading
        ids: Sequence[int] = self.base if self.matches is None else self.matches
        if self.only_marked:
            ids = array("Q", sorted(frame_id for frame_id in self.recording.marked if _holds(ids, frame_id)))
        decode = partial(decode_heads, self.recording.reader, self.recording.reading)
        view = View(self.recording.reader, ids, self._extra_rows(), decode)
        if self.horizon is not None:
            view.set_horizon(self.horizon)
        view.tail = self._tail
        self.view = view
        return view

    def owe(self, tail: Sequence[OwedRow]) -> None:
        """What is still owed stands below what has come; the view stays the same object."""
        self._tail = self.view.tail = () if self.filter is not None or self.only_marked else tail

    def _extra_rows(self) -> Sequence[InsertedRow]:
        """What stands between the frames: ghosts and injected faults, as far as the filter lets them through."""
        placed = self.recording.placed_rows_of(self.session)
        ghosts = self.recording.evidence.ghosts_of(self.number)
        if not placed and not ghosts and not self._unfolded:
            return ()
        from wsreplay.tui.recording.extra_rows import NoteRow, as_frame, in_order  # the first rows do without

        if self.only_marked:
            return in_order(row for row in placed if isinstance(row, NoteRow))
        events = [row for rows in self._unfolded.values() for row in rows]
        items = in_order([*ghosts, *placed, *events])
        if self.filter is None:
            return items
        lets_through = self.filter.predicate(self._extra_context(items))
        return tuple(item for number, item in enumerate(items) if lets_through(as_frame(item, number)))

    def _extra_context(self, items: Sequence[InsertedRow]) -> Context:
        from wsreplay.trace.filter import Context
        from wsreplay.tui.recording.extra_rows import extra_id, said

        known = self.context()
        judged = {extra_id(number): (said(item),) for number, item in enumerate(items) if isinstance(item, GhostRow)}
        return Context(known.sessions, known.users, judged, known.thread, known.run)

    def context(self, reading: FrameReading | None = None) -> Context:
        """What a filter may know of this recording beside the frames."""
        from wsreplay.trace.filter import Context

        sessions, evidence = self.recording.sessions, self.recording.evidence
        if evidence.all_places is not None:
            return replace(Context.of_sessions(sessions, reader=reading), judged=evidence.all_places.judged)
        return Context.of_sessions(sessions, evidence, reader=reading)

    def scan(self, filter: Filter) -> FrameScan:
        from wsreplay.tui.recording.scan import FrameScan  # the first rows do without

        reading = copy(self.recording.reading)  # it reads in a thread of its own
        return FrameScan(filter, self.context(reading), self.connections, reading)

    def _scan_new(self, filter: Filter, first: int, last: int) -> array[int]:
        """What a filter lets through of the frames between two; the scan is kept: a recording that grows asks all the time."""
        recording = self.recording
        made_for = filter, recording.evidence, recording.reading.links, recording.changes
        if self._scan is None or any(now is not then for now, then in zip(made_for, self._scan_for, strict=True)):
            self._scan, self._scan_for = self.scan(filter), made_for
        return self._scan.matches_between(recording.reader, first, last)

    # Each gives the view to show.

    def take_session(self, session: Session) -> None:
        """The session has other connections now: its frames are read anew, and those that are there stay until then."""
        self.session, self.complete = session, False

    def take_ids(self, result: ScanResult) -> View:
        """More of the session is known."""
        base = self.base if result.known and isinstance(self.base, array) else array("Q")  # what was there at once comes again
        self.base, self.complete = result.added_to(base), result.finished
        if result.finished:
            self._looked_until = self.base[-1] if len(self.base) else 0
            self.grown(self.recording.reader.last_id())
        return self._make()

    def ask(self, filter: Filter) -> Sequence[int]:
        """A filter is asked about the frames that are known, which are given; the others are looked at as they come."""
        self._asked, self._asked_since = filter, array("Q")
        return self.base[:]

    def take_matches(self, filter: Filter, result: ScanResult) -> View:
        """What more the filter that was asked lets through; its first answer takes the place of what was shown."""
        if not result.known or self.matches is None:
            self.filter, self.matches = filter, self._asked_since[:]
        self.matches = result.added_to(self.matches)
        if result.finished:
            self._asked = None
        return self._make()

    def give_up(self) -> None:
        """The filter that was asked is not answered; what it let through so far stays."""
        self._asked = None

    def unfiltered(self) -> View:
        self.filter = self.matches = self._asked = None
        return self._make()

    def marked_only(self, only: bool) -> View:
        self.only_marked = only
        return self._make()

    def fold(self, frame_id: int) -> View | None:
        """Show the events of a frame below it, each in a row, or hide them again; None where it is one event at most."""
        from wsreplay.tui.recording.extra_rows import event_rows

        if self._unfolded.pop(frame_id, None) is None:
            events = event_rows(self.recording.reader, self.recording.reading, frame_id)
            if len(events) < 2:
                return None
            self._unfolded[frame_id] = events
        return self._make()

    def why_hidden(self, frame_id: int) -> str:
        """Why a frame of the session is not shown."""
        if _holds(self.view.ids, frame_id):
            return "it has not come yet in the replay"
        if self.only_marked:
            return "it is not marked, and only marked frames are shown"
        return "the filter does not let it through" if self.filter is not None else "the session is still being read"

    def will_show(self, frame_id: int) -> bool:
        """Whether a frame is of those that are shown, or will be as the replay goes on."""
        return _holds(self.view.ids, frame_id)

    def holds(self, frame_id: int) -> bool:
        """Whether a frame is of this list, whatever is filtered."""
        return _holds(self.base, frame_id)

    def shows(self, evidence: Evidence, reading: FrameReading) -> bool:
        """Whether the view shows this evidence, and what this reading makes of messages."""
        return self._evidence is evidence and self._reading is reading

    def rebuild(self) -> View:
        """Another verdict, or more faults: what stands between the frames is another."""
        return self._make()

    def seen_at(self, horizon: int | None) -> View:
        """As it was at a time; the view stays the same object."""
        self.horizon = horizon
        self.view.set_horizon(horizon)
        return self.view

    def grown(self, last_id: int) -> int:
        """A recorder added frames up to `last_id`: take in those of this list; how many there are more. Where the session turns
        out to have older ones, too, it is not `complete` any more."""
        known = self._looked_until
        if last_id <= known or not self.complete:
            return 0
        if self.session is not None:  # which may have got another connection
            now = self.recording.session_now(self.session)
            if self._is_joined_with_older(now):
                self.take_session(now)
                return 0
            self.session = now
        self._last_connection = max(self.recording.connections, default=0)
        # All is read before anything is taken in: what cannot be read now is asked for again.
        is_whole = self.session is None and isinstance(self.base, range)
        more = array("Q") if is_whole else self._ids_between(known + 1, last_id)
        asked = self._scan_new(self._asked, known + 1, last_id) if self._asked is not None else array("Q")
        matched = self._scan_new(self.filter, known + 1, last_id) if self.filter is not None else array("Q")
        before = len(self.base) if self.matches is None else len(self.matches)
        self._looked_until = last_id
        self.base = self._with(more, last_id, is_whole=is_whole)
        self._asked_since.extend(asked)
        if self.matches is not None:
            self.matches.extend(matched)
        if not self.only_marked:
            self.view.set_ids(self.base if self.matches is None else self.matches)
        return len(self.view.ids) - before if not self.only_marked else 0

    def _is_joined_with_older(self, now: Session) -> bool:
        """Whether the session turned out to have connections whose frames were passed over: messages may name a user late."""
        shown = self.connections or ()
        return any(connection.id not in shown and connection.id <= self._last_connection for connection in now.connections)

    def _ids_between(self, first: int, last: int) -> array[int]:
        return array("Q", paging.ids_between(self.recording.reader, first, last, self.connections or ()))

    def _with(self, more: array[int], last_id: int, *, is_whole: bool) -> Sequence[int]:
        """The ids of the list with what came; the whole recording stays a range, which takes no memory."""
        if is_whole and isinstance(self.base, range):
            return range(self.base.start if len(self.base) else 1, last_id + 1)
        base = array("Q", self.base) if isinstance(self.base, range) else self.base
        assert isinstance(base, array)
        base.extend(more)
        return base


def _holds(ids: Sequence[int], frame_id: int) -> bool:
    return bisect_left(ids, frame_id) < bisect_right(ids, frame_id)
