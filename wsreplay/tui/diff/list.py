"""Two sessions side by side, a pair of messages a row."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from wsreplay import units
from wsreplay.diff.conversation import ComparedMessage
from wsreplay.diff.rows import Kind, Row
from wsreplay.display import gist
from wsreplay.tui.diff.alignment import RowPayloads
from wsreplay.tui.look.paint import Run, fitted
from wsreplay.tui.widgets.row_list import RowList

NAME, ABOUT = 18, 8  # columns for a type, and the fewest in which a payload says something
_STYLES = {Kind.SAME: "dim", Kind.CHANGED: "order", Kind.MOVED: "order", Kind.ONLY_A: "error", Kind.ONLY_B: "ok"}


class DiffList(RowList):
    """Both sides scroll as one."""

    def __init__(self, a: RowPayloads, b: RowPayloads, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # all of them, once the sessions are aligned
        self.rows: Sequence[Row] = ()
        self._payloads = a, b
        # of the times, in cells
        self._time_cells = 0

    def fill(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        times = (message.t_ns for row in rows for message in (row.a, row.b) if message is not None)
        self._time_cells = len(units.clock(max(times, default=0)))
        self.set_count(len(rows))

    def sign(self, kind: Kind) -> str:
        """One cell that tells a kind of row."""
        return {Kind.CHANGED: "~", Kind.MOVED: self.look.signs.order, Kind.ONLY_A: "-", Kind.ONLY_B: "+"}.get(kind, " ")

    def paint(self, row: int, width: int) -> Strip:
        look = self.look
        pair = self.rows[row]
        half = (width - 5) // 2
        style = look.style(_STYLES[pair.kind], bold=pair.kind is not Kind.SAME)
        later = ""
        if width >= 120:
            half -= 4
            later = f" {units.duration_text(pair.b.t_ns - pair.a.t_ns) if pair.a and pair.b else '':>7}"
        sign = f" {self.sign(pair.kind)} "
        runs: list[Run] = [*self._side(0, pair.a, half, pair.kind), (sign, style), *self._side(1, pair.b, half, pair.kind)]
        return self.whole_line([*runs, (later, look.style("faint"))], width)

    def _side(self, side: int, message: ComparedMessage | None, room: int, kind: Kind) -> list[Run]:
        look = self.look
        if message is None:
            return [(" " * room, look.style("faint"))]
        direction = look.style("to-client" if message.direction else "to-server")
        name = _STYLES[kind] if kind in (Kind.ONLY_A, Kind.ONLY_B) else "text"
        lead = f"{message.frame_id or '':>6} {units.clock(message.t_ns):>{self._time_cells}} "
        left = max(0, room - len(lead) - 2)
        words = max(0, left - NAME)
        text = fitted(look.safe(message.shown_name), left - words, ellipsis=look.signs.ellipsis)
        about = look.own(gist(self._payloads[side].of(message), words - 1)) if words > ABOUT else ""
        return [
            (lead, look.style("faint")), (f"{look.signs.direction(message.direction)} ", direction), (text, look.style(name)),
            (fitted(f" {about}", words, ellipsis=look.signs.ellipsis), look.style("dim")),
        ]  # fmt: skip
