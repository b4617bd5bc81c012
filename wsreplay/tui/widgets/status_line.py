"""One line of text with a left and a right end: the screen's head and its foot."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.appearance import PRESSES
from wsreplay.tui.look.paint import Run, line, split

_MOST_LINES = 4


class StatusLine(Themed, Widget):
    """Paints the runs it was last given."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StatusLine { height: 1; padding: 0 1; background: $ws-raised; }
    StatusLine.-ground { background: $ws-ground; }
    """

    def __init__(self, *, id: str | None = None, ground: str = "raised") -> None:
        super().__init__(id=id, classes="-ground" if ground == "ground" else None)
        self._ground = ground
        # As `say` was told.
        self._left: list[Run] = []
        self._right: list[Run] = []
        self._extra: list[Run] = []
        self._keys: Sequence[tuple[str, str]] = ()
        self._entries: Sequence[tuple[str, str]] = ()
        # What is said for a moment in place of all that, the name of its style, and its lines.
        self._notice: tuple[str, str] | None = None
        self._notice_lines: Sequence[str] = ()

    def say(
        self, left: list[Run], right: list[Run] | None = None, *, extra: list[Run] | None = None,
        keys: Sequence[tuple[str, str]] = (), entries: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        """Show these, and as many of the keys, or of the entries, between them as there is room for.

        `keys` are (ids of bindings, what they do). `extra` stands at the right end as long as there is room for it; then the
        left end is cut.
        """
        shown = left, right or [], extra or [], keys, entries
        if shown != (self._left, self._right, self._extra, self._keys, self._entries):
            self._left, self._right, self._extra, self._keys, self._entries = shown
            self.refresh()

    def say_for_now(self, text: str, style: str = "text") -> None:
        """Say this in place of the rest, on as many lines as it takes; with no text say the rest again."""
        self._notice = (text, style) if text else None
        self._break_notice()
        self.refresh()

    def on_resize(self) -> None:
        self._break_notice()

    def _break_notice(self) -> None:
        """Into lines, as wide as there is room."""
        room, self._notice_lines = self.size.width - 2, ()
        if self._notice is not None and room > 0:
            from wsreplay.tui.recording.layout import wrapped

            lines = wrapped([("plain", self._notice[0])], room, self.look.own)
            self._notice_lines = [shown for _, shown in lines][:_MOST_LINES]
        self.styles.height = max(1, len(self._notice_lines))

    def fit(self, runs: list[Run]) -> None:
        """Show these, and take no more columns than they need; none where there is nothing."""
        cells = sum(cell_len(text) for text, _ in runs)
        self.styles.width = cells + 2 if cells else 0
        self.say(runs)

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self._left) + "  " + "".join(text for text, _ in [*self._right, *self._extra])

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._notice is not None:
            shown = self._notice_lines[y] if y < len(self._notice_lines) else ""
            return line([(shown, self.look.style(self._notice[1]))], width, self.look.ground(self._ground))
        ground, ellipsis = self.look.ground(self._ground), self.look.signs.ellipsis
        return split(self._fitting_keys(width), self._right, width, ground, extra=self._extra, ellipsis=ellipsis)

    def on_click(self, event: events.Click) -> None:
        """A key that is named is pressed."""
        if key := event.style.meta.get(PRESSES):
            event.stop()
            self.app.simulate_key(key)

    def _fitting_keys(self, width: int) -> list[Run]:
        """The left end with the first keys, or entries, that fit beside the right end."""
        room = width - sum(cell_len(text) for text, _ in [*self._right, *self._extra]) - 1
        runs_of = self.look.entries if self._entries else self.look.keys
        pairs = self._entries or self._keys
        for count in range(len(pairs), 0, -1):
            runs = [*self._left, *([("   ", self.look.style())] if self._left else []), *runs_of(*pairs[:count])]
            if sum(cell_len(text) for text, _ in runs) <= room:
                return runs
        return self._left
