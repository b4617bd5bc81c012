"""Findings, and where they stand in a list of frames."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wsreplay.tui.recording.finding_index import FindingIndex, FindingKind
    from wsreplay.validator.findings import Finding, Judgement
else:
    # Imported where a verdict is made: the first screen does without.
    Finding = Judgement = FindingIndex = FindingKind = object

MOST_LOADED = 40  # pages
_RANK = {"error": 2, "warning": 1, "info": 0}
_WORDS = 14


class GhostRow(NamedTuple):
    """The place of an event that never came: before the frame `before_id`, or after all where that frame does not exist."""

    before_id: int
    finding: Finding


class Source(NamedTuple):
    """A contract as it was when it was validated with: what stood in its file and in those that it extends, by file."""

    name: str
    file: str
    texts: dict[str, str]
    digest: str


class Evidence(NamedTuple):
    """What the contracts say of a recording.

    `by_frame` gives the findings whose place is a frame, `ghosts` those that have none. `tallies` counts errors and warnings of
    each session, `left_out` the findings beyond those that are kept. `rule_sources` is the contract of each rule.

    Where not all are kept, `all_places` holds where all of them stand, `packed` what they say, page by page, and `loaded` says
    which of these pages are among the findings.
    """

    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    ghosts: tuple[GhostRow, ...]
    by_frame: dict[int, tuple[Finding, ...]]
    before_ids: tuple[int, ...]
    tallies: dict[int, tuple[int, int]]
    left_out: int
    sources: tuple[Source, ...]
    rule_sources: dict[str, Source]
    broken: dict[int, tuple[str, ...]]
    belongs: dict[int, int]  # a frame out of order → the one it should have come after
    all_places: FindingIndex | None = None
    packed: tuple[bytes, ...] = ()
    loaded: frozenset[int] = frozenset()

    @property
    def is_there(self) -> bool:
        return bool(self.sources)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the contracts that it was validated with."""
        return tuple(source.name for source in self.sources)

    @property
    def forgotten(self) -> int:
        """How many findings the validator has counted and not kept."""
        return sum(judgement.forgotten.get("findings", 0) for judgement in self.judgements)

    def counts(self, session: int | None = None) -> tuple[int, int]:
        """How many errors and warnings, in a session or in all; what only follows from another finding is not counted."""
        if session is not None:
            return self.tallies.get(session, (0, 0))
        return sum(errors for errors, _ in self.tallies.values()), sum(warnings for _, warnings in self.tallies.values())

    def sign_at(self, frame_id: int) -> Finding | FindingKind | None:
        """The gravest finding that stands at a frame; of one that is not kept its kind."""
        finding = worst(self.by_frame.get(frame_id, ()))
        return finding if finding is not None or self.all_places is None else self.all_places.at_frame(frame_id)

    def with_page(self, page: int) -> "Evidence":
        """The same with a page of findings that were not kept."""
        from wsreplay.tui.recording.finding_index import unpack

        located = unpack(self.packed[page])
        by_frame, ghosts = dict(self.by_frame), list(self.ghosts)
        for place, finding in located:
            if not finding.is_ghost:
                by_frame[place] = (*by_frame.get(place, ()), finding)
            elif not finding.caused_by:
                ghosts.append(GhostRow(place, finding))
        ghosts.sort(key=lambda ghost: (ghost.before_id, moment(ghost.finding)))
        return self._replace(
            findings=(*self.findings, *(finding for _, finding in located)), ghosts=tuple(ghosts), by_frame=by_frame,
            before_ids=(*self.before_ids, *(place for place, _ in located)), loaded=self.loaded | {page},
            left_out=self.left_out - len(located),
        )  # fmt: skip

    def of_session(self, session: int | None) -> list[Finding]:
        return [finding for finding in self.findings if session is None or finding.session == session]

    def ghosts_of(self, session: int | None) -> tuple[GhostRow, ...]:
        return tuple(ghost for ghost in self.ghosts if session is None or ghost.finding.session == session)

    def broken_rules(self, session: int) -> Sequence[str]:
        """The rules violated in a session, each once, of the findings that are kept."""
        return self.broken.get(session, ())

    def verdict(self, session: int) -> str:
        """The verdict of a session over all contracts: the gravest."""
        order = ("violated", "error", "inconclusive", "pending", "ok_so_far", "satisfied", "vacuous")
        verdicts = {str(judgement.session_verdicts.get(session, "")) for judgement in self.judgements}
        return next((verdict for verdict in order if verdict in verdicts), "")

    def user(self, session: int) -> str | None:
        """Whose a session is, where a message says it and the handshake did not."""
        return next((judgement.users[session] for judgement in self.judgements if session in judgement.users), None)

    def is_vacuous(self, session: int | None = None) -> bool:
        """Whether no rule was about anything, in a session or in all; False as long as that is not known."""
        verdicts = {str(judgement.verdict) for judgement in self.judgements}
        if session is not None:
            verdicts = {self.verdict(session) or "vacuous"}
        return bool(self.judgements) and verdicts == {"vacuous"}

    def notes(self, session: int | None) -> list[str]:
        """What should be known of the verdict and is no finding, of a session or of all."""
        notes_by_contract = [
            judgement.notes if session is None else judgement.notes_of(session) for judgement in self.judgements
        ]
        return list(dict.fromkeys(note for notes in notes_by_contract for note in notes))

    def unjudged(self, session: int | None) -> int:
        """How much no rule has judged, of a session or of all: messages, connections."""
        return sum(
            sum(counts.values())
            for judgement in self.judgements
            for number, counts in judgement.unjudged.items()
            if session in (None, number)
        )

    @property
    def demands_nothing(self) -> bool:
        """Whether the contracts have no rules, but say where types stand."""
        return bool(self.judgements) and all(judgement.demands_nothing for judgement in self.judgements)

    def is_undecided(self, session: int | None = None) -> bool:
        """Whether some rule could not be decided, or not be judged, in a session or in all; False while that is not known."""
        verdicts = [str(judgement.verdict) for judgement in self.judgements] if session is None else [self.verdict(session)]
        return any(verdict in ("inconclusive", "error", "pending") for verdict in verdicts)

    def words(self, finding: Finding) -> tuple[str, list[str]]:
        """The file that a finding's rule stands in, the contract's or one that it extends, and the rule as it stands there."""
        source = self.rule_sources.get(finding.rule)
        file = finding.file or (source.file if source is not None else "")
        text = next((source.texts[file] for source in self.sources if file in source.texts), "")
        return (file, rule_text(text, finding.line)) if text and finding.line else ("", [])


NO_EVIDENCE = Evidence((), (), (), {}, (), {}, 0, (), {}, {}, {})


def rule_text(text: str, line: int) -> list[str]:
    """The lines of a YAML document from `line` (from 1) to the end of what begins there."""
    lines = text.splitlines()[line - 1 :]
    if not lines:
        return []
    indent = len(lines[0]) - len(lines[0].lstrip())
    kept = [lines[0]]
    for later in lines[1:_WORDS]:
        if later.strip() and len(later) - len(later.lstrip()) <= indent:
            break
        kept.append(later)
    return [kept_line[indent:] for kept_line in kept if kept_line.strip()]


def place(finding: Finding) -> int | None:
    """The frame a finding stands at: the one that went wrong, which is the last of its witnesses; None for a ghost."""
    if finding.is_ghost:
        return None
    return finding.frames[-1] if finding.frames else finding.activation


def moment(finding: Finding) -> int:
    """When a finding stands, ns: a frame that came late stands where it came, though that was known before."""
    if finding.kind == "late" and finding.frames and finding.until is not None and finding.late_by is not None:
        return finding.until + finding.late_by
    return finding.at_ns if finding.at_ns is not None else finding.decided_at


def known_at(finding: Finding) -> int:
    """When a finding could first be known, ns."""
    return max(finding.decided_at, finding.at_ns or 0)


def seen_from(finding: Finding) -> int:
    """From when on a replay shows a finding where it stands, ns."""
    return max(known_at(finding), moment(finding))


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The gravest; of equals the first, and one that stands for itself before one that only follows."""
    return max(findings, key=lambda finding: (not finding.caused_by, _RANK[finding.severity]), default=None)
