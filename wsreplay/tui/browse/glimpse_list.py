"""The lower half of a list: the frames around what is wrong with the selected row."""

from __future__ import annotations

from textual import events
from textual.strip import Strip

from wsreplay.store.paging import Head
from wsreplay.tui.recording.clock import ShownClock, last_ns
from wsreplay.tui.recording.glimpse import Glimpse
from wsreplay.tui.recording.layout import wrapped
from wsreplay.tui.widgets.frame_row import FrameRow
from wsreplay.tui.widgets.row_list import RowList

_ABOVE = 3  # rows before the one that it is about: one of each three stands above it
_MARGIN = 6  # cells beside lines that say why there are no rows
_NARROW, _TYPE, _WIDE_TYPE = 90, 18, 26  # cells


class GlimpseList(RowList, can_focus=False):
    """Paints a glimpse; there is nothing in it to choose."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # None: there is none, or not yet
        self._glimpse: Glimpse | None = None
        # Why there is none.
        self._why = ""

    def show(self, glimpse: Glimpse | None, title: str, why: str = "") -> None:
        """Show this, with what it is about in sight; None clears it, and says why there is nothing to be seen."""
        self._glimpse = glimpse
        self.border_title = title
        self._why = why
        self._say_why()
        self.set_count(0 if glimpse is None else len(glimpse.rows))
        if glimpse is not None:
            self.cursor = glimpse.at
            self.call_after_refresh(self.point)

    def _say_why(self) -> None:
        """In lines that are as wide as there is room for."""
        lines = wrapped([("plain", self._why)], self.size.width - _MARGIN, self.look.own) if self._why else []
        self.set_empty_lines([text for _, text in lines])

    def on_resize(self, _event: events.Resize) -> None:
        self._say_why()

    def point(self) -> None:
        """Bring what it is about into sight."""
        if self._glimpse is not None:
            top = max(0, self._glimpse.at - max(1, self.size.height // _ABOVE))
            self.scroll_to(y=top, animate=False, immediate=True, force=True)

    def paint(self, row: int, width: int) -> Strip:
        glimpse = self._glimpse
        if glimpse is None or row >= len(glimpse.rows):
            return self.whole_line([], width)
        session = glimpse.session
        users = {connection.id: connection.user for connection in session.connections}
        heads = [item for item in glimpse.rows if isinstance(item, Head)]
        id_width = max(4, len(str(heads[-1].id))) if heads else 4
        type_width = _TYPE if width < _NARROW else _WIDE_TYPE
        clock = ShownClock(self.host.clock_form, session.opened_ns, glimpse.runs, last_ns(session, glimpse.runs))
        above = glimpse.rows[row - 1] if row else None
        before_ns = above.t_ns if isinstance(above, Head) else None
        painter = FrameRow(
            self.look, width, id_width, type_width, clock, users, False, glimpse.evidence, {}, before_ns=before_ns
        )  # fmt: skip
        item = glimpse.rows[row]
        runs = painter.frame(item) if isinstance(item, Head) else painter.extra_row(item)
        return self.whole_line(runs, width)
