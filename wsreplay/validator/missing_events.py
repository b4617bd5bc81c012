"""Events that were said to be missing, and may come after all.

A person reads one finding per fault: what was missed at its place and comes later was late, or out of order. So an event that
has no place of its own any more is first looked for among the findings that missed one of its type: the finding whose keys the
event has is amended, and nothing else is said. That is so until the next question or run of the thread.

State: of each session the findings that missed something, the last hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wsreplay.units import duration_text
from wsreplay.validator.findings import Finding, Verdict
from wsreplay.validator.reporting import NOT_KEPT, Reporter, bare_type, frames_of, of_labels
from wsreplay.validator.state.state import SessionState

MOST_MISSED = 100  # of one session

LabelOf = Callable[[str], str | None]
"""The value of a key in an event, as findings say it; None where it has none."""


def labels_in(labels: Sequence[tuple[str, str]]) -> LabelOf:
    """Those of a slice."""
    return dict(labels).get


class MissingEvents:
    """The findings of a trace that say what is missing, until it is known to come no more."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def add(self, session: SessionState, place: int) -> None:
        """A finding says that an event is missing. One that only may be, which nobody could read, is not looked for."""
        if place != NOT_KEPT and self._reporter.findings[place].verdict is Verdict.VIOLATED:
            session.miss(place, MOST_MISSED)

    def came(
        self, session: SessionState, type_: str, label_of: LabelOf, t: int, fid: int | None, rules: Sequence[str] = ()
    ) -> Finding | None:
        """An event came that has no place of its own: the finding that missed it (of these rules, if any are given), amended.
        None where none did."""
        for place in session.missed or ():
            finding = self._reporter.findings[place]
            if rules and finding.rule not in rules:
                continue
            if type_ in map(bare_type, finding.expected) and _is_of(finding, label_of):
                session.find(place)
                return self._amend(place, finding, type_, t, fid)
        return None

    def _amend(self, place: int, finding: Finding, type_: str, t: int, fid: int | None) -> Finding:
        of = of_labels(finding.slice)
        frames = frames_of(*finding.frames, fid)
        if finding.decided_by == "deadline" and finding.until is not None:
            late = t - finding.until
            words = f"{type_} came {duration_text(late)} too late{of}"
            self._reporter.amend(place, kind="late", late_by=late, seen=type_, frames=frames, message=words)
        else:
            when = f"after {finding.seen}" if finding.seen and finding.seen != type_ else "when it was no longer expected"
            self._reporter.amend(place, kind="order", seen=type_, frames=frames, message=f"{type_} came {when}{of}")
        return self._reporter.findings[place]

    def forget(self, session: SessionState, label_of: LabelOf) -> None:
        """What the thread of an event missed comes no more: something new begins."""
        for place in list(session.missed or ()):
            if _is_of(self._reporter.findings[place], label_of, outermost=True):
                session.find(place)


def _is_of(finding: Finding, label_of: LabelOf, outermost: bool = False) -> bool:
    """Whether an event has the keys of a finding's slice, as far as it has any of them."""
    labels = finding.slice[:1] if outermost else finding.slice
    return all(label_of(name) in (None, value) for name, value in labels)
