"""The signs of the interface: one set for every terminal that knows Unicode, one for those that know ASCII only.

A sign never rests on its colour alone.
"""

from __future__ import annotations


class Signs:
    """Glyphs of one cell each, but for `bars`, which is a row of them; these need Unicode."""

    error = "✗"
    warning = "▲"
    info = "·"
    missing = "◆"
    order = "⇅"
    late = "◷"
    ok = "✓"
    to_server = "▶"
    to_client = "◀"
    dash = "╌"
    divider = "│"
    recording = "●"
    stalled = "◌"
    finished = "■"
    cut = "╳"
    play = "▶"
    pause = "‖"
    mark = "⚑"
    fault = "↯"
    witness = "▎"
    dot = "·"
    times = "×"
    at_most = "≤"
    playhead = "┃"
    ellipsis = "…"
    open_end = "▷"
    bars = " ▁▂▃▄▅▆▇█"
    span_left = "├"
    span_fill = "━"
    span_right = "┤"
    instant = "◦"
    thumb = "▐"
    unread = "░"
    idle = "⋯"
    owed = "◇"
    effect = "→"

    def severity(self, name: str) -> str:
        """The sign of a severity; info for one that is not known."""
        return {"error": self.error, "warning": self.warning}.get(name, self.info)

    def direction(self, value: int) -> str:
        return self.to_client if value else self.to_server


class PlainSigns(Signs):
    """The same in ASCII."""

    error = "X"
    warning = "!"
    info = "."
    missing = "*"
    order = "^"
    late = "+"
    ok = "v"
    to_server = ">"
    to_client = "<"
    dash = "-"
    divider = "|"
    recording = "@"
    stalled = "o"
    finished = "#"
    cut = "x"
    play = ">"
    pause = "="
    mark = "M"
    fault = "%"
    witness = "w"
    dot = "-"
    times = "x"
    at_most = "<"
    playhead = "|"
    ellipsis = "~"
    open_end = ">"
    bars = " .:-=+*%#"
    span_left = "["
    span_fill = "="
    span_right = "]"
    instant = "o"
    thumb = "#"
    unread = "?"
    idle = "~"
    owed = "o"
    effect = ">"


UNICODE, ASCII = Signs(), PlainSigns()


def signs(ascii_only: bool) -> Signs:
    return ASCII if ascii_only else UNICODE
