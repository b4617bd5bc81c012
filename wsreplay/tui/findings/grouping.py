"""Findings as lines of a list: a rule, then each occurrence, and below it what only follows from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wsreplay import units
from wsreplay.tui.recording.evidence import Evidence, moment
from wsreplay.tui.recording.facts import DetailLine, rule_facts
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.widgets.list_filter import is_kept

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding, RuleVerdict, Severity


_ALWAYS = {"activations": "applied", "fulfilments": "held", "violations": "violated"}
_COUNTS = {**_ALWAYS, "pending": "still open", "inconclusive": "undecided", "errors": "not checked"}
"""What the counts of a rule are called on the screen."""


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """A rule with findings; `count` of them stand for themselves."""

    rule: str
    severity: Severity
    count: int
    folded: bool
    verdict: RuleVerdict | None
    words: tuple[DetailLine, ...]
    first: Finding

    def facts(self, *, of_all: bool) -> list[DetailLine]:
        """What the rule came to in the recording; `of_all` says that other sessions are counted too."""
        lines: list[DetailLine] = [("head", self.rule)]
        if of_all:
            lines.append(("dim", "in all sessions:"))
        if self.verdict is not None:
            counts = {name: getattr(self.verdict, name) for name in _COUNTS}
            lines += [("plain", f"{'verdict':<13} {self.verdict.verdict}")]
            lines += [
                ("plain", f"{_COUNTS[name]:<13} {units.count_text(count, 'time')}")
                for name, count in counts.items() if count or name in _ALWAYS
            ]  # fmt: skip
        return [*lines, *self.words]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A finding; `follows` where it only follows from the one above, `new` where the validation before did not have it."""

    finding: Finding
    follows: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class VerdictNote:
    """What should be known of the verdict, and is no finding."""

    text: str


class Tally(NamedTuple):
    """How many findings there are of each severity; `effects` only follow from others, and are in no other count."""

    errors: int
    warnings: int
    infos: int
    effects: int


def tally_of(findings: Iterable[Finding]) -> Tally:
    counts = Counter("effects" if finding.caused_by else str(finding.severity) for finding in findings)
    return Tally(counts["error"], counts["warning"], counts["info"], counts["effects"])


FindingLine = FindingGroup | Occurrence | VerdictNote


GroupKey = Callable[[Sequence["Finding"]], Any]
"""By what the findings of a rule, in order of time, stand before those of others."""


def gravest_first(group: Sequence[Finding]) -> tuple[int, int]:
    """The usual order of rules."""
    return _gravity(group), moment(group[0])


SORTS = (
    Sort("gravity", gravest_first), Sort("time", lambda group: moment(group[0])), Sort("number", lambda group: -len(group)),
    Sort("rule", lambda group: group[0].rule),
)  # fmt: skip


def narrowed(findings: Sequence[Finding], wanted: str, text_of: Callable[[Finding], str]) -> list[Finding]:
    """Those whose texts have the wanted words; with a finding stand those that follow from it, and the one it follows from."""
    causes = {_cause(finding) for finding in findings if is_kept(text_of(finding), wanted)}
    return [finding for finding in findings if _cause(finding) in causes]


def _cause(finding: Finding) -> object:
    return finding.caused_by or finding.id or id(finding)


def lines_of(
    evidence: Evidence, findings: Sequence[Finding], folded: Collection[str], new: Collection[int],
    key: GroupKey = gravest_first,
) -> Sequence[FindingLine]:  # fmt: skip
    """Rules by `key`, each with its findings in order of time. `new` holds identities of findings."""
    effects: dict[str, list[Finding]] = defaultdict(list)
    groups: dict[str, list[Finding]] = defaultdict(list)
    causes = {finding.id for finding in findings if not finding.caused_by}
    for finding in findings:
        if finding.caused_by in causes and finding.caused_by:
            effects[finding.caused_by].append(finding)
        else:
            groups[finding.rule].append(finding)
    verdicts = {verdict.id: verdict for judgement in evidence.judgements for verdict in judgement.rules}
    lines: list[FindingLine] = []
    for group in groups.values():
        group.sort(key=moment)
    for rule, group in sorted(groups.items(), key=lambda item: key(item[1])):
        gravest = min(group, key=lambda finding: _gravity([finding]))
        file, words = evidence.words(gravest)
        facts = tuple(rule_facts(words, file, gravest.line))
        lines.append(FindingGroup(rule, gravest.severity, len(group), rule in folded, verdicts.get(rule), facts, group[0]))
        if rule in folded:
            continue
        for finding in group:
            lines.append(Occurrence(finding, False, id(finding) in new))
            taken = effects.pop(finding.id, [])
            lines += [Occurrence(effect, True, id(effect) in new) for effect in taken]
    return lines


def _gravity(group: Sequence[Finding]) -> int:
    return min(("error", "warning", "info").index(finding.severity) for finding in group)
