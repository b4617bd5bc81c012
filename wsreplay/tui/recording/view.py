"""A view: the rows of a list of frames, found by number without counting.

    frame       one of `ids`, which is a range (the whole recording) or an array (a session, the matches of a filter)
    extra row   what is no frame and stands between two of them: a ghost, an injected fault, a note
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.errors import CorruptRecording, RecordingError
from wsreplay.store import paging
from wsreplay.store.paging import Head
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.placement import RowPlacement

if TYPE_CHECKING:
    from wsreplay.tui.recording.extra_rows import ExtraRow, InsertedRow, OwedRow

PAGE_ROWS = 128
PAGES = 64
RETRY_S = 1.0


DecodeHeads = Callable[[Sequence[Head]], list[Head]]
"""Heads as their decoders read them."""


class Page(NamedTuple):
    """What was read of a page. Where that is not all, it is worth another look from `again_s` on."""

    heads: dict[int, Head]
    asked: int  # for how many frames
    again_s: float


class Pages:
    """Frames by their place in `ids`, read 128 at a time; the last 64 pages are kept.

    What cannot be read is as if it were not there, and `trouble` says why: a list goes on around a damaged page. A program that
    has locked the file makes every read wait, so what was read in vain is read again after a second, or for more ids.

    `clock` gives seconds.
    """

    def __init__(
        self,
        reader: Recording,
        ids: Sequence[int],
        clock: Callable[[], float] = time.monotonic,
        decode: DecodeHeads | None = None,
    ) -> None:
        self._reader = reader
        # What heads say by their decoders.
        self._decode = decode
        self._ids = ids
        self._clock = clock
        # By number, the one that was used last at the end.
        self._pages: OrderedDict[int, Page] = OrderedDict()
        # When times that could not be read are worth another try.
        self._times_again_s = 0.0
        # Why something could not be read.
        self.trouble = ""

    def head(self, index: int) -> Head | None:
        """The frame at a place; None where the recording does not hold it (yet)."""
        return self._page(index // PAGE_ROWS).heads.get(self._ids[index])

    def _page(self, number: int) -> Page:
        page = self._pages.get(number)
        if page is None or (len(page.heads) < PAGE_ROWS and self._is_due(page, number)):
            wanted = self._ids[number * PAGE_ROWS : (number + 1) * PAGE_ROWS]
            heads = {head.id: head for head in self._read(wanted)}
            page = self._pages[number] = Page(heads, len(wanted), self._clock() + RETRY_S)
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page

    def _is_due(self, page: Page, number: int) -> bool:
        """Whether there may be more of a page by now than was read of it."""
        wanted = min(PAGE_ROWS, len(self._ids) - number * PAGE_ROWS)
        return wanted > page.asked or (len(page.heads) < page.asked and self._clock() >= page.again_s)

    def _read(self, ids: Sequence[int]) -> list[Head]:
        try:
            heads = paging.heads(self._reader, ids)
            return self._decode(heads) if self._decode is not None else heads
        except RecordingError as error:
            self.trouble = str(error)
            return []

    def replace_ids(self, ids: Sequence[int]) -> None:
        """Go on with more ids, of which those known so far are the first."""
        self._ids = ids
        self._times_again_s = 0.0
        for number, page in self._pages.items():
            if len(page.heads) < page.asked:
                self._pages[number] = page._replace(again_s=0.0)

    @property
    def ids(self) -> Sequence[int]:
        return self._ids

    def time(self, index: int) -> int:
        """When the frame at a place came, ns; 0 where that cannot be read."""
        return self.known_time(index) or 0

    def known_time(self, index: int) -> int | None:
        """When the frame at a place came, ns; None where that cannot be read, or could not a moment ago."""
        page = self._pages.get(index // PAGE_ROWS)
        if page is not None and (head := page.heads.get(self._ids[index])):
            return head.t_ns
        if self._clock() < self._times_again_s:
            return None
        try:
            return paging.time_of(self._reader, self._ids[index])
        except CorruptRecording as error:  # which is said at once, and other pages are well
            self.trouble = str(error)
        except RecordingError as error:
            self.trouble = str(error)
            self._times_again_s = self._clock() + RETRY_S
        return None


class Anchor(NamedTuple):
    """What stands in a row, to be found again in another view: a frame, or what is no frame, with the frame behind it."""

    frame_id: int
    extra_row: "ExtraRow | None" = None


class View:
    """The rows of a list: frames, what stands between them, and nothing later than the horizon while a session is played.

    `version` counts up whenever something else stands in some row, `extra_version` where that is no frame.
    """

    def __init__(
        self,
        reader: Recording,
        ids: Sequence[int],
        extra_rows: "Sequence[InsertedRow]" = (),
        decode: DecodeHeads | None = None,
    ) -> None:
        self.pages = Pages(reader, ids, decode=decode)
        # The time up to which frames are shown, ns; and how many those are.
        self.horizon: int | None = None
        self._frames = len(ids)
        # Where what is no frame stands between them.
        self._placement = RowPlacement(extra_rows)
        # What is still owed: it stands below all others.
        self.tail: Sequence[OwedRow] = ()
        # These count up: see above.
        self.version = 0
        self.extra_version = 0
        self._place_extra_rows()

    @property
    def ids(self) -> Sequence[int]:
        return self.pages.ids

    @property
    def frames(self) -> int:
        """How many frames are shown."""
        return self._frames

    def __len__(self) -> int:
        return self._frames + len(self._placement) + len(self.tail)

    @property
    def last_row(self) -> int:
        """The last row of what has come; -1 where nothing has."""
        return self._frames + len(self._placement) - 1

    def row(self, number: int) -> "Head | ExtraRow | None":
        """What stands in a row; None for a frame that the recording does not hold."""
        if number > self.last_row:
            return self.tail[number - self.last_row - 1]
        above = self._placement.above_row(number)
        return self._placement.at_row(number, above) or self.pages.head(number - above)

    def index_of_row(self, number: int) -> int:
        """The place in `ids` of a row's frame; for what is no frame, of the frame behind it."""
        return min(number - self._placement.above_row(number), self._frames)

    def row_of_index(self, index: int) -> int:
        return index + self._placement.above_frame(index)

    def row_of_frame(self, frame_id: int) -> int:
        """The row of a frame, or of the first one after it that is in the view."""
        index = min(bisect_left(self.ids, frame_id), max(0, self._frames - 1))
        return self.row_of_index(index)

    def anchor(self, row: int) -> Anchor | None:
        """What to look for in another view to find this row again; None in an empty view."""
        if not self._frames:
            return None
        above = self._placement.above_row(row)
        frame_id = self.ids[min(row - above, self._frames - 1)]
        return Anchor(frame_id, self._placement.at_row(row, above))

    def row_of_anchor(self, anchor: Anchor) -> int:
        """The row of what stood there; where it is gone, of the first frame after it."""
        if anchor.extra_row is not None:
            from wsreplay.tui.recording.extra_rows import is_same

            for row, item in self._placement:
                if is_same(item, anchor.extra_row):
                    return row
        return self.row_of_frame(anchor.frame_id)

    def extra_rows(self) -> "Sequence[tuple[int, ExtraRow]]":
        """What is no frame, with its row, in order."""
        return list(self._placement)

    def ghosts(self) -> "Sequence[tuple[int, GhostRow]]":
        """The ghosts with their rows, in order."""
        return [(row, item) for row, item in self.extra_rows() if isinstance(item, GhostRow)]

    def holds(self, frame_id: int) -> bool:
        index = bisect_left(self.ids, frame_id)
        return index < self._frames and self.ids[index] == frame_id

    def time_of_row(self, number: int) -> int:
        """When a row stands, ns; 0 in an empty view."""
        if not len(self):
            return 0
        row = self.row(min(number, len(self) - 1))
        if row is None:
            return self.pages.time(self.index_of_row(number))
        if isinstance(row, Head):
            return row.t_ns
        from wsreplay.tui.recording.extra_rows import when  # the first rows do without

        return when(row)

    def row_at(self, t_ns: int) -> int:
        """The last row that stands at `t_ns` or before; 0 where there is none."""
        index = self.index_after(t_ns) - 1
        return self.row_of_index(index) if index >= 0 else 0

    def index_after(self, t_ns: int) -> int:
        """How many frames of the view came at `t_ns` or before."""
        return bisect_right(range(self._frames), t_ns, key=self.pages.time)

    def next_time(self, t_ns: int, steps: int) -> int | None:
        """When something stands next after a time (`steps` 1) or last before it (-1), ns, whatever the horizon hides.

        None where there is nothing.
        """
        frames = range(len(self.ids))
        if steps > 0:
            index = bisect_right(frames, t_ns, key=self.pages.time)
        else:
            index = bisect_left(frames, t_ns, key=self.pages.time) - 1
        came = self.pages.known_time(index) if 0 <= index < len(frames) else None
        times = [at for at in (came, self._placement.next_time(t_ns, steps)) if at is not None and (at - t_ns) * steps > 0]
        return min(times, key=lambda at: abs(at - t_ns), default=None)

    def set_horizon(self, t_ns: int | None) -> None:
        """Show the view as it was at a time; None for all of it."""
        before = self._frames
        self.horizon = t_ns
        self._frames = len(self.ids)
        if t_ns is not None:
            self._frames = self.index_after(t_ns)
        self._place_extra_rows()
        self.version += self._frames != before

    def set_ids(self, ids: Sequence[int]) -> None:
        """Go on with more ids, of which those known so far are the first."""
        self.pages.replace_ids(ids)
        self.set_horizon(self.horizon)

    def _place_extra_rows(self) -> None:
        if self._placement.place(self.ids, self._frames, self.horizon):
            self.extra_version += 1
            self.version += 1
