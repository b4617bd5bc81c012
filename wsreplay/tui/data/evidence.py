"""Findings, and where they stand in a list of frames."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wsreplay.validator.findings import Finding, Judgement, Severity

_RANK = {Severity.ERROR: 2, Severity.WARNING: 1, Severity.INFO: 0}


class Ghost(NamedTuple):
    """The place of an event that never came: before the frame `before_id`, or after all where that frame does not exist."""

    before_id: int
    finding: Finding


@dataclass(frozen=True)
class Evidence:
    """A judgement with its places. `by_frame` gives the findings whose place is a frame, `ghosts` those that have none."""

    judgement: Judgement | None = None
    findings: tuple[Finding, ...] = ()
    ghosts: tuple[Ghost, ...] = ()
    by_frame: dict[int, tuple[Finding, ...]] = field(default_factory=dict)
    contract: str = ""

    def counts(self, session: int | None = None) -> tuple[int, int]:
        """How many errors and warnings, in a session or in all; what only follows from another finding is not counted."""
        errors = warnings = 0
        for finding in self.findings:
            if finding.caused_by or (session is not None and finding.session != session):
                continue
            errors += finding.severity is Severity.ERROR
            warnings += finding.severity is Severity.WARNING
        return errors, warnings

    def tally(self) -> dict[int, tuple[int, int]]:
        """Errors and warnings of each session."""
        errors: Counter[int] = Counter()
        warnings: Counter[int] = Counter()
        for finding in self.findings:
            if finding.session is not None and not finding.caused_by:
                errors[finding.session] += finding.severity is Severity.ERROR
                warnings[finding.session] += finding.severity is Severity.WARNING
        return {session: (errors[session], warnings[session]) for session in errors.keys() | warnings.keys()}

    def of_session(self, session: int | None) -> list[Finding]:
        return [finding for finding in self.findings if session is None or finding.session == session]


NO_EVIDENCE = Evidence()


def place(finding: Finding) -> int | None:
    """The frame a finding stands at: the one that went wrong, which is the last of its witnesses; None for a ghost."""
    if is_ghost(finding):
        return None
    return finding.frames[-1] if finding.frames else finding.activation


def is_ghost(finding: Finding) -> bool:
    return finding.kind == "missing" and finding.at_ns is not None


def moment(finding: Finding) -> int:
    """When a finding stands, ns."""
    return finding.at_ns if finding.at_ns is not None else finding.decided_at


def known_at(finding: Finding) -> int:
    """When a finding could first be known, ns."""
    return max(finding.decided_at, finding.at_ns or 0)


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The gravest; of equals the first, and one that stands for itself before one that only follows."""
    return max(findings, key=lambda one: (not one.caused_by, _RANK[one.severity]), default=None)


def gather(findings: Sequence[Finding], before_ids: Sequence[int], judgement: Judgement | None = None, contract: str = "") -> Evidence:
    """Evidence from findings and, for each in turn, the id of the first frame at or after its moment."""
    ghosts: list[Ghost] = []
    by_frame: dict[int, list[Finding]] = defaultdict(list)
    for finding, before_id in zip(findings, before_ids, strict=True):
        at = place(finding)
        if at is not None:
            by_frame[at].append(finding)
        elif is_ghost(finding):
            if not finding.caused_by:
                ghosts.append(Ghost(before_id, finding))
        else:
            by_frame[before_id].append(finding)
    ghosts.sort(key=lambda ghost: (ghost.before_id, moment(ghost.finding)))
    frozen = {frame_id: tuple(group) for frame_id, group in by_frame.items()}
    return Evidence(judgement, tuple(findings), tuple(ghosts), frozen, contract)


@dataclass(frozen=True, slots=True)
class Change:
    """What a second judgement says that the first did not, and the other way round."""

    new: tuple[Finding, ...]
    fixed: tuple[Finding, ...]


def compare(before: Sequence[Finding], after: Sequence[Finding]) -> Change:
    """Findings matched by fingerprint; where one occurs several times, as often as it does."""
    return Change(_beyond(after, before), _beyond(before, after))


def _beyond(these: Sequence[Finding], those: Sequence[Finding]) -> tuple[Finding, ...]:
    spare = Counter(_identity(finding) for finding in those)
    extra: list[Finding] = []
    for finding in these:
        if spare[_identity(finding)] > 0:
            spare[_identity(finding)] -= 1
        else:
            extra.append(finding)
    return tuple(extra)


def _identity(finding: Finding) -> tuple[object, ...]:
    return (finding.fingerprint or (finding.rule, finding.message), finding.session)


def ghosts_among(ghosts: Sequence[Ghost], ids: Sequence[int], *, known_until: int | None = None) -> tuple[list[int], list[Ghost]]:
    """Which rows of a view the ghosts take: the view's frames by `ids`, the ghosts between them, both ascending."""
    rows: list[int] = []
    shown: list[Ghost] = []
    for ghost in ghosts:
        if known_until is None or known_at(ghost.finding) <= known_until:
            rows.append(bisect_left(ids, ghost.before_id) + len(rows))
            shown.append(ghost)
    return rows, shown
