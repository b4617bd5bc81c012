"""What stands behind the panes of a screen: its ground, of which little is seen."""

from __future__ import annotations

from textual.containers import Container
from textual.geometry import Region
from textual.strip import Strip

from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.appearance import Appearance


class Ground(Themed, Container):
    """Holds the panes of a screen side by side."""

    def render_lines(self, crop: Region) -> list[Strip]:
        return ground_lines(crop, self.look)


def ground_lines(crop: Region, look: Appearance) -> list[Strip]:
    """One line as often as it takes: Textual makes each by itself, which takes a third of the time of a list's rows."""
    return [Strip.blank(crop.width, look.ground("ground"))] * crop.height
