"""Filtering and searching a list of frames, by errands beside the interface."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wsreplay.errors import FilterError
from wsreplay.tui import times
from wsreplay.tui.data.errand import Errands
from wsreplay.tui.data.gathering import Gathered, matching_ids, next_match
from wsreplay.tui.data.rows import Rows
from wsreplay.tui.data.view import Anchor
from wsreplay.tui.messages import IdsGathered, SearchEnded
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.query_bar import QueryBar

if TYPE_CHECKING:
    from wsreplay.trace.filter import Filter

FILTERING, SEARCHING = "filtering", "searching"


class Asking:
    """The questions a user asks of one list. Answers come back as messages to the screen, which hands them on to here."""

    def __init__(self, screen: BaseScreen, rows: Rows, frames: FrameList, bar: QueryBar, errands: Errands) -> None:
        self._screen = screen
        self._rows = rows
        self._frames = frames
        self._bar = bar
        self._errands = errands
        self._ticket = 0
        self._asked: Filter | None = None
        self._stopped = False
        self._forward = True
        self._found: int | None = None

    # Filtering.

    def filter(self, text: str) -> None:
        """Show what the filter lets through; the rows stay until the first answer. The bar says what is wrong with a text."""
        from wsreplay.trace import filter as filters

        try:
            asked = filters.parse(text)
        except FilterError:
            return
        if asked.is_empty:
            self.clear()
            return
        if self._asked is not None and str(asked) == str(self._asked) and not self._stopped:
            return
        self._asked, self._stopped = asked, False
        self._ticket += 1
        ticket, start = self._ticket, self._place_in_base()

        def tell(gathered: Gathered) -> None:
            self._screen.post_message(IdsGathered(ticket, gathered))

        work = partial(matching_ids, self._rows.sieve(asked), self._rows.base, start)
        self._errands.hand_over(FILTERING, work, tell, self._screen.fail(FILTERING))
        self._say(0, 0.0)

    def _place_in_base(self) -> int:
        """Where in all frames the list stands now: what is in sight is looked at first."""
        view = self._frames.view
        if not view.frames:
            return 0
        top = min(view.index_of_row(self._frames.scroll_offset.y), view.frames - 1)
        if view.ids is self._rows.base:
            return top
        from bisect import bisect_left

        return min(bisect_left(self._rows.base, view.ids[top]), max(0, len(self._rows.base) - 1))

    def gathered(self, message: IdsGathered) -> bool:
        """An answer to the filter; whether there is something to show."""
        if message.ticket != self._ticket or self._asked is None:
            return False
        self._say(len(message.ids), 1.0 if message.finished else message.done)
        if not message.ids and not message.finished:
            return False
        anchor = self.anchor()
        self._rows.filtered(self._asked, message.ids)
        self._frames.empty_lines = ["", f"no frame matches {self._asked}", "esc clears the filter"]
        self._frames.show_view(self._rows.view, anchor=anchor)
        return True

    def grown(self) -> None:
        """The recording has more frames, and the filter has been asked about them."""
        if self._asked is not None and self._rows.matches is not None and not self._errands.busy:
            self._say(len(self._rows.matches), 1.0)

    def failed(self, what: str) -> None:
        """Something could not be done; where it was one of these questions, it can be asked again."""
        if what in (FILTERING, SEARCHING):
            self._stopped = True
            self._bar.say(lambda look: [(f"{what} stopped", look.style("warning"))])

    def anchor(self) -> Anchor | None:
        """What the cursor stands on."""
        return self._frames.view.anchor(self._frames.cursor)

    def clear(self) -> bool:
        """Show everything again; whether there was a filter."""
        was = self._asked is not None or self._rows.only_marked
        self._errands.call_back(FILTERING)
        self._asked = None
        self._ticket += 1
        self._bar.clear()
        if was:
            anchor = self.anchor()
            self._frames.empty_lines = []
            self._frames.show_view(self._rows.unfiltered(), anchor=anchor)
        return was

    def _say(self, count: int, done: float) -> None:
        counted = f"{count:,} of {times.short(len(self._rows.base))}"
        so_far = f"  {done:.0%}" if done < 1.0 else ""
        self._bar.say(lambda look: [(counted, look.style("text")), (so_far, look.style("dim"))])

    # Searching.

    def search(self, forward: bool = True, *, from_here: bool = False) -> None:
        """Find the next frame whose payload holds the text."""
        needle = self._bar.search_text
        view = self._frames.view
        if not needle or not view.frames:
            return
        self._frames.needle = needle
        self._frames.forget()
        self._ticket += 1
        ticket, self._forward = self._ticket, forward
        here = min(view.index_of_row(self._frames.cursor), view.frames - 1)
        start = here if not forward or from_here else here + 1
        ids = view.ids[: view.frames]
        sieve = self._rows.sieve(text_filter(needle))

        def tell(frame_id: int | None) -> None:
            self._screen.post_message(SearchEnded(ticket, frame_id))

        work = partial(next_match, sieve, ids, start, forward)
        self._errands.hand_over(SEARCHING, work, tell, self._screen.fail(SEARCHING))
        self._bar.say(lambda look: [("searching", look.style("dim"))])

    def found(self, message: SearchEnded) -> None:
        if message.ticket != self._ticket:
            return
        needle = self._bar.search_text
        if message.frame_id is None:
            self._bar.say(lambda look: [(look.own(f"— in no frame: {needle}"), look.style("warning"))])
            return
        row = self._frames.view.row_of_frame(message.frame_id)
        only = "the only frame" if row == self._frames.cursor and message.frame_id == self._found else "n next  N previous"
        self._found = message.frame_id
        self._bar.say(lambda look: [(look.own(f"found {needle}   {only}"), look.style("dim"))])
        self._frames.move_to(row, centre=True)

    def stop_searching(self) -> None:
        self._errands.call_back(SEARCHING)
        if self._frames.needle:
            self._frames.needle = ""
            self._frames.forget()


def text_filter(needle: str) -> Filter:
    """A filter for payloads that hold a text as it is."""
    from wsreplay.trace.filter import Filter
    from wsreplay.trace.filter.ast import Text

    return Filter(Text(needle))
