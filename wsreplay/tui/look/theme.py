"""Colours: the Okabe–Ito hues, which eyes of every kind tell apart, on a dark and on a light ground.

A hue always comes with a sign. Okabe and Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.theme import Theme

_DARK_HUES = {
    "text": "#d4d7dd", "strong": "#ffffff", "dim": "#8b93a1", "faint": "#6b7485", "line": "#343b48",
    "error": "#f0763a", "warning": "#e69f00", "missing": "#f0763a", "order": "#d98fbb", "late": "#e69f00", "ok": "#2bb98c",
    "to-server": "#e2d27c", "to-client": "#8fc6ea", "accent": "#56b4e9", "key": "#8fc6ea", "string": "#b7cf9a",
    "number": "#d9a5c8", "word": "#e6b566",
    "ground": "#12151b", "raised": "#191d25", "cursor": "#26374f", "cursor-blurred": "#212733",
    "match": "#5c5320", "bars": "#3f6f95",
}  # fmt: skip
_LIGHT_HUES = {
    "text": "#23282f", "strong": "#000000", "dim": "#5d6673", "faint": "#6f7885", "line": "#cdd2d9",
    "error": "#b84300", "warning": "#8f5c00", "missing": "#b84300", "order": "#98457a", "late": "#8f5c00", "ok": "#00735a",
    "to-server": "#7a6600", "to-client": "#0067a3", "accent": "#0072b2", "key": "#0067a3", "string": "#3c6e1c",
    "number": "#98457a", "word": "#8f5c00",
    "ground": "#fbfbf9", "raised": "#f1f1ee", "cursor": "#cfe3f2", "cursor-blurred": "#e4e7ea",
    "match": "#f5e9a3", "bars": "#5b93bb",
}  # fmt: skip


def _theme(name: str, hues: dict[str, str], dark: bool) -> Theme:
    return Theme(
        name=name, primary=hues["accent"], secondary=hues["order"], accent=hues["accent"], warning=hues["warning"],
        error=hues["error"], success=hues["ok"], foreground=hues["text"], background=hues["ground"], surface=hues["ground"],
        panel=hues["raised"], dark=dark, variables={f"ws-{key}": value for key, value in hues.items()},
    )  # fmt: skip


DARK = _theme("wsreplay-dark", _DARK_HUES, True)
LIGHT = _theme("wsreplay-light", _LIGHT_HUES, False)


def variables_for(theme: Theme) -> dict[str, str]:
    """What a theme of Textual's own does not say: the hues that carry meaning are ours, ground and text are the theme's."""
    hues = _DARK_HUES if theme.dark else _LIGHT_HUES
    raised = theme.panel or theme.surface
    hues_of_theme = {"ground": theme.background, "raised": raised, "text": theme.foreground, "accent": theme.primary}
    plain = {name: hue for name, hue in hues_of_theme.items() if hue and hue.startswith("#")}
    return {f"ws-{name}": hue for name, hue in {**hues, **plain}.items()}


class Palette:
    """Styles for what is painted line by line, from a theme's variables."""

    def __init__(self, hues: Mapping[str, str]) -> None:
        self._hues = hues
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
