"""JUnit XML: one suite per file and contract, one test case per rule and session.

What Jenkins' schema (junit-10.xsd) accepts and, but for the totals of `testsuites`, the older one of Ant (JUnit.xsd), too: at
most one outcome per test case, everything that matters in its body, since some servers show nothing else. A test case takes as
long as its session, a suite as long as its recording: rules are checked side by side.

A rule that is broken only as a result of another one is skipped, and says of which: no server shows it as passed, and one fault
is one failure. Readers count skipped test cases apart, and show their message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from socket import gethostname
from typing import Self
from xml.sax.saxutils import escape

from wsreplay.contract.event_words import merge_alike
from wsreplay.contract.users import sessions_of
from wsreplay.display import visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.model import start_of
from wsreplay.report.injected import Injected, details, mark
from wsreplay.report.result import (
    BROKEN_AS_A_RESULT,
    SEVERITY_RANK,
    UNDECIDED,
    FileResult,
    fold,
    least_to_fail,
    place,
    why_unchecked,
)
from wsreplay.report.timeline import why_decided
from wsreplay.store.reader import Recording
from wsreplay.units import SECOND, clock
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict

_MOST_QUIET_SESSIONS = 200
_MOST_TOLD = 100  # findings in one test case
_ALL = "whole recording"
_QUIET = "other sessions"


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case; `outcome` is the name of its element, or empty where it passed."""

    name: str
    classname: str
    outcome: str = ""
    message: str = ""
    body: str = ""

    @property
    def scope(self) -> str:
        """The session that it is about, as `_scope` says."""
        return self.classname.rpartition(".")[2]


def render(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR) -> str:
    """The document. A finding below `fail_on` does not fail its test case; it is told in the suite's output. Of strict results
    a warning does fail, and so does a rule that never applied, in a test case for the whole recording. Where nothing was
    checked, a test case says why, as an error: what reads only this file must not see green."""
    fail_on = least_to_fail(results, fail_on)
    reasons = why_unchecked(results)
    suites = [_Suite.of(result, fail_on, why) for result, why in zip(results, reasons, strict=True)]
    totals = {
        "name": "wsreplay",
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(suite.count("failure") for suite in suites)),
        "errors": str(sum(suite.count("error") for suite in suites)),
        "time": _seconds(sum(suite.times.lasted_ns for suite in suites)),
    }
    bodies = (_suite(number, suite, fail_on) for number, suite in enumerate(suites))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites{_attributes(totals)}>\n' + "".join(bodies) + "</testsuites>\n"


@dataclass(frozen=True, slots=True)
class _Times:
    """When a recording began, and how long it and its sessions lasted, in ns; now and 0 where it does not say."""

    started: datetime
    lasted_ns: int = 0
    sessions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, result: FileResult) -> Self:
        now = datetime.now(UTC)
        if result.judgement is None:
            return cls(now)
        try:
            with Recording.open(result.path) as recording, recording.snapshot():
                runs, reached_ns = recording.runs(), recording.reached_ns()
                sessions = {
                    _scope(session.id): recording.end_ns(session) - session.opened_ns
                    for session in sessions_of(recording, result.contract)
                }
            return cls(start_of(runs[0].started_at) if runs else now, reached_ns, sessions)
        except (RecordingError, UsageError, ValueError):
            return cls(now)

    def lasted(self, case: _Case) -> int:
        """That of the session that a test case is about, else of the recording."""
        return self.sessions.get(case.scope, self.lasted_ns)


@dataclass(frozen=True, slots=True)
class _Suite:
    """One file and contract."""

    result: FileResult
    injected: Injected
    cases: Sequence[_Case]
    times: _Times

    @classmethod
    def of(cls, result: FileResult, fail_on: Severity, why_unchecked: str) -> Self:
        injected = Injected.into(result) or Injected()
        cases = list(_cases(result, fail_on, injected))
        if why_unchecked:
            cases.insert(0, _Case("can be validated", result.path, "error", why_unchecked, why_unchecked))
        return cls(result, injected, cases, _Times.of(result))

    def count(self, outcome: str) -> int:
        """How many test cases have this outcome."""
        return sum(case.outcome == outcome for case in self.cases)


def _suite(number: int, suite: _Suite, fail_on: Severity) -> str:
    result, injected = suite.result, suite.injected
    attributes = {
        "id": str(number),
        "name": _suite_name(result),
        "package": "wsreplay",
        # without a zone, as the older schema wants it
        "timestamp": suite.times.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": gethostname() or "localhost",
        "tests": str(len(suite.cases)),
        "failures": str(suite.count("failure")),
        "errors": str(suite.count("error")),
        "skipped": str(suite.count("skipped")),
        "time": _seconds(suite.times.lasted_ns),
    }
    lines = [f"<testsuite{_attributes(attributes)}>", "<properties>"]
    lines += [f"<property{_attributes({'name': name, 'value': value})}/>" for name, value in _properties(result, injected)]
    lines += ["</properties>", *(_case(case, suite.times.lasted(case)) for case in suite.cases)]
    output = _text(_output(result, fail_on, injected))
    lines += [f"<system-out>{output}</system-out>", "<system-err></system-err>", "</testsuite>"]
    return "".join(f"{line}\n" for line in lines)


def _suite_name(result: FileResult) -> str:
    return f"{result.path} ({result.judgement.contract})" if result.judgement else result.path


def _properties(result: FileResult, injected: Injected) -> Iterator[tuple[str, str]]:
    yield "file", result.path
    yield "verdict", result.verdict
    if result.judgement is not None:
        yield "contract", f"{result.judgement.contract} v{result.judgement.contract_version}"
        yield "contract digest", result.judgement.contract_digest
        yield "events", str(result.judgement.events)
        yield "sessions", str(result.judgement.sessions)
    if injected.faults:
        yield "injected faults", str(len(injected.faults))


def _cases(result: FileResult, fail_on: Severity, injected: Injected) -> Iterator[_Case]:
    judgement = result.judgement
    if judgement is None or result.why_not_judged:
        return
    findings_by_rule: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        findings_by_rule[finding.rule, _scope(finding.session)].append(finding)
    rules = {rule.id: rule for rule in judgement.rules}
    causes = {finding.id: finding for finding in judgement.findings}
    for scope in _scopes(judgement):
        for rule in rules.values():
            findings = findings_by_rule.get((rule.id, scope), [])
            if findings or scope != _ALL:
                yield _outcome(result, judgement, rule, scope, findings, causes, fail_on, injected)
    for (name, scope), findings in findings_by_rule.items():
        if name not in rules:
            unnamed = RuleVerdict(name, findings[0].verdict)
            yield _outcome(result, judgement, unnamed, scope, findings, causes, fail_on, injected)


def _scope(session: int | None) -> str:
    return _ALL if session is None else f"session {session}"


def _scopes(judgement: Judgement) -> Iterator[str]:
    """The sessions that have test cases of their own; where there are many, those without a finding share theirs."""
    sessions_told = {finding.session for finding in judgement.findings if finding.session is not None}
    every = sorted(sessions_told | (judgement.session_verdicts.keys() or set(range(1, judgement.sessions + 1))))
    if len(every) > _MOST_QUIET_SESSIONS:
        every = sorted(sessions_told)
        yield _QUIET
    yield from map(_scope, every)
    yield _ALL


def _outcome(
    result: FileResult, judgement: Judgement, rule: RuleVerdict, scope: str, findings: list[Finding],
    causes: Mapping[str, Finding], fail_on: Severity, injected: Injected,
) -> _Case:  # fmt: skip
    name, classname = rule.id, f"{judgement.contract}.{scope}"
    least = SEVERITY_RANK[fail_on]
    wrong = [finding for finding in findings if result.is_wrong(finding)]
    results = [finding for finding in wrong if finding.caused_by in causes]
    own = [finding for finding in wrong if SEVERITY_RANK[finding.severity] >= least and finding.caused_by not in causes]
    new = [finding for finding in own if not result.is_known(finding)]
    if new:
        errors = all(finding.verdict is Verdict.ERROR for finding in new)
        marked = mark(injected.beside(new[0]))
        message = f"{new[0].message} ({marked})" if marked else new[0].message
        text = _told(result, judgement, [*new, *results], injected)
        return _Case(name, classname, "error" if errors else "failure", message, text)
    if own:
        return _Case(name, classname, "skipped", "known: accepted by the baseline")
    if results:
        cause = causes[str(results[0].caused_by)]
        message = f"{BROKEN_AS_A_RESULT} of {cause.rule}: {cause.message}"
        return _Case(name, classname, "skipped", message, _told(result, judgement, results, injected))
    undecided = [finding for finding in findings if not result.is_wrong(finding)]
    if undecided:
        return _Case(name, classname, "skipped", f"{undecided[0].verdict}: {undecided[0].message}")
    if rule.verdict in (Verdict.VACUOUS, Verdict.INCONCLUSIVE, Verdict.PENDING) and not findings:
        return _Case(name, classname, "skipped", _SKIPPED[rule.verdict])
    return _Case(name, classname)


_SKIPPED = {
    Verdict.VACUOUS: "vacuous: the rule never applied",
    Verdict.INCONCLUSIVE: UNDECIDED,
    Verdict.PENDING: "pending: something is still due",
}


def _told(result: FileResult, judgement: Judgement, findings: Iterable[Finding], injected: Injected) -> str:
    lines: list[str] = []
    for number, folded in enumerate(fold(findings)):
        if number == _MOST_TOLD:
            lines.append("… more: see the JSON report")
            break
        lines += explain(result, judgement, folded.finding)
        if faults := injected.beside(folded.finding):
            lines.append(f"  {mark(faults)}: {', '.join(details(faults))}")
        lines.append("")
    return "\n".join(lines)


def explain(result: FileResult, judgement: Judgement, finding: Finding) -> Iterator[str]:
    """All that is known of a finding, in lines of text that can do no harm."""
    yield f"{finding.severity}: {visible(finding.message)}"
    yield f"  recording: {visible(result.path)}"
    if where := place(judgement, finding):
        yield f"  rule:      {visible(finding.rule)} ({visible(where)})"
    if finding.slice:
        yield "  slice:     " + visible(", ".join(f"{key} {value}" for key, value in finding.slice))
    if finding.session is not None:
        connection = f", connection {finding.connection}" if finding.connection is not None else ""
        yield f"  session:   {finding.session}{connection}"
    if finding.expected:
        until = f", by {clock(finding.until)}" if finding.until is not None else ""
        yield f"  expected:  {visible(' or '.join(merge_alike(finding.expected)))}{until}"
    if finding.seen is not None:
        yield f"  seen:      {visible(finding.seen)}"
    if finding.frames:
        yield f"  frames:    {', '.join(map(str, finding.frames[:50]))}"
    yield f"  decided:   at {clock(finding.decided_at)}, {visible(why_decided(finding))}"
    if finding.blame:
        yield f"  blame:     {visible(finding.blame)}"
    if finding.caused_by:
        yield f"  caused by: {visible(finding.caused_by)}"
    yield f"  fingerprint: {visible(finding.fingerprint)}"


def _output(result: FileResult, fail_on: Severity, injected: Injected) -> str:
    """What does not fail a test case and should be read all the same."""
    judgement = result.judgement
    if judgement is None:
        return ""
    below = [failure for failure in result.failures() if SEVERITY_RANK[failure.severity] < SEVERITY_RANK[fail_on]]
    return "\n".join([*map(visible, judgement.notes), mark(injected.faults), _told(result, judgement, below, injected)]).strip()


# XML. What XML 1.0 cannot hold (section 2.2) is a subset of what `visible` replaces.


def _case(case: _Case, lasted_ns: int) -> str:
    head = f"<testcase{_attributes({'classname': case.classname, 'name': case.name, 'time': _seconds(lasted_ns)})}"
    if not case.outcome:
        return f"{head}/>"
    attributes = {"message": case.message} | ({} if case.outcome == "skipped" else {"type": case.name})
    return f"{head}><{case.outcome}{_attributes(attributes)}>{_text(case.body)}</{case.outcome}></testcase>"


def _seconds(ns: int) -> str:
    return f"{max(0, ns) / SECOND:.3f}"


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(visible(value), {chr(34): "&quot;"})}"' for name, value in values.items())


def _text(text: str) -> str:
    return escape("\n".join(map(visible, text.split("\n"))))
