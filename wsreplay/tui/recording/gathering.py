"""Evidence made of findings when there is a verdict, and what two verdicts have not in common."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.tui.recording.evidence import Evidence, GhostRow, Source, moment, place, seen_from
from wsreplay.tui.recording.finding_index import PAGE, FindingIndex, Located, PlacedFinding

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding, Judgement

MOST_FINDINGS = 20 * PAGE  # kept in full; of all it is known where they stand


def locate(finding: Finding, before_id: int) -> Located:
    """A finding with the frame that it stands at or, where no frame does, before."""
    at = place(finding)
    return Located(before_id if at is None else at, finding)


def known_places(findings: Iterable[Located]) -> list[PlacedFinding]:
    """Findings with when a replay shows them and when they stand, in the order of their rows."""
    in_order = sorted(findings, key=in_place)
    return [PlacedFinding(located, seen_from(located.finding), moment(located.finding)) for located in in_order]


def in_place(located: Located) -> tuple[int, bool, int]:
    """By what findings are in the order of their rows: what never came stands before the frame that came then."""
    return located.place, not located.finding.is_ghost, moment(located.finding)


def gather(
    findings: Sequence[Finding],
    before_ids: Sequence[int],
    *,
    tallies: dict[int, tuple[int, int]] | None = None,
    judgements: Sequence[Judgement] = (),
    sources: Sequence[Source] = (),
    left_out: int = 0,
    belongs: dict[int, int] | None = None,
    all_places: FindingIndex | None = None,
    packed: tuple[bytes, ...] = (),
    broken: dict[int, tuple[str, ...]] | None = None,
) -> Evidence:
    """Evidence from findings and, for each in turn, the id of the first frame at or after its moment."""
    from wsreplay.validator.preview import broken_rules, tally

    ghosts: list[GhostRow] = []
    by_frame: dict[int, list[Finding]] = defaultdict(list)
    for finding, before_id in zip(findings, before_ids, strict=True):
        at = place(finding)
        if at is not None:
            by_frame[at].append(finding)
        elif finding.is_ghost:
            if not finding.caused_by:
                ghosts.append(GhostRow(before_id, finding))
        else:
            by_frame[before_id].append(finding)
    ghosts.sort(key=lambda ghost: (ghost.before_id, moment(ghost.finding)))
    frozen = {frame_id: tuple(group) for frame_id, group in by_frame.items()}
    rules = {rule.id: source for judgement, source in zip(judgements, sources, strict=False) for rule in judgement.rules}
    counted = tally(findings) if tallies is None else tallies
    return Evidence(
        tuple(judgements), tuple(findings), tuple(ghosts), frozen, tuple(before_ids), counted, left_out, tuple(sources), rules,
        broken_rules(findings) if broken is None else broken, belongs or {}, all_places, packed,
        frozenset(range(len(findings) // PAGE)) if all_places else frozenset(),
    )  # fmt: skip


class Change(NamedTuple):
    """What a second judgement says that the first did not, and the other way round."""

    new: tuple[Finding, ...]
    fixed: tuple[Finding, ...]


def compare(before: Sequence[Finding], after: Sequence[Finding]) -> Change:
    """Findings matched by fingerprint; where one occurs several times, as often as it does."""
    return Change(_beyond(after, before), _beyond(before, after))


def _beyond(findings: Sequence[Finding], known: Sequence[Finding]) -> tuple[Finding, ...]:
    spare = Counter(_identity(finding) for finding in known)
    extra: list[Finding] = []
    for finding in findings:
        if spare[_identity(finding)] > 0:
            spare[_identity(finding)] -= 1
        else:
            extra.append(finding)
    return tuple(extra)


def _identity(finding: Finding) -> tuple[object, ...]:
    return (finding.fingerprint or (finding.rule, finding.message), finding.session)
