"""What stands on a terminal with too little room."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from wsreplay.tui.hosted import Themed


class TooSmall(Themed, Widget):
    """Shown instead of everything else while the screen has the class `-too-small`."""

    DEFAULT_CSS = """
    TooSmall {
        display: none; width: 1fr; height: 1fr; content-align: center middle; text-align: center; color: $ws-warning;
    }
    """

    def render(self) -> Text:
        words = f"{self.app.size.width} × {self.app.size.height} is too small:\nwsreplay needs 60 × 12"
        return Text("\n".join(map(self.look.own, words.split("\n"))), justify="center")
