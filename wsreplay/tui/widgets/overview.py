"""The whole session in two lines: density over time, and where findings and marks are; a click goes there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.tui.hosted import Themed
from wsreplay.tui.messages import JumpTo
from wsreplay.tui.recording.density import bars, column, strongest, time_of_column

_RANKS = {"mark": 0, "fault": 1, "warning": 2, "error": 3}
_HUES = {"mark": "word", "fault": "warning", "warning": "warning", "error": "error"}


class Overview(Themed, Widget):
    """Paints what it was last given. All times in ns."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Overview { height: 2; padding: 0 1; background: $ws-ground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # as `draw` and `place` were told
        self._counts: Sequence[int] = ()
        self._places: Sequence[tuple[int, str]] = ()
        self._span = (0, 1)
        # what the list shows (None: all), the playhead, and after which time nothing is there yet (None: all is)
        self._seen: tuple[int, int] | None = None
        self._at = 0
        self._horizon: int | None = None

    def draw(self, counts: Sequence[int], span: tuple[int, int]) -> None:
        """Frames per column, and the time from the first column to the last."""
        if (counts, span) != (self._counts, self._span):
            self._counts, self._span = counts, span
            self.refresh()

    def place(self, places: Sequence[tuple[int, str]]) -> None:
        """What is to be seen where: (time, kind), of kinds error, warning, fault, mark."""
        if places != self._places:
            self._places = places
            self.refresh()

    def point(self, at_ns: int, seen: tuple[int, int] | None, horizon: int | None) -> None:
        """Where the playhead is, what the list shows (None: all), and after which time nothing is there yet."""
        before = self._pointed()
        self._at, self._seen, self._horizon = at_ns, seen, horizon
        if self._pointed() != before:
            self.refresh()

    def _pointed(self) -> tuple[int, int, int, int]:
        """The columns of the playhead, of the first and the last row in sight, and of the last that is there."""
        first, last = (self._column(t) for t in self._seen) if self._seen else (self.size.width, -1)
        horizon = self._column(self._horizon) if self._horizon is not None else self.size.width
        return self._column(self._at), first, last, horizon

    @property
    def bins(self) -> int:
        """How many columns there are to count for."""
        return max(1, self.size.width)

    def _column(self, t_ns: int) -> int:
        return column(t_ns, *self._span, self.size.width)

    def render_line(self, y: int) -> Strip:
        return self._density_line() if y == 0 else self._marks_line()

    def _density_line(self) -> Strip:
        width = self.size.width
        counts = list(self._counts)
        if len(counts) != width:
            counts = [counts[x * len(counts) // width] if counts else 0 for x in range(width)]
        glyphs = bars(counts, self.look.signs.bars)
        head, first, last, horizon = self._pointed()
        cells: list[tuple[str, Style]] = []
        for x, glyph in enumerate(glyphs):
            ground = "cursor" if first <= x <= last else "ground"
            if x == head:
                cells.append((self.look.signs.playhead, self.look.style("word", on=ground, bold=True)))
            else:
                cells.append((glyph, self.look.style("line" if x > horizon else "bars", on=ground)))
        return _joined(cells, width)

    def _marks_line(self) -> Strip:
        width = self.size.width
        marks = self.look.signs
        signs = {"mark": marks.mark, "fault": marks.fault, "warning": marks.warning, "error": marks.error}
        shown = strongest(((self._column(t), kind) for t, kind in self._places), lambda kind: _RANKS[kind], width)
        cells: list[tuple[str, Style]] = []
        for x in range(width):
            kind = shown.get(x)
            if kind is None:
                cells.append((" ", self.look.ground("ground")))
            else:
                cells.append((signs[kind], self.look.style(_HUES[kind], on="ground", bold=kind == "error")))
        return _joined(cells, width)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(JumpTo(time_of_column(offset.x, *self._span, self.size.width)))


def _joined(cells: Sequence[tuple[str, Style]], width: int) -> Strip:
    """Cells of one glyph each, neighbours of one style as one segment."""
    segments: list[Segment] = []
    text, style = "", None
    for glyph, next_style in cells:
        if next_style is not style and text:
            segments.append(Segment(text, style))
            text = ""
        text, style = text + glyph, next_style
    segments.append(Segment(text, style))
    return Strip(segments, width)
