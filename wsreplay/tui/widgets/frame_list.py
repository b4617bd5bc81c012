"""The list of frames: one row a frame, a dashed one where an event is missing or a fault was injected."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.strip import Strip

from wsreplay.model import Session
from wsreplay.store.paging import Head
from wsreplay.tui.messages import EndWanted
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.summary import name
from wsreplay.tui.recording.view import Anchor, View
from wsreplay.tui.widgets.frame_row import FrameRow
from wsreplay.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from wsreplay.tui.recording.extra_rows import ExtraRow

STRIPS = 2048
_TYPE_WIDTHS = ((69, 14, 20), (89, 18, 30), (129, 22, 34), (1000, 26, 40))  # list below, cells at first, and at most


class FrameList(RowList):
    """Paints a view. `users` are those of its connections, where it has several.

    `witnesses` are the frames of the finding that is looked at, `needle` is what a search looks for, `open` are the frames that
    began what is open at the playhead, while the session is replayed.
    """

    def __init__(
        self, recording: OpenRecording, view: View, session: Session | None, *, users: Mapping[int, str | None],
        on_move: Callable[[], object] | None = None, id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(on_move=on_move, id=id)
        self._recording = recording
        self.view = view
        self._session = session
        # Whose the connections are, and whether those are several users.
        self._users: Mapping[int, str | None] = users
        self._are_many = len(set(users.values())) > 1
        # What some rows are marked for: see above.
        self.witnesses: Collection[int] = ()
        self.open: Collection[int] = ()
        self.needle = ""
        # Rows that were painted, by (row, width, cells of the ids, of the times), and which version of what is no frame
        # they show.
        self._strips: OrderedDict[tuple[int, int, int, int], Strip] = OrderedDict()
        self._extra_painted = 0
        # Which version of the durations rows were painted with.
        self._durations = 0
        # In cells, of those painted so far.
        self._longest_type = 0
        # Whether what has not come yet is not there.
        self._replaying = False
        self.border_title = "frames"

    def on_mount(self) -> None:
        self.show_view(self.view)

    def show_view(self, view: View, *, anchor: Anchor | None = None) -> None:
        """Show another view; what `anchor` names stays on the line of the screen it is on, if the view holds it."""
        offset = self.cursor - self.scroll_offset.y
        self.view = view
        self._extra_painted = view.extra_version
        self.forget()
        self.set_count(len(view))
        if anchor is not None and len(view):
            row = view.row_of_anchor(anchor)
            self.move_to(row, quiet=True)
            self.scroll_to(y=max(0, row - offset), animate=False, immediate=True, force=True)

    def forget(self) -> None:
        """Paint every row anew: findings, marks, colours or the view have changed."""
        self._strips.clear()
        self.refresh()

    def set_users(self, users: Mapping[int, str | None]) -> None:
        if users != self._users:
            self._users, self._are_many = users, len(set(users.values())) > 1
            self.forget()

    def show_change(self) -> None:
        """The view has more rows, or fewer. What is no frame may have come, gone or moved; else rows look as they did."""
        if self.view.extra_version != self._extra_painted:
            self._extra_painted = self.view.extra_version
            self.forget()
        self.set_count(len(self.view))

    def show_durations(self, revision: int) -> None:
        """More is known of how long took what some frames ended; `revision` counts how often that happened."""
        if revision != self._durations:
            self._durations = revision
            self.forget()

    def set_witnesses(self, frames: Collection[int]) -> None:
        if set(frames) != set(self.witnesses):
            self.witnesses = frames
            self.forget()

    def set_needle(self, needle: str) -> None:
        """Make visible what is searched."""
        self.needle = needle
        self.forget()

    def set_replaying(self, replaying: bool) -> None:
        """Whether what has not come yet is not there."""
        self._replaying = replaying

    def move_to_last(self) -> None:
        """Put the cursor on the last row of what has come, with what is still owed in sight below it."""
        self.move_to(self.view.last_row)
        if self.view.tail:
            self._reveal(self.count - 1, centre=False)

    def show_owed(self) -> None:
        """What is owed at the end of the view is another, or is due sooner."""
        if self.count != len(self.view):
            is_last = self.cursor == self.view.last_row
            self.set_count(len(self.view))
            if is_last:
                self.move_to_last()
        for row in range(self.view.last_row + 1, self.count):
            self.refresh_line(row)

    def action_bottom(self) -> None:
        self.move_to_last()
        self.post_message(EndWanted(self, self.cursor))

    def set_open(self, frames: Collection[int]) -> None:
        if set(frames) != set(self.open):
            self.open = frames
            self.forget()

    # Painting.

    def paint_empty(self, y: int, width: int) -> Strip:
        if self._replaying and not self.count and len(self.view.ids):
            words = {2: "nothing has come yet", 3: f"{self.look.key('screen.escape')} ends the replay"}.get(y, "")
            return self.whole_line([(f"   {words}", self.look.style("dim"))], width)
        return super().paint_empty(y, width)

    def paint(self, row: int, width: int) -> Strip:
        if row > self.view.last_row:
            return self._paint_item(self.view.row(row), row, width)  # its time runs
        key = (row, width, self._id_width(), len(self._clock.column_text(0)))
        strip = self._strips.get(key)
        if strip is None:
            item = self.view.row(row)
            strip = self._strips[key] = self._paint_item(item, row, width)
            if item is None:
                del self._strips[key]
                return strip
            if len(self._strips) > STRIPS:
                self._strips.popitem(last=False)
        return strip

    def _paint_item(self, item: Head | ExtraRow | None, row: int, width: int) -> Strip:
        if item is None:
            trouble, again = self.view.pages.trouble, self.look.key("session.read_again")
            why = f"{again} reads again: {trouble}" if trouble else "this frame is not in the recording"
            return self.whole_line([(f" {self.look.signs.warning} {self.look.own(why)}", self.look.style("warning"))], width)
        if not isinstance(item, Head):
            return self.whole_line(self._painter(row, width, self._type_width(0, width)).extra_row(item), width)
        type_width = self._type_width(cell_len(self.look.safe(name(item))), width)
        return self.whole_line(self._painter(row, width, type_width).frame(item), width)

    def _painter(self, row: int, width: int, type_width: int) -> FrameRow:
        return FrameRow(
            self.look, width, self._id_width(), type_width, self._clock, self._users, self._are_many,
            self._recording.evidence, self._recording.marked, self.witnesses, self.open, self.needle,
            self._recording.contract_name, self._before_ns(row), self._recording.known_spans.lasted,
        )  # fmt: skip

    @property
    def _clock(self) -> ShownClock:
        return self._recording.clock(self.host.clock_form, self._session)

    def _before_ns(self, row: int) -> int | None:
        """When the frame before a row came; None where there is none."""
        index = self.view.index_of_row(row)
        before = self.view.pages.head(index - 1) if index else None
        return before.t_ns if before else None

    def _id_width(self) -> int:
        ids = self.view.ids
        return max(4, len(str(ids[-1]))) if len(ids) else 4

    def _type_width(self, cells: int, width: int) -> int:
        """The column is as wide as the longest name so far needs, within limits: it never gets narrower again."""
        least, most = next((least, most) for limit, least, most in _TYPE_WIDTHS if width < limit or limit == 1000)
        if cells > self._longest_type:
            if self._longest_type < most and cells > least:
                self.call_next(self.forget)
            self._longest_type = cells
        return min(most, max(least, self._longest_type))
