"""For terminals without colours, and users who want none: https://no-color.org."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

# Of the luminances of two colours, by WCAG 2: what is nearer to the ground than this does not stand out from it.
STANDS_OUT = 1.4
IS_FAINT = 2.0


class Colourless(LineFilter):
    """Takes the colours out of what Textual's style sheets paint: a ground that stands out is reversed, a faint line dim."""

    def __init__(self, ground: Color) -> None:
        super().__init__()
        self._ground = ground

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        ground = self._ground
        return [Segment(text, plain(style, ground) if style else style, control) for text, style, control in segments]


@lru_cache(1024)
def plain(style: Style, ground: Color) -> Style:
    """A style without its colours, to be seen on a ground of this colour."""
    reverse = style.bgcolor is not None and contrast(Color.from_rich_color(style.bgcolor), ground) >= STANDS_OUT
    faint = not reverse and style.color is not None and contrast(Color.from_rich_color(style.color), ground) < IS_FAINT
    shown = style.without_color
    if reverse or faint:
        shown += Style(reverse=reverse or None, dim=faint or None)
    return shown + Style.from_meta(style.meta) if style.meta else shown


def contrast(first: Color, second: Color) -> float:
    """1 to 21, as WCAG 2.2 has it."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
