"""Findings as a list: rules, occurrences, and what follows from them; then notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.strip import Strip

from wsreplay.model import Session
from wsreplay.tui.findings.grouping import FindingGroup, FindingLine, Occurrence, VerdictNote
from wsreplay.tui.look.paint import Run, cut
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding


class FindingList(RowList):
    """Paints lines of `findings.grouping`: of a session, or of the whole recording."""

    def __init__(self, recording: OpenRecording, session: Session | None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._recording, self._session = recording, session
        # in order; those of rules that are folded are not among them
        self._lines: Sequence[FindingLine] = ()

    @property
    def clock(self) -> ShownClock:
        return self._recording.clock(self.host.clock_form, self._session)

    def fill(self, lines: Sequence[FindingLine]) -> None:
        self._lines = lines
        self.set_count(len(lines))

    def line_at(self, row: int) -> FindingLine | None:
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def row_of(self, finding: Finding | None, otherwise: int | None = None) -> int:
        """The row of a finding; where it is not in the list, another one, or that of the first."""
        places = [(row, line.finding) for row, line in enumerate(self._lines) if isinstance(line, Occurrence)]
        first = places[0][0] if places else 0
        return next((row for row, listed in places if listed == finding), first if otherwise is None else otherwise)

    def row_of_rule(self, rule: str) -> int:
        return next((row for row, line in enumerate(self._lines) if isinstance(line, FindingGroup) and line.rule == rule), 0)

    def paint(self, row: int, width: int) -> Strip:
        item = self._lines[row]
        if isinstance(item, VerdictNote):
            runs = [("   ", self.look.style()), (f"note: {self.look.safe(item.text)}", self.look.style("dim"))]
        else:
            runs = self._group(item) if isinstance(item, FindingGroup) else self._occurrence(item)
        return self.whole_line(cut(runs, width, self.look.signs.ellipsis), width)

    def _group(self, group: FindingGroup) -> list[Run]:
        look = self.look
        name = {"error": "error", "warning": "warning"}.get(group.severity, "dim")
        fold = "+" if group.folded else look.own("–")
        return [
            (f" {fold} ", look.style("faint")), (f"{look.signs.severity(group.severity)} ", look.style(name, bold=True)),
            (look.safe(group.rule), look.style("strong", bold=True)), (f"  {group.count:,}", look.style(name)),
        ]  # fmt: skip

    def _occurrence(self, item: Occurrence) -> list[Run]:
        look, finding = self.look, item.finding
        sign, style = look.sign_of(finding)
        runs: list[Run] = [("     ", style)]
        if item.follows:
            runs.append((f"   {look.signs.effect} ", look.style("faint")))
        runs += [(f"{sign:<2} ", style), (f"{self.clock.column_text(moment(finding))} ", look.style("dim"))]
        if finding.session is not None:
            runs.append((f"s{finding.session:<3} ", look.style("faint")))
        if item.new:
            runs.append(("new ", look.style("word", bold=True)))
        return [*runs, (look.own(finding.message), look.style("dim" if item.follows else "text"))]
