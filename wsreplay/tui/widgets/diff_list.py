"""Two sessions side by side, a pair of frames a row."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from wsreplay.trace.display import gist
from wsreplay.tui import times
from wsreplay.tui.data.alignment import Entry, Pair
from wsreplay.tui.widgets.paint import Run, fitted
from wsreplay.tui.widgets.row_list import RowList

NAME, ABOUT = 18, 8  # columns for a type, and the fewest in which a payload says something
_KINDS = {"same": (" ", "dim"), "changed": ("~", "order"), "only_a": ("-", "error"), "only_b": ("+", "ok")}


class DiffList(RowList):
    """Both sides scroll as one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pairs: Sequence[Pair] = ()

    def fill(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        self.set_count(len(pairs))

    def paint(self, row: int, width: int) -> Strip:
        look = self.look
        pair = self.pairs[row]
        sign, name = _KINDS[pair.kind]
        half = (width - 5) // 2
        style = look.style(name, bold=pair.kind != "same")
        later = ""
        if width >= 120:
            half -= 4
            later = f" {times.length(pair.b.t_ns - pair.a.t_ns) if pair.a and pair.b else '':>7}"
        runs: list[Run] = [*self._side(pair.a, half, pair.kind), (f" {sign} ", style), *self._side(pair.b, half, pair.kind)]
        return self.whole_line([*runs, (later, look.style("faint"))], width)

    def _side(self, entry: Entry | None, room: int, kind: str) -> list[Run]:
        look = self.look
        if entry is None:
            return [(" " * room, look.style("faint"))]
        direction = look.style("to-client" if entry.direction else "to-server")
        name = {"changed": "text", "same": "text"}.get(kind, _KINDS[kind][1])
        lead = f"{entry.id:>6} {times.clock(entry.t_ns)} "
        left = max(0, room - len(lead) - 2)
        words = max(0, left - NAME)
        text = fitted(look.safe(entry.name), left - words, ellipsis=look.signs.ellipsis)
        about = look.own(gist(entry.payload, words - 1)) if words > ABOUT else ""
        return [
            (lead, look.style("faint")), (f"{look.signs.direction(entry.direction)} ", direction), (text, look.style(name)),
            (fitted(f" {about}", words, ellipsis=look.signs.ellipsis), look.style("dim")),
        ]  # fmt: skip
