"""Going to a frame or a time of a list, or saying why that cannot be."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from wsreplay.tui.data.goto import Target, why_not_here
from wsreplay.tui.screens.player import PlayerScreen

if TYPE_CHECKING:
    from wsreplay.tui.data.opened import Opened
    from wsreplay.tui.data.rows import Rows
    from wsreplay.tui.widgets.frame_list import FrameList


class GoingScreen(PlayerScreen):
    """A screen with a playhead and a list of frames. Times begin at `origin_ns`."""

    opened: Opened
    rows: Rows
    frames: FrameList
    origin_ns: int

    def go_to_target(self, target: Target) -> None:
        view = self.rows.view
        if target.kind == "frame":
            at = bisect_left(view.ids, target.value)
            if at == len(view.ids) or view.ids[at] != target.value:
                self._say_where(target.value)
                return
            self.seek(view.pages.time(at))
            self.frames.move_to(view.row_of_frame(target.value), centre=True)
        else:
            self.seek(target.value + (self.origin_ns if target.kind == "time" else self.player.at_ns))

    def _say_where(self, frame_id: int) -> None:
        """Why a frame cannot be gone to."""
        why = why_not_here(self.opened, self.rows.session, frame_id) or self._what_hides()
        self.notify(why, title=f"frame {frame_id:,} is not in this list", severity="warning")

    def _what_hides(self) -> str:
        if self.rows.only_marked:
            return "it is not marked, and only marked frames are shown"
        return "the filter does not let it through" if self.rows.filter is not None else "the session is still being read"
