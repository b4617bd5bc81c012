"""Findings for an issue: what failed, where, and the frames that show it, as GitHub-flavoured Markdown.

What came from the wire stands in code only, inline or in fenced blocks whose fences are longer than any run of backticks in
them, and has gone through `visible`: it can neither end its block nor mention anybody, link anywhere or load a picture.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.users import sessions_of
from wsreplay.display import close_text, user_text, visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.model import OPCODE_NAMES, Direction, Frame, Opcode, Session
from wsreplay.report import timeline
from wsreplay.report.excerpt import excerpt
from wsreplay.report.injected import mark
from wsreplay.report.paint import Paint, kind_sign
from wsreplay.report.result import FileResult, Folded, fold, place, word_of_all
from wsreplay.report.timeline_text import timeline_lines
from wsreplay.store.reader import Recording
from wsreplay.units import clock, count_text, duration_text
from wsreplay.validator.findings import Finding, Judgement

MOST_CHARACTERS = 60_000  # an issue on GitHub holds 65,536
_MOST_SESSIONS = 5
_MOST_FINDINGS = 10  # of one session
_MOST_WITNESSES = 4  # of one finding
_MOST_CONSEQUENCES = 5
_MOST_LINES = 60  # of a timeline
_EXCERPT = 1200  # characters of a payload
_WIDTH = 110  # cells of a line of the timeline
_BACKTICKS = re.compile("`+")


def render(results: Sequence[FileResult]) -> str:
    """The findings of all results, as much as an issue holds; what is left out is said."""
    lines: list[str] = [f"## wsreplay: {code(word_of_all(results))}", ""]
    room = MOST_CHARACTERS
    for number, result in enumerate(results):
        for part in _IssuePart(result).parts():
            room -= sum(len(line) + 1 for line in part)
            if room < 0:
                left = f" and {count_text(len(results) - number - 1, 'more file')}" if number + 1 < len(results) else ""
                lines += [f"_Too long for an issue: the rest of {code(result.path)}{left} is left out._", ""]
                return "\n".join(lines)
            lines += part
    return "\n".join(lines)


def code(text: str) -> str:
    """Text from anywhere as inline code, in which nothing of Markdown is at work."""
    shown = visible(text)
    fence = "`" * (_longest(shown) + 1)
    edge = " " if shown[:1] in ("", "`", " ") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def block(lines: Iterable[str]) -> list[str]:
    """Harmless lines as a fenced block."""
    listed = list(lines)
    fence = "`" * max(3, 1 + max(map(_longest, listed), default=0))
    return [f"{fence}text", *listed, fence, ""]


def _longest(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


class _IssuePart:
    """One file's part: pieces that are told whole or not at all."""

    def __init__(self, result: FileResult) -> None:
        self.result = result

    def parts(self) -> Iterator[list[str]]:
        result, judgement = self.result, self.result.judgement
        about = f"**{code(result.path)}**"
        if judgement is None or result.why_not_judged:
            yield [f"{about}: could not be validated. {code(result.why_not_judged)}", ""]
            return
        failures = result.failures()
        by_contract = f"by {code(judgement.contract)} v{visible(judgement.contract_version)}"
        yield [f"{about}: {result.word}, {count_text(len(failures), 'finding')} {by_contract}", ""]
        if not failures:
            return
        try:
            with Recording.open(result.path) as recording, recording.snapshot():
                yield from self._sessions(recording, judgement)
        except (RecordingError, UsageError) as error:
            yield [f"The recording can no longer be read: {code(str(error))}", ""]
            for folded in fold(failures):
                yield self._finding(judgement, folded)

    def _sessions(self, recording: Recording, judgement: Judgement) -> Iterator[list[str]]:
        wrong: defaultdict[int | None, list[Finding]] = defaultdict(list)
        failures = {finding.id for finding in self.result.failures()}
        for finding in judgement.findings:
            if finding.id in failures or finding.caused_by in failures:
                wrong[finding.session].append(finding)
        sessions = sessions_of(recording, self.result.contract)
        failed = [session for session in sessions if wrong[session.id]]
        for session in failed[:_MOST_SESSIONS]:
            yield self._session(recording, session, wrong[session.id])
            for folded in fold(wrong[session.id])[:_MOST_FINDINGS]:
                yield [*self._finding(judgement, folded), *self._witnesses(recording, folded.finding)]
            if (more := len(fold(wrong[session.id])) - _MOST_FINDINGS) > 0:
                yield [f"_… {count_text(more, 'more finding')} in session {session.id} …_", ""]
        if len(failed) > _MOST_SESSIONS:
            yield [f"_… {count_text(len(failed) - _MOST_SESSIONS, 'more session')} with findings …_", ""]
        for folded in fold(wrong[None])[:_MOST_FINDINGS]:
            yield self._finding(judgement, folded)

    def _session(self, recording: Recording, session: Session, findings: list[Finding]) -> list[str]:
        user = self.result.user_of(session)
        parts = [f"session {session.id}", code(user_text(user)) if user else "anonymous", code(session.path)]
        if injected := mark(tuple(timeline.faults(recording, session))):
            parts.append(injected)
        rows = timeline.rows(recording, session, findings, messages_of(recording, self.result.contract))
        lines = list(timeline_lines(rows, Paint(False), _WIDTH))
        if len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], f"  … {count_text(len(lines) - _MOST_LINES, 'more line')} …"]
        again = f"wsreplay tui {shlex.quote(self.result.path)} {session.id}{self.result.option_text}"
        return [f"### {' · '.join(parts)}", "", *block(line.rstrip() for line in lines), f"Look at it: {code(again)}", ""]

    def _finding(self, judgement: Judgement, folded: Folded) -> list[str]:
        finding = folded.finding
        sign, _ = kind_sign(finding)
        rule = f"rule {code(finding.rule)}, {finding.severity}"
        where = place(judgement, finding)
        lines = [f"#### {sign} {code(finding.message)}", "", f"- {rule}{f', {code(where)}' if where else ''}"]
        if finding.expected:
            due = f", due by {clock(finding.until)}" if finding.until is not None else ""
            came = "" if finding.is_late_open or not finding.is_ghost else f": {code(timeline.why_missing(finding))}"
            lines.append(f"- expected {code(timeline.expected(finding))}{due}{came}")
        if finding.late_by:
            lines.append(f"- late by {duration_text(finding.late_by)}")
        if finding.blame:
            lines.append(f"- at fault: the {visible(finding.blame)}")
        if folded.consequences:
            names = list(dict.fromkeys(code(consequence.rule) for consequence in folded.consequences))
            more = f", and {len(names) - _MOST_CONSEQUENCES} more" if len(names) > _MOST_CONSEQUENCES else ""
            lines.append(f"- also broken as a result: {', '.join(names[:_MOST_CONSEQUENCES])}{more}")
        return [*lines, ""]

    def _witnesses(self, recording: Recording, finding: Finding) -> list[str]:
        """The frames that show it, each with the beginning of its payload."""
        ids = sorted({*finding.frames, *([finding.activation] if finding.activation else [])})
        shown = ids if len(ids) <= _MOST_WITNESSES else [*ids[: _MOST_WITNESSES - 1], ids[-1]]
        lines: list[str] = []
        for frame in recording.frames_by_id(shown):
            payload = close_text(frame.payload) if frame.opcode == Opcode.CLOSE else frame.payload
            lines += block([_frame_line(frame), *excerpt(payload, _EXCERPT).split("\n")])
        if len(ids) > len(shown):
            lines += [f"_… {count_text(len(ids) - len(shown), 'more frame')} that show it …_", ""]
        return lines


def _frame_line(frame: Frame) -> str:
    arrow = "▶" if frame.direction == Direction.CLIENT_TO_SERVER else "◀"
    kind = visible(frame.type or OPCODE_NAMES.get(frame.opcode, ""))
    return f"frame {frame.id}  {clock(frame.t_ns)}  {arrow} {kind}  {len(frame.payload):,} bytes"
