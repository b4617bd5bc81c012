"""Which missing event explains a missing number: one that is lost takes its number with it, and both rules say so.

A gap follows from as many findings as numbers are missing, each of an event that was due where the gap is and would have
counted; each such finding explains one number. A gap that is larger than that stays a fault of its own, and so does an event
that is missing where no number is.

State: of each session the gaps that nothing explains, and the findings that explain one.
"""

from __future__ import annotations

from wsreplay.contract.model import PSEUDO_EVENTS
from wsreplay.validator.findings import Finding, Verdict
from wsreplay.validator.reporting import NOT_KEPT, Reporter
from wsreplay.validator.rules.sequence_state import MOST_GAPS, SequenceGap


class GapCauses:
    """The gaps of one rule that nothing explains so far."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        # session → what is not explained; the ids of the findings that explain something
        self._gaps: dict[int, list[SequenceGap]] = {}
        self._used: dict[int, set[str]] = {}

    def note(self, gap: SequenceGap) -> None:
        """A gap has been decided."""
        place = gap.overdue_finding
        if place is None or place == NOT_KEPT or self._reporter.findings[place].verdict is not Verdict.VIOLATED:
            return
        if self._reporter.findings[place].caused_by is None:
            gaps = self._gaps.setdefault(gap.event.conn.session.id, [])
            del gaps[: max(0, len(gaps) - MOST_GAPS)]
            gaps.append(gap)

    def look(self, gap: SequenceGap) -> None:
        """Whether what was found since a gap came explains it, which has just been decided."""
        session = gap.event.conn.session.id
        if gap in self._gaps.get(session, ()):
            self._explain(session, [gap])

    def conclude(self, session: int) -> None:
        """Nothing more is found in a session: whether that explains any of its gaps."""
        self._explain(session, list(self._gaps.pop(session, ())))
        self._used.pop(session, None)

    def _explain(self, session: int, gaps: list[SequenceGap]) -> None:
        if not gaps:
            return
        later = self._reporter.findings[min(gap.findings_before for gap in gaps) :]
        missed = [finding for finding in later if finding.session == session and _is_of_a_place(finding)]
        used = self._used.setdefault(session, set())
        for gap in gaps:
            place, count = gap.overdue_finding, sum(last - first + 1 for first, last in gap.missing())
            explaining = [finding for finding in missed if finding.id not in used and _may_explain(finding, gap)]
            causes = sorted(explaining, key=_width)
            if place is None or not 0 < count <= len(causes):
                continue
            used.update(cause.id for cause in causes[:count])
            self._gaps[session] = [other for other in self._gaps.get(session, ()) if other is not gap]
            self._reporter.follow(self._reporter.findings[place].id, place, causes[0].id)


def _is_of_a_place(finding: Finding) -> bool:
    """Whether an event is missing where others came: none at all, or another one instead."""
    if finding.verdict is not Verdict.VIOLATED or finding.caused_by is not None:
        return False
    return finding.kind == "missing" or (finding.kind == "order" and finding.seen not in finding.expected)


def _may_explain(finding: Finding, gap: SequenceGap) -> bool:
    messages = [name for name in finding.expected if name not in PSEUDO_EVENTS]
    if not any(name.startswith("c2s:") is (gap.event.direction == 0) for name in messages):
        return False
    first, last = _stretch(finding)
    return first < gap.event.fid and (last is None or gap.event.fid <= last)


def _stretch(finding: Finding) -> tuple[int, int | None]:
    """After which frame the event was due, and up to which one (None: to the end)."""
    first = min(finding.frames, default=0)
    if finding.before is not None and first >= finding.before:  # nothing tells when it was due, but what came without it
        first = finding.after if finding.after is not None else finding.before - 1
    return first, finding.before


def _width(finding: Finding) -> float:
    first, last = _stretch(finding)
    return float("inf") if last is None else last - first
