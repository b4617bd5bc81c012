"""The detail of what the cursor stands on: its payload as JSON, raw or in hex, its facts, its findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wsreplay.model import Frame
from wsreplay.tui.data import layout
from wsreplay.tui.data.facts import Line
from wsreplay.tui.look import Look
from wsreplay.tui.messages import PaneChosen
from wsreplay.tui.widgets.paint import Run, line

PANES = ("json", "raw", "hex", "meta", "findings")
HIGHLIGHTED_CELLS = 4096
_TOKEN = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)')

Layout = Callable[[int], list[Line]]


class Detail(ScrollView, can_focus=True):
    """Shows lines; which ones, its screen says. Lines are wrapped for the width and painted as they are seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", "Up", id="detail.up", show=False),
        Binding("down,j", "scroll_by(1)", "Down", id="detail.down", show=False),
        Binding("pageup,ctrl+u", "scroll_by(-20)", "Page up", id="detail.page_up", show=False),
        Binding("pagedown,ctrl+d", "scroll_by(20)", "Page down", id="detail.page_down", show=False),
        Binding("home,g", "scroll_by(-100000000)", "Top", id="detail.first", show=False),
        Binding("end,G", "scroll_by(100000000)", "End", id="detail.last", show=False),
    ]
    DEFAULT_CSS = "Detail { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pane = "json"
        self._make: Layout = lambda _width: []
        self._lines: list[Line] = []
        self._laid_for = -1

    @property
    def look(self) -> Look:
        look: Look = self.app.look  # type: ignore[attr-defined]
        return look

    def show(self, make: Layout, *, keep_place: bool = False) -> None:
        """Show what `make` lays out for a width in cells."""
        self._make = make
        self._laid_for = -1
        if not keep_place:
            self.scroll_to(y=0, animate=False, immediate=True)
        self._lay()

    def show_pane(self, pane: str) -> None:
        self.pane = pane
        self._name_panes()

    def _name_panes(self) -> None:
        tabs = " ".join(f"[b u]{pane}[/]" if pane == self.pane else f"[dim]{pane}[/]" for pane in PANES)
        self.border_title = tabs

    def on_resize(self, _event: events.Resize) -> None:
        self._lay()

    def _lay(self) -> None:
        width = self.size.width
        if width > 0 and width != self._laid_for:
            self._laid_for = width
            self._lines = self._make(width)
            self.virtual_size = Size(0, len(self._lines))
        self.refresh()

    @property
    def text(self) -> str:
        """What the pane holds, as plain text."""
        return "\n".join(text for _, text in self._lines)

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        width = self.size.width
        if row >= len(self._lines):
            return Strip.blank(width, self.look.ground("ground"))
        kind, text = self._lines[row]
        text = self.look.own(text[:HIGHLIGHTED_CELLS])
        return line(self._coloured(text) if kind in ("json", "code") else [(text, self._style(kind))], width, self.look.ground("ground"))

    def _style(self, kind: str) -> Style:
        if kind == "head":
            return self.look.style("accent", bold=True)
        if kind in ("error", "missing", "warning", "ok"):
            return self.look.style(kind, bold=True)
        return self.look.style("dim" if kind in ("dim", "info") else "text")

    def _coloured(self, text: str) -> list[Run]:
        runs: list[Run] = []
        done = 0
        for match in _TOKEN.finditer(text):
            runs.append((text[done : match.start()], self.look.style("dim")))
            runs.append((match[0], self.look.style(match.lastgroup or "text")))
            done = match.end()
        runs.append((text[done:], self.look.style("dim")))
        return runs

    def action_scroll_by(self, lines: int) -> None:
        self.scroll_to(y=max(0, min(self.scroll_offset.y + lines, len(self._lines) - self.size.height)), animate=False, immediate=True)

    def on_click(self, event: events.Click) -> None:
        """A click on a pane's name in the border chooses it."""
        if event.get_content_offset(self) is None and event.y == 0:
            at = event.x - 2
            for pane in PANES:
                if 0 <= at < len(pane):
                    self.post_message(PaneChosen(pane))
                at -= len(pane) + 1


def payload_layout(frame: Frame, pane: str) -> Layout:
    """How a frame's payload is laid out in a pane."""

    def lay(width: int) -> list[Line]:
        kind = "plain"
        if pane == "hex":
            lines = layout.hex_lines(frame.payload, width)
        else:
            pretty = layout.json_lines(frame.payload) if pane == "json" else None
            kind = "json" if pretty else "plain"
            lines = layout.wrapped(pretty or layout.raw_lines(frame.payload), width)
        note = layout.cut_note(frame.payload)
        return [(kind, text) for text in lines] + ([("dim", note)] if note else [])

    return lay
