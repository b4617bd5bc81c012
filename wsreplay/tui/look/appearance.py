"""How everything is painted: the palette of the theme and the set of signs. One value, handed to who paints."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, Protocol

from rich.style import Style

from wsreplay.display import INVISIBLE, REPLACED, visible
from wsreplay.tui.look.keys import HINTED, pressed, shown
from wsreplay.tui.look.signs import Signs, signs
from wsreplay.tui.look.theme import Palette

PRESSES = "presses"


@cache
def _pressing(key: str) -> Style:
    return Style(meta={PRESSES: key})


class Wrong(Protocol):
    """What a finding's looks depend on."""

    @property
    def kind(self) -> str: ...
    @property
    def severity(self) -> str: ...


class Appearance(NamedTuple):
    """`remapped` gives the keys, side by side with commas, of the bindings that the user has given others, by their ids."""

    palette: Palette
    ascii_only: bool = False
    remapped: Mapping[str, str] = MappingProxyType({})

    @property
    def signs(self) -> Signs:
        return signs(self.ascii_only)

    def style(self, name: str = "text", *, on: str | None = None, bold: bool = False, underline: bool = False) -> Style:
        return self.palette.style(name, on=on, bold=bold, underline=underline)

    def ground(self, name: str) -> Style:
        return self.palette.ground(name)

    def entries(self, *pairs: tuple[str, str]) -> list[tuple[str, Style]]:
        """Something and what is to be said of it, as runs."""
        runs: list[tuple[str, Style]] = []
        for number, (name, words) in enumerate(pairs):
            runs += [(("   " if number else "") + name, self.style("accent")), (f" {words}", self.style("dim"))]
        return runs

    def key(self, binding: str) -> str:
        """The first key of a binding, by its id, as short as it is shown. Keys without an id stand for themselves."""
        return self.own(shown(self._key(binding)))

    def _key(self, binding: str) -> str:
        return self.remapped.get(binding, HINTED.get(binding, binding)).split(",")[0].strip()

    def keys(self, *pairs: tuple[str, str]) -> list[tuple[str, Style]]:
        """(ids of bindings, what they do) as runs; a click on a key presses it: `PRESSES` of its style's meta says which."""
        runs: list[tuple[str, Style]] = []
        accent, dim = self.style("accent"), self.style("dim")
        for number, (ids, words) in enumerate(pairs):
            runs.append(("   " if number else "", accent))
            pressing = [_pressing(pressed(self._key(binding))) for binding in ids.split()]
            for place, binding in enumerate(ids.split()):
                runs += [(" " if place else "", accent), (self.key(binding), accent + pressing[place])]
            runs.append((f" {words}", dim + pressing[0]))
        return runs

    def safe(self, text: str) -> str:
        """Text of strangers, harmless and in the glyphs this terminal has."""
        text = visible(text)
        if self.ascii_only and not text.isascii():
            return text.translate(_SPELT).encode("ascii", "backslashreplace").decode("ascii")
        return text

    def own(self, text: str) -> str:
        """Text of ours, which may hold signs an ASCII terminal lacks; it may quote strangers."""
        return self.safe(text.translate(_PLAIN) if self.ascii_only else text)

    def sign_of(self, finding: Wrong) -> tuple[str, Style]:
        """One sign or two, and the style, of a finding: how grave it is, then that it is one of order or of lateness."""
        marks = self.signs
        sign = marks.severity(finding.severity)
        if finding.kind == "order":
            return sign + marks.order, self.style("order", bold=True)
        return (sign + marks.late if finding.kind == "late" else sign), self.severity(finding)

    def severity(self, finding: Wrong) -> Style:
        name = {"error": "error", "warning": "warning"}.get(finding.severity, "dim")
        return self.style(name, bold=name == "error")


# What stands for a character that cannot be seen, spelt as a programmer would.
_SPELT = {0x2400 + code: f"\\x{code:02x}" for code in range(0x20)} | {
    0x2409: "\\t", 0x240A: "\\n", 0x240D: "\\r", 0x2421: "\\x7f", ord(INVISIBLE): "?", ord(REPLACED): "?",
}  # fmt: skip
_PLAIN = str.maketrans({
    "…": "~", "·": "-", "—": "-", "–": "-", "→": ">", "←": "<", "↑": "^", "↓": "v", "×": "x", "≤": "<=", "≥": ">=", "µ": "u",
    "│": "|", "Δ": "d", "✓": "v", "▪": "#", "✗": "X", "▲": "!", "◆": "*", "⇅": "^", "◷": "+", "▶": ">", "◀": "<", "▎": "w",
    "⚑": "M", "±": "+-", "●": "@", "◌": "o", "■": "#", "╳": "x", "↯": "%",
})  # fmt: skip
