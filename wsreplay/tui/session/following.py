"""Staying at the end of a recording that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsreplay.tui.host import ScreenHost
    from wsreplay.tui.widgets.frame_list import FrameList


class FollowController:
    """Of one list. `on` says whether the cursor stays at its end, `unseen` how many frames came where it does not."""

    def __init__(self, host: ScreenHost, frames: FrameList, *, live: bool) -> None:
        self._host = host
        self._frames = frames
        self.on = live
        # since the cursor left the end
        self.unseen = 0

    def start(self) -> None:
        """Go to the end, and stay there."""
        self.on, self.unseen = True, 0
        self._frames.move_to_last()

    def stop(self) -> None:
        self.on, self.unseen = False, 0

    def pause(self) -> None:
        """Stand still, and say how to go on."""
        self.stop()
        how = f"{self._host.look.key('list.last')} follows again"
        self._host.notify(how, title="following is paused", markup=False)

    def moved(self) -> None:
        """The cursor stands on another row: away from the end it stays there."""
        if self.on and self._frames.cursor < self._frames.view.last_row:
            self.stop()

    def grown(self, frames: int) -> None:
        """So many frames more are in the list."""
        self.unseen = 0 if self.on else self.unseen + frames
        if self.on:
            self._frames.move_to_last()
