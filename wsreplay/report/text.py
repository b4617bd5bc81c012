"""The report for people, in a terminal."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.observed_types import told_by_path
from wsreplay.contract.users import sessions_of
from wsreplay.display import INJECTED, cells, fit, pad, user_text, visible
from wsreplay.errors import RecordingError, UsageError, WsreplayError
from wsreplay.model import NO_CONTRACT, NO_DEMANDS, NO_FIT, Ending, Session
from wsreplay.report import timeline
from wsreplay.report.coverage import Coverage, Type, TypeCount, count_types, coverage_of, types_of
from wsreplay.report.paint import (
    BOLD,
    DIM,
    ERROR,
    GREEN,
    RED,
    YELLOW,
    Paint,
    severity_sign,
    spread,
    wrapped,
)
from wsreplay.report.result import UNDECIDED, UNPROVEN, FileResult, Folded, fold, place, rule_counts, word_of_all
from wsreplay.report.session_word import FAILED, PASSED, session_sign, session_word
from wsreplay.report.timeline_text import WIDEST_TYPE, timeline_lines
from wsreplay.store.reader import Recording
from wsreplay.units import clock, count_text, duration_text, noun_text
from wsreplay.validator.findings import Finding, Judgement, Severity, SpanRecord, Verdict

TITLE = "WEBSOCKET EVENT VALIDATION REPORT"
_MOST_UNDECIDED = 8  # rules that are named
_MOST_SESSIONS = 20  # told with their timelines
_MOST_FINDINGS = 40  # of one session
_MOST_RUNS = 10
_MOST_CONSEQUENCES = 5
_MOST_TYPES = 60
_COVERAGE = len("from the client")
_NARROWEST = 60


def render(results: Sequence[FileResult], *, color: bool = False, width: int = 100) -> str:
    """The whole report. `width` is that of the terminal, in cells; payloads and names in it can do no harm.

    Of several files, those in which nothing was found stand in the summary only.
    """
    paint = Paint(color)
    width = max(width, _NARROWEST)
    lines: list[str] = []
    for result in results if len(results) == 1 else (file for file in results if file.judgement is None or file.findings):
        lines += [*_File(result, paint, width).lines(), ""]
    if len(results) > 1:
        lines += _summary(results, paint, width)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def finding_line(finding: Finding, *, color: bool = False) -> str:
    """One finding on one line, for a verdict that is told while a recording grows."""
    paint = Paint(color)
    sign, colour = severity_sign(finding.severity)
    session = f"session {finding.session}" if finding.session is not None else "whole recording"
    parts = [f"{clock(finding.decided_at):>12}", paint(f"{sign} {visible(finding.rule)}", colour), visible(finding.message)]
    return "  ".join([*parts, paint(visible(f"{session}  {_frames(finding)}".rstrip()), DIM)])


class _File:
    """One file's part of the report."""

    def __init__(self, result: FileResult, paint: Paint, width: int) -> None:
        self.result, self.paint, self.width = result, paint, width

    def lines(self) -> Iterator[str]:
        judgement = self.result.judgement
        about = [visible(self.result.path)]
        if judgement is None:
            yield from self._head(about)
            yield from self._block("  could not be validated: ", self.result.error or "reason unknown", RED)
            return
        contract = f"contract {visible(judgement.contract)} v{visible(judgement.contract_version)}"
        yield from self._head([*about, NO_FIT if judgement.contract == NO_CONTRACT else contract])
        try:
            with Recording.open(self.result.path) as recording, recording.snapshot():
                yield from self._sessions(recording, judgement)
        except (RecordingError, UsageError) as error:
            yield from self._block("  ", f"the recording can no longer be read: {error}", YELLOW)
            yield from self._findings(judgement, judgement.findings)
        yield from self._verdict(judgement)

    def _head(self, about: Iterable[str]) -> Iterator[str]:
        """The title and what it is of, on as few lines as have room; a path is never cut, so that it can be copied."""
        line, used = self.paint(TITLE, BOLD), cells(TITLE)
        for part in about:
            if used + 3 + cells(part) > self.width:
                yield line
                line, used = f"  {part}", 2 + cells(part)
            else:
                line, used = f"{line}   {part}", used + 3 + cells(part)
        yield line

    # Sessions.

    def _sessions(self, recording: Recording, judgement: Judgement) -> Iterator[str]:
        by_session: defaultdict[int | None, list[Finding]] = defaultdict(list)
        for finding in judgement.findings:
            by_session[finding.session].append(finding)
        runs: defaultdict[int, list[SpanRecord]] = defaultdict(list)
        for run in judgement.runs:
            runs[run.session].append(run)
        sessions = sessions_of(recording, self.result.contract)
        self._reading = messages_of(recording, self.result.contract)
        counts = count_types(recording, self._reading, self.result.contract, judgement)
        if self.result.session is not None:
            sessions = [session for session in sessions if session.id == self.result.session]
        every = self.result.every_session or len(sessions) == 1
        listed = [session for session in sessions if every or by_session[session.id]]
        for session in listed[:_MOST_SESSIONS]:
            yield from self._session(recording, judgement, session, counts, by_session[session.id], runs[session.id])
        if len(listed) > _MOST_SESSIONS:
            more = count_text(len(listed) - _MOST_SESSIONS, "more session")
            yield self.paint(f"… {more} with findings: see -f json or -f html …", DIM)
        if quiet := [session for session in sessions if session not in listed]:
            yield from self._quiet(recording, judgement, quiet, bool(listed))
        if by_session[None]:
            yield self.paint("whole recording", BOLD)
            yield from self._findings(judgement, by_session[None])

    def _quiet(self, recording: Recording, judgement: Judgement, sessions: list[Session], others: bool) -> Iterator[str]:
        """How many sessions have no finding, by what that means; `others` are told in full."""
        words = Counter(session_word(self.result, judgement, session.id, []) for session in sessions)
        for word, number in words.items():
            counted = count_text(number, "other session" if others else "session")
            text = f"{counted} without a finding" if word == PASSED else f"{counted} {word}"
            yield self.paint(f"{session_sign(word)} {text}", _SESSION_COLOURS.get(word, YELLOW))
        silent = {connection.id for session in sessions for connection in session.connections}
        faults = sum(fault.connection_id in silent for fault in recording.faults())
        if faults:
            yield self.paint(f"  {INJECTED} into them: {count_text(faults, 'fault')}", YELLOW)

    def _session(
        self,
        recording: Recording,
        judgement: Judgement,
        session: Session,
        counts: dict[int, dict[Type, TypeCount]],
        findings: list[Finding],
        runs: list[SpanRecord],
    ) -> Iterator[str]:
        types = types_of(session, counts)
        yield self._session_head(recording, judgement, session, types, findings)
        faults = len(timeline.faults(recording, session))
        if faults:
            yield self.paint(f"  {INJECTED}: {count_text(faults, 'fault')}", YELLOW)
        if types or findings or faults:
            yield from self._coverage(coverage_of(judgement, types, findings, self.result.called))
            yield self.paint("  timeline", DIM)
            yield from timeline_lines(timeline.rows(recording, session, findings, self._reading), self.paint, self.width)
        yield from self._runs(runs)
        yield from self._findings(judgement, findings)

    def _session_head(
        self,
        recording: Recording,
        judgement: Judgement,
        session: Session,
        types: dict[Type, TypeCount],
        findings: list[Finding],
    ) -> str:
        events = sum(seen.times for seen in types.values())
        user = self.result.user_of(session)
        parts = [f"session {session.id}", noun_text("user", user_text(user)) if user else "anonymous", session.path]
        if len(session.connections) > 1:
            parts.append(count_text(len(session.connections), "connection"))
        parts.append(duration_text(max(recording.end_ns(session) - session.opened_ns, 0)))
        parts.append(f"{count_text(events, 'event')} of {count_text(len(types), 'type')}")
        word = session_word(self.result, judgement, session.id, findings)
        if all(connection.ending is Ending.REFUSED for connection in session.connections):
            word = "refused"
        line = spread(visible(" · ".join(parts)), word.upper(), self.width)
        return self.paint(line[: -len(word)], BOLD) + self.paint(word.upper(), BOLD, _SESSION_COLOURS.get(word, YELLOW))

    def _coverage(self, coverage: Coverage) -> Iterator[str]:
        """How often each type came."""
        for head, counts in coverage.parts():
            yield from self._counts(head, counts, coverage)

    def _counts(self, head: str, counts: dict[str, int], coverage: Coverage) -> Iterator[str]:
        head = f"  {head:<{_COVERAGE}}"
        line, used = self.paint(head, DIM), cells(head)
        for name, number in islice(counts.items(), _MOST_TYPES):
            lacks = coverage.lacks(name)
            text = f"{fit(visible(name), WIDEST_TYPE)} {number:,}" + (f" {ERROR}" if lacks else "")
            if used + 3 + cells(text) > self.width:
                yield line
                line, used = " " * cells(head), cells(head)
            line += "   " + (self.paint(text, RED) if lacks else text)
            used += 3 + cells(text)
        yield line
        if len(counts) > _MOST_TYPES:
            yield self.paint(f"  … {count_text(len(counts) - _MOST_TYPES, 'more type')} …", DIM)

    # Runs and findings.

    def _runs(self, runs: list[SpanRecord]) -> Iterator[str]:
        if not runs:
            return
        states = Counter(run.state for run in runs)
        yield "  runs   " + " · ".join(f"{number:,} {visible(state)}" for state, number in states.most_common())
        odd = [run for run in runs if run.state != "completed"]
        for run in odd[:_MOST_RUNS]:
            name = " · ".join(f"{key} {value}" for key, value in run.slice)
            end = f"until {clock(run.end_ns)}" if run.end_ns is not None else "no end"
            detail = f": {run.detail}" if run.detail else ""
            yield from self._block("    ", f"{run.state:<9} {name}, from {clock(run.start_ns)}, {end}{detail}", YELLOW)
        if len(odd) > _MOST_RUNS:
            yield self.paint(f"    … {count_text(len(odd) - _MOST_RUNS, 'more run')} …", DIM)

    def _findings(self, judgement: Judgement, findings: Iterable[Finding]) -> Iterator[str]:
        folded = fold(findings)
        if not folded:
            return
        yield self.paint("  findings", DIM)
        column = min(max(cells(visible(group.finding.rule)) for group in folded), self.width // 4)
        for group in folded[:_MOST_FINDINGS]:
            yield from self._finding(judgement, group, column)
        if len(folded) > _MOST_FINDINGS:
            yield self.paint(f"    … {count_text(len(folded) - _MOST_FINDINGS, 'more finding')}: see -f json …", DIM)

    def _finding(self, judgement: Judgement, folded: Folded, column: int) -> Iterator[str]:
        finding = folded.finding
        sign, colour = severity_sign(finding.severity)
        if not self.result.is_wrong(finding):
            sign, colour = "?", DIM
        known = self.result.is_known(finding)
        message = finding.message + (" (known)" if known else "")
        where = "      ".join(part for part in (_frames(finding), visible(place(judgement, finding))) if part)
        head = f"    {sign} {pad(visible(finding.rule), column)}   "
        room = self.width - cells(head)
        lines = list(wrapped(message, room))
        codes = (DIM,) if known else (colour,)
        if where and cells(lines[-1]) + 6 + cells(where) <= room:
            lines[-1] += " " * (room - cells(lines[-1]) - cells(where)) + where
        elif where:
            lines.append(fit(where, room))
        yield self.paint(head, *codes) + lines[0]
        for line in lines[1:]:
            yield " " * cells(head) + line
        if folded.consequences:
            names = list(dict.fromkeys(consequence.rule for consequence in folded.consequences))
            more = f", and {len(names) - _MOST_CONSEQUENCES} more" if len(names) > _MOST_CONSEQUENCES else ""
            yield from self._block("        also broken as a result: ", ", ".join(names[:_MOST_CONSEQUENCES]) + more, DIM)

    # The end.

    def _verdict(self, judgement: Judgement) -> Iterator[str]:
        colour = _colour(self.result)
        number = self.result.session
        where = count_text(judgement.sessions, "session") if number is None else f"session {number}"
        about = f"{count_text(judgement.events, 'event')} in {where}"
        verdicts = ", ".join(f"{number} {name}" for name, number in rule_counts(judgement))
        yield f"{self.paint(self.result.word.upper(), BOLD, colour)}   {_totals(self.result)} · {about}"
        if judgement.rules:
            yield from self._block(f"  {count_text(len(judgement.rules), 'rule')}: ", verdicts)
        undecided = [rule.id for rule in judgement.rules if rule.verdict is Verdict.INCONCLUSIVE]
        if undecided:
            more = f" and {len(undecided) - _MOST_UNDECIDED} more" if len(undecided) > _MOST_UNDECIDED else ""
            names = visible(", ".join(undecided[:_MOST_UNDECIDED])) + more
            yield from self._block(f"  {UNDECIDED}: ", names, YELLOW)
        if judgement.contract == NO_CONTRACT:
            yield from self._no_fit(judgement)
        elif judgement.verdict is Verdict.VACUOUS and not judgement.demands_nothing:
            hint = "no rule of this contract applied: is it the right one? (wsreplay contract ls)"
            yield from self._block("  ", hint, YELLOW)
        for what, number in judgement.forgotten.items():
            yield from self._block("  ", f"to save memory, {number:,} {what} were forgotten", YELLOW)
        for note in judgement.notes:
            yield from self._block("  ", note, YELLOW if note == NO_DEMANDS else DIM)
        wrong = list(filter(self.result.is_wrong, self.result.findings))
        if wrong:
            first = next((finding.session for finding in wrong if finding.session), None)
            path = shlex.quote(visible(self.result.path))
            options = self.result.option_text
            yield f"  look closer: wsreplay tui {path}{options}"
            if first:
                yield f"               wsreplay show {path} {first}{options}"

    def _no_fit(self, judgement: Judgement) -> Iterator[str]:
        """What was seen, and how to go on."""
        for line in (*judgement.seen, *self._seen_by_path(is_typed=bool(judgement.seen))):
            yield from self._block("  seen: ", line)
        path = shlex.quote(visible(self.result.path))
        yield self.paint(f"  go on: wsreplay validate {path} -c CONTRACT   (built-in ones: wsreplay contract ls)", YELLOW)
        yield self.paint(f"         wsreplay contract map {path}   (proposes one of your own)", YELLOW)

    def _seen_by_path(self, *, is_typed: bool) -> Iterator[str]:
        """What came where no message has a type, or its true type stands elsewhere."""
        with suppress(WsreplayError), Recording.open(self.result.path) as recording:
            if (types := told_by_path(recording)) is not None:
                yield types
            elif not is_typed:
                yield f"{count_text(recording.last_id(), 'frame')}, none with a type"

    def _block(self, head: str, text: str, *codes: str) -> Iterator[str]:
        """Wrapped text that hangs under its head."""
        for number, line in enumerate(wrapped(text, max(self.width - cells(head), 20))):
            yield self.paint((head if not number else " " * cells(head)) + line, *codes)


_SESSION_COLOURS = {FAILED: RED, PASSED: GREEN, "violated": RED, "error": RED}
_VERDICT_COLOURS = {
    Verdict.VIOLATED: RED, Verdict.ERROR: RED, Verdict.SATISFIED: GREEN, Verdict.OK_SO_FAR: GREEN, Verdict.PENDING: YELLOW,
    Verdict.INCONCLUSIVE: YELLOW, Verdict.VACUOUS: YELLOW,
}  # fmt: skip


def _colour(result: FileResult) -> str:
    return RED if result.word == UNPROVEN else _VERDICT_COLOURS[result.verdict]


def _frames(finding: Finding) -> str:
    if not finding.frames:
        return ""
    shown = ", ".join(map(str, finding.frames[:4])) + (", …" if len(finding.frames) > 4 else "")
    return f"{'frame' if len(finding.frames) == 1 else 'frames'} {shown}"


def _totals(result: FileResult) -> str:
    failures = [finding.severity for finding in result.failures()]
    parts = [
        count_text(failures.count(severity), str(severity) if severity is not Severity.INFO else "remark")
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        if severity in failures
    ]
    known = result.known_failures
    return ", ".join([*parts, *([f"{known:,} known"] if known else [])]) or "no findings"


def _summary(results: Sequence[FileResult], paint: Paint, width: int) -> Iterator[str]:
    yield paint(f"{count_text(len(results), 'result')}: {word_of_all(results)}", BOLD)
    column = min(max(cells(visible(result.path)) for result in results), width // 2)
    names = max((cells(visible(result.judgement.contract)) for result in results if result.judgement), default=0)
    for result in results:
        verdict = result.word if result.judgement else "not validated"
        line = f"  {pad(visible(result.path), column)}   {paint(f'{verdict:<13}', _colour(result))}  "
        judged = result.judgement
        about = f"{pad(visible(judged.contract), names)}   {_totals(result)}" if judged else visible(result.error or "")
        yield line + fit(about, max(width - column - 20, 10))
