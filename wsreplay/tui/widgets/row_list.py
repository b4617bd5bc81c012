"""The list that every screen uses: rows painted as they are seen, so that ten million cost what ten do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip

from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.paint import Run, line
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.widgets.error_guard import ErrorGuard

EIGHTHS = 8


class PlainBar(ScrollBarRender):
    """A scroll bar of whole cells, which needs no glyph beyond ASCII."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * EIGHTHS


class RowList(ErrorGuard, Themed, ScrollView, can_focus=True):
    """Rows by number. A subclass says how many there are and paints one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="list.up", show=False),
        Binding("down,j", "move(1)", "Down", id="list.down", show=False),
        Binding("pageup", "page(-1.0)", "Page up", id="list.page_up", show=False),
        Binding("pagedown", "page(1.0)", "Page down", id="list.page_down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", id="list.half_up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", id="list.half_down", show=False),
        Binding("home,g", "top", "First row", id="list.first", show=False),
        Binding("end,G", "bottom", "Last row", id="list.last", show=False),
        Binding("enter", "choose", "Open", id="list.open", show=False),
    ]
    ALLOW_SELECT = False  # the mouse selects text in a detail
    DEFAULT_CSS = """
    RowList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(
        self, *, name_of: Callable[[int], object] = int, on_move: Callable[[], object] | None = None, id: str | None = None
    ) -> None:
        """`name_of` gives what stands in a row, for who hears later that it was chosen.

        `on_move` is called at once when the cursor has moved, in place of the message `RowMoved`: what it changes is painted
        together with the list. A message comes when the list has been painted, and the next picture is 17 ms away at least.
        """
        super().__init__(id=id)
        self._on_move = on_move
        # The row of the cursor, and how many rows there are.
        self.cursor = 0
        self._count = 0
        # What a list without rows says.
        self._empty_lines: Sequence[str] = ()
        self._name_of = name_of
        # Before it changes.
        self._height = 0
        # The scroll bar as it is painted: (first eighth of a cell, how many); and whether it is to be moved.
        self._bar_drawn, self._bar_due = (0, 0), False

    def on_mount(self) -> None:
        if self.look.ascii_only:
            self.vertical_scrollbar.renderer = PlainBar  # type: ignore[misc]

    def on_resize(self, event: events.Resize) -> None:
        """A cursor that was in sight stays in sight."""
        was_seen = 0 <= self.cursor - self.scroll_offset.y < self._height
        is_first, self._height = not self._height, event.size.height
        if is_first and self.scroll_offset.y == self.cursor < event.size.height:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)  # the cursor came before there was room
        if was_seen and self._count:
            self._reveal(self.cursor, centre=False)

    # What a subclass says.

    def paint(self, row: int, width: int) -> Strip:
        """One row, exactly `width` cells, without the cursor."""
        raise NotImplementedError

    def paint_empty(self, y: int, width: int) -> Strip:
        """A line where there is no row: what a list without rows says, or nothing."""
        words = self._empty_lines[y - 1] if not self._count and 1 <= y <= len(self._empty_lines) else ""
        return self.whole_line([(f"   {self.look.own(words)}" if words else "", self.look.style("dim"))], width)

    def whole_line(self, runs: Iterable[Run], width: int) -> Strip:
        """A line on the list's own ground."""
        return line(runs, width, self.look.ground("ground"))

    # What a screen asks for.

    @property
    def count(self) -> int:
        return self._count

    def set_count(self, count: int) -> None:
        """Say how many rows there are now; the cursor stays where it is, or on the last row."""
        self._count = count
        size = Size(0, count)
        if size != self.virtual_size:
            self._take_size(size)
        if self.cursor >= count:
            self.cursor = max(0, count - 1)
        self.refresh()

    def set_empty_lines(self, lines: Sequence[str]) -> None:
        """What the list says when it has no rows."""
        self._empty_lines = lines
        if not self._count:
            self.refresh()

    def forget(self) -> None:
        """Paint all rows anew."""
        self.refresh()

    def _take_size(self, size: Size) -> None:
        """The screen is laid out anew where the scroll bar comes or goes: a list that grows moves nothing else."""
        if self.show_vertical_scrollbar and size.height > self.size.height > 0:
            self.set_reactive(RowList.virtual_size, size)
            self._point_bar_soon()
        else:
            self.virtual_size = size

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if self.show_vertical_scrollbar:
            self._point_bar_soon()
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)

    def _point_bar_soon(self) -> None:
        """Once where a list grows and scrolls."""
        if not self._bar_due:
            self._bar_due = True
            self.call_next(self._point_bar)

    def _point_bar(self) -> None:
        """Move the scroll bar; it is painted where that is seen, in eighths of a cell."""
        self._bar_due = False
        bar, height = self.vertical_scrollbar, self.size.height
        bar.set_reactive(ScrollBar.window_virtual_size, self._count)
        bar.set_reactive(ScrollBar.position, self.scroll_y)
        room = max(1, self._count - height)
        thumb = max(1.0, height * height / max(1, self._count))
        drawn = int((height - thumb) * self.scroll_y / room * EIGHTHS), math.ceil(thumb * EIGHTHS)
        if drawn != self._bar_drawn:
            self._bar_drawn = drawn
            bar.refresh()

    def move_to(self, row: int, *, centre: bool = False, quiet: bool = False) -> None:
        """Put the cursor on a row and bring it into sight; `quiet` tells nobody."""
        row = max(0, min(row, self._count - 1))
        if self._count == 0:
            return
        before, self.cursor = self.cursor, row
        moved = row != before
        if not self._reveal(row, centre) and moved:
            self.refresh_line(before)
            self.refresh_line(row)
        if moved and not quiet:
            self.tell_moved()

    def tell_moved(self) -> None:
        """Tell who wants to know it that the cursor stands where it does."""
        if self._on_move is not None:
            self._on_move()
        else:
            self.post_message(RowMoved(self, self.cursor))

    def _reveal(self, row: int, centre: bool) -> bool:
        """Scroll so that a row is in sight; whether that was needed."""
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        if centre and not top + 1 <= row < top + height - 1:
            top = row - height // 3
        elif row < top:
            top = row
        elif row >= top + height:
            top = row - height + 1
        top = max(0, min(top, self._count - height))
        if top == self.scroll_offset.y:
            return False
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        return True

    def seen(self) -> range:
        """The rows in sight."""
        top = self.scroll_offset.y
        return range(top, min(self._count, top + max(1, self.size.height)))

    # Painting.

    @property
    def row_width(self) -> int:
        """Cells of a row: the scroll bar stands beside them."""
        return self.size.width - self.scrollbar_size_vertical

    def render_line(self, y: int) -> Strip:
        width = self.row_width
        row = self.scroll_offset.y + y
        if row >= self._count:
            return self.paint_empty(y, width)
        strip = self.paint(row, width)
        if row == self.cursor:
            ground = self.look.ground("cursor" if self.has_focus else "cursor-blurred")
            quiet = {self.look.style(name).color for name in ("faint", "dim", "line", "bars")}
            loud = self.look.style("text")  # what is quiet on the list's ground cannot be read on the cursor's
            return Strip(
                [Segment(text, (style or ground) + (loud if style and style.color in quiet else ground) + ground)
                 for text, style, _ in strip], width,
            )  # fmt: skip
        return strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    # Keys and mouse.

    def action_move(self, rows: int) -> None:
        self.move_to(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        self.move_to(self.cursor + int(pages * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self.move_to(0)

    def action_bottom(self) -> None:
        self.move_to(self._count - 1)

    def action_choose(self) -> None:
        if self._count:
            self.post_message(RowChosen(self, self.cursor, self._name_of(self.cursor)))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or (row := self.scroll_offset.y + offset.y) >= self._count:
            return
        if row == self.cursor or event.chain > 1:
            self.cursor = row
            self.post_message(RowChosen(self, row, self._name_of(row)))
        else:
            self.move_to(row)

    def watch_has_focus(self, _focused: bool) -> None:
        super().watch_has_focus(_focused)
        self.refresh()
