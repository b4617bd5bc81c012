"""A part of a verdict: some rules, some events, one session. All was judged; what is left out is only not told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.event_words import without_conditions
from wsreplay.contract.users import sessions_of
from wsreplay.errors import RecordingError, UsageError
from wsreplay.report.coverage import count_types, types_of
from wsreplay.report.result import FileResult, is_failure
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict
from wsreplay.validator.reporting import bare_type


def select(
    result: FileResult, *, rules: Sequence[str] = (), events: Sequence[str] = (), session: int | None = None
) -> FileResult:
    """The result as far as it is about these rules, these event types and this session; without any of them, of all.

    Its verdict is that of what is left. Raises UsageError where there is no such rule, or no such session.
    """
    judgement = result.judgement
    if judgement is None or not (rules or events or session):
        return result
    _check(judgement, rules, session)
    kept = tuple(finding for finding in judgement.findings if _is_about(finding, rules, events, session, result.called))
    verdicts = {
        number: _verdict(verdict, [finding for finding in kept if finding.session == number])
        for number, verdict in judgement.session_verdicts.items()
        if session in (None, number)
    }
    selected = replace(
        judgement,
        findings=kept,
        rules=tuple(_rule(rule, kept) for rule in judgement.rules if not rules or rule.id in rules),
        spans=tuple(record for record in judgement.spans if session in (None, record.session)),
        session_verdicts=verdicts,
        verdict=_verdict(judgement.verdict, kept),
    )
    if session is not None:
        selected = replace(selected, sessions=1, events=_count_events(result, session, judgement.events))
    return replace(result, judgement=selected, session=session)


def _count_events(result: FileResult, session: int, otherwise: int) -> int:
    """How many events a session has; as many as told where the recording can no longer be read."""
    try:
        with Recording.open(result.path) as recording:
            counts = count_types(recording, messages_of(recording, result.contract))
            stitched = sessions_of(recording, result.contract)
            types = (types_of(candidate, counts) for candidate in stitched if candidate.id == session)
            return sum(seen.times for of_session in types for seen in of_session.values())
    except (RecordingError, UsageError):
        return otherwise


def _check(judgement: Judgement, rules: Iterable[str], session: int | None) -> None:
    known = [rule.id for rule in judgement.rules]
    for name in rules:
        if name not in known:
            if not known:
                raise UsageError(f"no rule {name!r}: no contract fits this recording; name one with -c")
            raise UsageError(f"the contract {judgement.contract} has no rule {name!r}; it has {', '.join(known)}")
    if session is not None and session not in judgement.session_verdicts:
        numbers = len(judgement.session_verdicts)
        raise UsageError(f"no session {session}; the recording has {numbers if numbers else 'none'}")


def _is_about(
    finding: Finding, rules: Sequence[str], events: Sequence[str], session: int | None, called: Callable[[str], str]
) -> bool:
    types = {*map(bare_type, finding.expected), finding.seen or ""}
    types |= set(map(without_conditions, types))
    types |= set(map(called, types))
    return (
        (not rules or finding.rule in rules)
        and (not events or not types.isdisjoint(events))
        and session in (None, finding.session)
    )


def _rule(rule: RuleVerdict, kept: Sequence[Finding]) -> RuleVerdict:
    """A rule that is broken only where nothing is told of it is not told to be broken."""
    if rule.verdict in (Verdict.VIOLATED, Verdict.ERROR) and all(finding.rule != rule.id for finding in kept):
        return replace(rule, verdict=Verdict.SATISFIED)
    return rule


def _verdict(whole: Verdict, kept: Sequence[Finding]) -> Verdict:
    failing = {finding.verdict for finding in kept if is_failure(finding) and finding.severity is Severity.ERROR}
    for verdict in (Verdict.VIOLATED, Verdict.ERROR):
        if verdict in failing:
            return verdict
    return Verdict.SATISFIED if whole in (Verdict.VIOLATED, Verdict.ERROR) else whole
