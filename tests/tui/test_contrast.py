"""What the screens show can be read in both themes: each text on the ground that it is painted on (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.segment import Segment
from textual.color import Color
from textual.geometry import Region
from textual.screen import ModalScreen

from wsreplay.tui.config import Config
from wsreplay.tui.look.colourless import contrast
from wsreplay.tui.look.theme import LEGIBLE

NEXT = "right_square_bracket"
# Keys that lead from the list of sessions through the screens, each to be looked at; what is pressed after a screen leads on.
WAY = (
    ("sessions",), ("narrowed", "slash", *"u2"), ("listing", "escape", "escape"), ("contracts", "c"), ("back", "escape"),
    ("help", "question_mark"), ("help searched", "slash", *"filter", "enter"), ("back", "escape", "escape"),
    ("statistics", "S"), ("statistics below", "j", "j"), ("findings", "q", "v", "j"), ("folded", "space"),
    ("all frames", "q", "a"), ("finding", NEXT), ("late", NEXT, NEXT), ("tree", "enter", "j"), ("raw", "tab"), ("hex", "tab"),
    ("facts", "tab"), ("its findings", "tab"), ("list", "shift+tab", "escape"),
    ("searching", "ctrl+f", *"agent"), ("found", "enter"), ("in the detail", "tab"),
    ("filtered", "escape", "slash", *"type:tool_*"), ("mistake", *" sev>"), ("nothing", "ctrl+u", *"type:nothing", "enter"),
    ("asked where", "escape", "colon"),
    ("no place", *"xyz", "enter"), ("noted", "escape", "escape", "g", "m", *"here", "enter"), ("marked", "M"), ("all", "M"),
    ("exported", "e"), ("replayed", "escape", "3", "space", "space"), ("waterfall", "w"), ("next span", NEXT),
    ("palette", "ctrl+p"), ("back again", "escape", "q", "escape", "q"), ("compared with", "D"), ("diff", "2", "enter"),
)  # fmt: skip
SEEN = {
    "SessionsScreen", "ContractPicker", "HelpScreen", "StatisticsScreen", "FindingsScreen", "SessionScreen", "Prompt",
    "ChoiceScreen", "WaterfallScreen", "CommandPalette", "PartnerPicker", "DiffScreen",
}  # fmt: skip


def painted(app) -> Iterator[tuple[Region, Segment]]:
    """The pieces of text in sight, with where they stand."""
    width, height = app.size
    paper = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False
    )
    for y, line in enumerate(Segment.split_lines(paper.render(app.screen._compositor))):
        x = 0
        for segment in line:
            yield Region(x, y, segment.cell_length, 1), segment
            x += segment.cell_length


def illegible(app) -> dict[tuple[str, str, str], float]:
    """(text, colour, ground) of what cannot be read, and its contrast; what lies dimmed behind a dialogue is not to be read."""
    screen = app.screen
    in_front = screen.region
    if isinstance(screen, ModalScreen):
        in_front = Region.from_union([widget.region for widget in screen.query("*") if widget.region])
    found, count = {}, 0
    for place, segment in painted(app):
        style = segment.style
        if style is None or not any(map(str.isalnum, segment.text)) or not in_front.contains_region(place):
            continue
        count += 1
        colors = [Color.from_rich_color(color) for color in (style.color, style.bgcolor) if color is not None]
        assert len(colors) == 2 and not style.dim, segment
        if (reached := contrast(*colors)) < LEGIBLE:
            found[segment.text.strip(), colors[0].hex, colors[1].hex] = round(reached, 2)
    assert count, "nothing is shown"
    return found


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_all_text_of_the_screens_can_be_read(stage, chat_recording, theme):
    async with stage(chat_recording, width=120, height=30, config=Config(theme=theme), steady=True) as on:
        await on.judged()
        wrong, seen = {}, set()
        for name, *keys in WAY:
            await on.press(*keys)
            seen.add(type(on.app.screen).__name__)
            if found := illegible(on.app):
                wrong[name] = found
        assert wrong == {} and seen == SEEN
