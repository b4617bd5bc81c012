"""What is left of a style where there are no colours."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from wsreplay.tui.look.colourless import Colourless, contrast, plain
from wsreplay.tui.look.theme import DARK, LIGHT, PlainPalette

BLACK, WHITE = Color.parse("#000000"), Color.parse("#ffffff")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_a_raised_ground_is_left_alone_and_a_scroll_bar_is_seen(theme) -> None:
    ground = Color.parse(theme.background)
    assert not plain(Style(bgcolor=theme.variables["ws-raised"]), ground).reverse
    assert plain(Style(bgcolor=theme.variables["ws-line"]), ground).reverse
    assert plain(Style(color=theme.variables["ws-line"]), ground).dim
    assert not plain(Style(color=theme.variables["ws-accent"]), ground).dim


def test_colours_go_and_all_else_stays() -> None:
    style = Style(color="#f0763a", bgcolor="#12151b", bold=True, underline=True, meta={"presses": "v"})
    (segment,) = Colourless(Color.parse(DARK.background)).apply([Segment("✗", style)], BLACK)
    assert segment.text == "✗"
    assert segment.style is not None and segment.style.color is None and segment.style.bgcolor is None
    assert segment.style.bold and segment.style.underline and segment.style.meta == {"presses": "v"}


def test_where_the_cursor_is_and_what_was_found_is_reversed() -> None:
    palette = PlainPalette()
    assert palette.ground("cursor").reverse and palette.style("strong", on="match").reverse
    assert palette.ground("cursor-blurred").dim and not palette.ground("cursor").dim
    assert all(palette.style(name).color is None for name in ("error", "text", "line"))
