"""Text can be read in every theme that is offered, and told apart by eyes that see fewer colours, or none."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from wsreplay.tui.look.colourless import contrast
from wsreplay.tui.look.signs import ASCII, UNICODE
from wsreplay.tui.look.theme import DARK, LEGIBLE, LIGHT, grounds_of, variables_for

# For linear RGB, of those who lack one kind of cones: Machado, Oliveira and Fernandes, "A Physiologically-based Model for
# Simulation of Color Vision Deficiency", 2009, table 1.
SEEN_BY = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "no colour": ((0.2126, 0.7152, 0.0722),) * 3,
}
SEEN = 3.0  # contrast that signs need (WCAG 2.2, 1.4.11)
THEMES = [DARK, LIGHT, *BUILTIN_THEMES.values()]
OURS = [DARK, LIGHT]


def seen_by(eyes: str, color: Color) -> Color:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    mixed = [sum(weight * part for weight, part in zip(row, linear, strict=True)) for row in SEEN_BY[eyes]]
    parts = [min(1.0, max(0.0, part)) for part in mixed]
    shown = [part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in parts]
    return Color(*(round(part * 255) for part in shown))


def pairs_of(theme) -> list[tuple[str, str, Color, Color]]:
    """(name of a hue, name of its ground, hue, ground) of all text."""
    hues = {name.removeprefix("ws-"): Color.parse(hue) for name, hue in variables_for(theme).items()}
    return [(name, ground, hues[name], hues[ground]) for name in hues for ground in grounds_of(name)]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_all_text_can_be_read(theme) -> None:
    pairs = pairs_of(theme)
    assert {"text", "dim", "faint", "error", "warning", "ok"} <= {name for name, *_ in pairs}
    assert {(name, ground) for name, ground, hue, on in pairs if contrast(hue, on) < LEGIBLE} == set()


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_eyes_that_see_fewer_colours_see_all_text(theme, eyes) -> None:
    seen = [(name, ground, seen_by(eyes, hue), seen_by(eyes, on)) for name, ground, hue, on in pairs_of(theme)]
    assert {(name, ground) for name, ground, hue, on in seen if contrast(hue, on) < SEEN} == set()


def test_the_simulation_confuses_what_these_eyes_confuse() -> None:
    red, green = Color.parse("#c04000"), Color.parse("#5f7000")
    assert contrast(*(seen_by("no colour", Color.parse(grey)) for grey in ("#808080", "#808080"))) == 1
    apart = {eyes: max(abs(one - other) for one, other in zip(seen_by(eyes, red).rgb, seen_by(eyes, green).rgb, strict=True))
             for eyes in ("deuteranopia", "tritanopia")}  # fmt: skip
    assert apart["deuteranopia"] < 40 < apart["tritanopia"]


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_what_means_something_else_has_another_sign(signs) -> None:
    groups = {
        "severities": (signs.error, signs.warning, signs.info, signs.ok),
        "rows": (signs.error, signs.warning, signs.info, signs.missing, signs.order, signs.late, signs.fault, signs.mark),
        "recordings": (signs.recording, signs.stalled, signs.finished),
        "spans": (signs.span_right, signs.open_end, signs.cut, signs.error, signs.stalled),
        "directions": (signs.to_server, signs.to_client),
        "player": (signs.play, signs.pause),
    }
    for name, group in groups.items():
        assert not [pair for pair in combinations(group, 2) if pair[0] == pair[1]], name
