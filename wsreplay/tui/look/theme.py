"""Colours: the Okabe–Ito hues, which eyes of every kind tell apart, on a dark and on a light ground.

A hue always comes with a sign. Okabe and Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from textual.theme import Theme

_DARK_HUES = {
    "text": "#d4d7dd", "strong": "#ffffff", "dim": "#8b93a1", "faint": "#7e8694", "line": "#343b48",
    "error": "#f17f47", "warning": "#e69f00", "missing": "#f17f47", "order": "#d98fbb", "late": "#e69f00", "ok": "#2bb98c",
    "to-server": "#e2d27c", "to-client": "#8fc6ea", "accent": "#56b4e9", "key": "#8fc6ea", "string": "#b7cf9a",
    "number": "#d9a5c8", "word": "#e6b566",
    "ground": "#12151b", "raised": "#191d25", "cursor": "#26374f", "cursor-blurred": "#212733",
    "match": "#5c5320", "bars": "#3f6f95",
}  # fmt: skip
_LIGHT_HUES = {
    "text": "#23282f", "strong": "#000000", "dim": "#5d6673", "faint": "#666e7a", "line": "#cdd2d9",
    "error": "#ae3f00", "warning": "#8a5900", "missing": "#ae3f00", "order": "#98457a", "late": "#8a5900", "ok": "#007159",
    "to-server": "#766200", "to-client": "#0067a3", "accent": "#0068a3", "key": "#0067a3", "string": "#3c6e1c",
    "number": "#98457a", "word": "#8a5900",
    "ground": "#fbfbf9", "raised": "#f1f1ee", "cursor": "#cfe3f2", "cursor-blurred": "#e4e7ea",
    "match": "#f5e9a3", "bars": "#5b93bb",
}  # fmt: skip


GROUNDS = "ground", "raised", "cursor", "cursor-blurred", "match"
DRAWN = "line", "bars"
LEGIBLE = 4.5  # contrast, as `colourless.contrast` has it
_STEPS = 40  # from a hue to white or black


def _theme(name: str, hues: dict[str, str], dark: bool) -> Theme:
    return Theme(
        name=name, primary=hues["accent"], secondary=hues["order"], accent=hues["accent"], warning=hues["warning"],
        error=hues["error"], success=hues["ok"], foreground=hues["text"], background=hues["ground"], surface=hues["ground"],
        panel=hues["raised"], dark=dark, variables={f"ws-{key}": value for key, value in hues.items()},
    )  # fmt: skip


DARK = _theme("wsreplay-dark", _DARK_HUES, True)
LIGHT = _theme("wsreplay-light", _LIGHT_HUES, False)


def variables_for(theme: Theme) -> dict[str, str]:
    """What a theme of Textual's own does not say: the hues that carry meaning are ours, ground and text are the theme's.

    On its grounds all text is made as legible as WCAG 2.2 asks for (1.4.3).
    """
    if theme.name in (DARK.name, LIGHT.name):
        return dict(theme.variables)
    hues = _DARK_HUES if theme.dark else _LIGHT_HUES
    of_theme = {"ground": theme.background, "raised": theme.surface, "text": theme.foreground, "accent": theme.primary}
    mixed = hues | {name: hue for name, hue in of_theme.items() if hue and hue.startswith("#")}
    return {f"ws-{name}": _legible(name, mixed, dark=theme.dark) for name in mixed}


def grounds_of(name: str) -> Sequence[str]:
    """What text of this hue may stand on; none for what is no text. On the cursor, quiet text has the hue of the other."""
    if name in GROUNDS or name in DRAWN:
        return ()
    return GROUNDS[:2] if name in ("dim", "faint") else GROUNDS if name == "strong" else GROUNDS[:4]


def _legible(name: str, hues: Mapping[str, str], *, dark: bool) -> str:
    """A hue, lighter or darker as far as that is needed."""
    from textual.color import Color

    from wsreplay.tui.look.colourless import contrast

    grounds = [Color.parse(hues[ground]) for ground in grounds_of(name)]
    hue, end = Color.parse(hues[name]), Color.parse("#ffffff" if dark else "#000000")
    shades = (hue.blend(end, step / _STEPS) for step in range(_STEPS + 1))
    return next((shade for shade in shades if all(contrast(shade, ground) >= LEGIBLE for ground in grounds)), end).hex


class Palette:
    """Styles for what is painted line by line, from a theme's variables."""

    def __init__(self, hues: Mapping[str, str]) -> None:
        self._hues = hues
        # made so far: by what `style` is asked for, and by the names of grounds
        self._styles: dict[tuple[str, str | None, bool, bool], Style] = {}
        self._grounds: dict[str, Style] = {}

    @classmethod
    def of(cls, variables: Mapping[str, str], dark: bool) -> Palette:
        """What the variables do not name has its hue of the dark or the light theme."""
        hues = _DARK_HUES if dark else _LIGHT_HUES
        return cls({name: variables.get(f"ws-{name}", hue) for name, hue in hues.items()})

    def style(self, name: str = "text", *, on: str | None = None, bold: bool = False, underline: bool = False) -> Style:
        key = name, on, bold, underline
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._style(name, on) + Style(bold=bold, underline=underline)
        return style

    def ground(self, name: str) -> Style:
        style = self._grounds.get(name)
        if style is None:
            style = self._grounds[name] = self._ground(name)
        return style

    def _style(self, name: str, on: str | None) -> Style:
        return Style(color=self._hues[name], bgcolor=self._hues[on] if on else None)

    def _ground(self, name: str) -> Style:
        return Style(bgcolor=self._hues[name])


class PlainPalette(Palette):
    """Without any colour: bright, dim and reversed text."""

    def __init__(self) -> None:
        super().__init__({})

    def _style(self, name: str, on: str | None) -> Style:
        return Style(dim=name in ("dim", "faint", "line")) + (self._ground(on) if on else Style.null())

    def _ground(self, name: str) -> Style:
        return Style(reverse=name in ("cursor", "cursor-blurred", "match"), dim=name == "cursor-blurred")
