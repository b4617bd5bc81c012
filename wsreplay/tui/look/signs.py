"""The signs of the interface: one set for every terminal that knows Unicode, one for those that know ASCII only.

A sign never rests on its colour alone.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from typing import NamedTuple


class Signs(NamedTuple):
    """Glyphs of one cell each, but for `bars`, which is a row of them."""

    error: str
    warning: str
    info: str
    missing: str
    order: str
    late: str
    ok: str
    to_server: str
    to_client: str
    dash: str
    divider: str
    recording: str
    stalled: str
    finished: str
    cut: str
    play: str
    pause: str
    mark: str
    fault: str
    witness: str
    dot: str
    times: str
    at_most: str
    playhead: str
    ellipsis: str
    open_end: str
    bars: str
    span_left: str
    span_fill: str
    span_right: str
    instant: str
    thumb: str
    unread: str
    idle: str
    owed: str

    def severity(self, name: str) -> str:
        """The sign of a severity; info for one that is not known."""
        return {"error": self.error, "warning": self.warning}.get(name, self.info)

    def direction(self, value: int) -> str:
        return self.to_client if value else self.to_server


UNICODE = Signs(
    error="✗", warning="▲", info="·", missing="◆", order="⇅", late="◷", ok="✓", to_server="▶", to_client="◀", dash="╌",
    divider="│", recording="●", stalled="◌", finished="■", cut="╳", play="▶", pause="‖", mark="⚑", fault="↯",
    witness="▎", dot="·", times="×", at_most="≤", playhead="┃",
    ellipsis="…", open_end="▷", bars=" ▁▂▃▄▅▆▇█",
    span_left="├", span_fill="━", span_right="┤", instant="◦", thumb="▐", unread="░", idle="⋯", owed="◇",
)  # fmt: skip
ASCII = Signs(
    error="X", warning="!", info=".", missing="*", order="^", late="+", ok="v", to_server=">", to_client="<", dash="-",
    divider="|", recording="@", stalled="o", finished="#", cut="x", play=">", pause="=", mark="M", fault="%",
    witness="w", dot="-", times="x", at_most="<", playhead="|", ellipsis="~", open_end=">", bars=" .:-=+*%#",
    span_left="[", span_fill="=", span_right="]", instant="o", thumb="#", unread="?", idle="~", owed="o",
)  # fmt: skip


def signs(ascii_only: bool) -> Signs:
    return ASCII if ascii_only else UNICODE
