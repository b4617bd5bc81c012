"""One self-contained page: verdict, waterfall, timeline with ghost rows, findings, search. No network, no server.

What came from the wire is made harmless by `visible` and escaped; and the page's content security policy lets only the page's
own script and style run, named by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.users import sessions_of
from wsreplay.display import gist, user_text, visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.model import NO_FIT, NO_RULES, Ending, Session
from wsreplay.report import timeline
from wsreplay.report.coverage import Coverage, Type, TypeCount, count_types, coverage_of, types_of
from wsreplay.report.excerpt import excerpt
from wsreplay.report.paint import kind_sign, kind_word, severity_sign
from wsreplay.report.result import (
    SEVERITY_RANK,
    UNPROVEN,
    FileResult,
    Folded,
    fold,
    place,
    rule_counts,
    word_of_all,
)
from wsreplay.report.session_word import FAILED, PASSED, session_sign, session_word
from wsreplay.report.timeline import FoldedRows, TimelineKind, TimelineRow
from wsreplay.report.waterfall import WaterfallChart
from wsreplay.store.reader import Recording
from wsreplay.trace.reading import MessageReading
from wsreplay.units import clock, count_text, duration_text, noun_text
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict

_MOST_TYPES = 60
_MOST_SESSIONS = 50  # told on the page; those with findings first
_MOST_ROWS = 20_000  # unfolded, over the whole page
_AROUND = 5
_MOST_FINDINGS = 500  # of one session
_EXCERPT = 2000  # characters of a payload
_GIST = 160
_WORDS = {"error": "not validated"}
_COLOURS = {
    "violated": "bad", "error": "bad", "satisfied": "good", "ok so far": "good", "pending": "warn",
    "inconclusive": "warn", "vacuous": "warn", UNPROVEN: "bad", NO_FIT: "warn", NO_RULES: "warn",
}  # fmt: skip


def render(results: Sequence[FileResult]) -> str:
    """The page."""
    style, script = load_asset("style.css"), load_asset("script.js")
    sources = f"style-src {style_hash(style)}; script-src {style_hash(script)}"
    policy = f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"
    word = word_of_all(results)
    page = _Page()
    parts = [*_head(results, word)]
    for number, result in enumerate(results, 1):
        parts += page.file(number, result)
    body = "".join(parts) + "</main>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{_word(word)} · wsreplay</title><style>{style}</style></head>\n<body>{body}"
        f"<script>{script}</script></body></html>\n"
    )


def load_asset(name: str) -> str:
    """A style or script of the pages."""
    return (resources.files("wsreplay.report") / "page" / name).read_text("utf-8")


def style_hash(text: str) -> str:
    """What a content security policy calls a style or script that stands in the page (CSP Level 3, section 2.3.1)."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _head(results: Sequence[FileResult], word: str) -> Iterator[str]:
    yield f"<header><h1>wsreplay {_badge(word)}</h1>"
    yield '<div class="tools"><span id="found" aria-live="polite"></span>'
    yield '<label><input id="notable" type="checkbox"> only what matters</label>'
    yield '<input id="search" type="search" placeholder="search events and findings  ( / )" aria-label="search"></div>'
    yield "</header><main>"
    if len(results) > 1:
        heads = "<th>".join(("", "file", "contract", "verdict", "sessions", "events", "wrong"))
        yield f'<section class="files"><table><thead><tr>{heads}</tr></thead>'
        for number, result in enumerate(results, 1):
            yield _summary(number, result)
        yield "</table></section>"


def _summary(number: int, result: FileResult) -> str:
    judgement = result.judgement
    cells = [f'<a href="#f{number}">{_shown(result.path)}</a>']
    if judgement is None:
        cells += ["", _badge(result.word), "", "", _shown(result.error or "")]
    else:
        wrong = len(result.failures())
        cells += [
            _shown(judgement.contract), _badge(result.word), f"{judgement.sessions:,}", f"{judgement.events:,}",
            f"{wrong:,}",
        ]  # fmt: skip
    return "<tr><td>" + "<td>".join(cells) + "</tr>"


class _Page:
    """Writes the files of a page; knows how many rows it may still show unfolded."""

    def __init__(self) -> None:
        self.rows_left = _MOST_ROWS

    def file(self, number: int, result: FileResult) -> Iterator[str]:
        judgement = result.judgement
        yield f'<section class="file" id="f{number}"><h2>{_shown(result.path)} {_badge(result.word)}</h2>'
        if judgement is None:
            yield f'<p class="trouble">could not be validated: {_shown(result.error or "reason unknown")}</p></section>'
            return
        yield from _facts(result, judgement)
        by_session: defaultdict[int | None, list[Finding]] = defaultdict(list)
        for finding in judgement.findings:
            by_session[finding.session].append(finding)
        if by_session[None]:
            yield f'<article><h3>whole recording</h3>{"".join(_findings(result, judgement, by_session[None], {}))}</article>'
        try:
            with Recording.open(result.path) as recording, recording.snapshot():
                yield from self._sessions(recording, f"f{number}", result, judgement, by_session)
        except (RecordingError, UsageError) as error:
            yield f'<p class="trouble">the recording can no longer be read: {_shown(str(error))}</p>'
            yield from _findings(result, judgement, list(judgement.findings), {})
        yield "</section>"

    def _sessions(
        self,
        recording: Recording,
        prefix: str,
        result: FileResult,
        judgement: Judgement,
        by_session: dict[int | None, list[Finding]],
    ) -> Iterator[str]:
        sessions = sessions_of(recording, result.contract)
        reading = messages_of(recording, result.contract)
        counts = count_types(recording, reading, result.contract, judgement)
        if result.session is not None:
            sessions = [session for session in sessions if session.id == result.session]
        shown = sorted(sessions, key=lambda session: (_worst(by_session.get(session.id, ())), session.id))[:_MOST_SESSIONS]
        for session in shown:
            name = f"{prefix}s{session.id}"
            findings = by_session.get(session.id, [])
            yield from self._session(recording, name, result, judgement, session, findings, reading, counts)
        if len(sessions) > len(shown):
            yield f'<p class="quiet">… {count_text(len(sessions) - len(shown), "more session")}, not on this page …</p>'

    def _session(
        self,
        recording: Recording,
        name: str,
        result: FileResult,
        judgement: Judgement,
        session: Session,
        findings: list[Finding],
        reading: MessageReading,
        counts: dict[int, dict[Type, TypeCount]],
    ) -> Iterator[str]:
        end_ns = recording.end_ns(session)
        whole = max(self.rows_left, 200)
        rows = list(timeline.folded(timeline.rows(recording, session, findings, reading), around=_AROUND, whole=whole))
        self.rows_left -= len(rows)
        ids, ghost_ids = _row_ids(name, rows)
        spans = [record for record in judgement.spans if record.session == session.id]
        messages = reading.messages([connection.id for connection in session.connections])
        drawing = WaterfallChart(spans, messages, findings, session.opened_ns, end_ns, ids, ghost_ids)
        wrong = {str(finding.severity) for finding in findings if result.is_new(finding)}
        yield f'<article id="{name}" class="{"error" if "error" in wrong else "warning" if wrong else "fine"}">'
        coverage = coverage_of(judgement, types_of(session, counts), findings, result.called)
        yield from _session_head(result, judgement, session, findings, coverage, end_ns)
        if svg := drawing.svg():
            yield '<div class="zoom"><button type="button" data-zoom="0.5" aria-label="zoom out">−</button>'
            yield '<button type="button" data-zoom="2" aria-label="zoom in">+</button></div>'
            yield f'<div class="scroll">{svg}</div>'
        yield from _findings(result, judgement, findings, ids | ghost_ids)
        yield from _rows(name, rows)
        yield "</article>"


# A file's facts and a session's head.


def _facts(result: FileResult, judgement: Judgement) -> Iterator[str]:
    rules = ", ".join(f"{number} {name}" for name, number in rule_counts(judgement))
    facts = [
        f"contract <b>{_shown(judgement.contract)}</b> v{_shown(judgement.contract_version)}",
        count_text(judgement.events, "event"), count_text(judgement.sessions, "session"),
        f"{count_text(len(judgement.rules), 'rule')}: {rules}",
    ]  # fmt: skip
    states = judgement.run_counts
    if states:
        facts.append("runs: " + ", ".join(f"{number:,} {_shown(state)}" for state, number in states.items()))
    if judgement.spans_left_out:
        facts.append(f"{count_text(judgement.spans_left_out, 'more span')}, not on this page")
    if result.known_failures:
        facts.append(f"{result.known_failures:,} known")
    yield '<p class="facts">' + " · ".join(facts) + "</p>"
    for what, number in judgement.forgotten.items():
        yield f'<p class="trouble">to bound memory, {number:,} {_shown(what)} were forgotten</p>'
    for note in (*judgement.seen, *judgement.notes):
        yield f'<p class="quiet">{_shown(note)}</p>'
    columns = ("", "rule", "verdict", "severity", "applied", "held", "violated", "still open", "undecided")
    yield f'<details class="rules"><summary>rules</summary><table><thead><tr>{"<th>".join(columns)}</tr></thead>'
    followers = judgement.followers()
    yield from (_rule(rule, followers.get(rule.id, ())) for rule in judgement.rules)
    yield "</table></details>"


def _rule(rule: RuleVerdict, causes: Sequence[str]) -> str:
    numbers = (rule.activations, rule.fulfilments, rule.violations, rule.pending, rule.inconclusive)
    cells = "".join(f"<td>{number:,}" for number in numbers)
    result = f' <span class="quiet">as a result of {_shown(", ".join(causes))}</span>' if causes else ""
    return f"<tr><td>{_shown(rule.id)}<td>{_badge(rule.verdict)}{result}<td>{rule.severity}{cells}</tr>"


def _session_head(
    result: FileResult, judgement: Judgement, session: Session, findings: list[Finding], coverage: Coverage, end_ns: int
) -> Iterator[str]:
    word = session_word(result, judgement, session.id, findings)
    named = session.user or judgement.users.get(session.id)
    user = _shown(noun_text("user", user_text(named))) if named else "anonymous"
    about = [user, _shown(session.path), duration_text(max(end_ns - session.opened_ns, 0))]
    if len(session.connections) > 1:
        about.append(count_text(len(session.connections), "connection"))
    refused = all(connection.ending is Ending.REFUSED for connection in session.connections)
    colour = {FAILED: "bad", "violated": "bad", "error": "bad", PASSED: "good"}.get(word, "warn")
    text = "refused" if refused else f"{session_sign(word)} {_word(word)}"
    badge = f'<span class="badge {"warn" if refused else colour}">{text}</span>'
    yield f"<h3>session {session.id} {badge}</h3><p class=facts>{' · '.join(about)}</p>"
    for head, counts in coverage.parts():
        chips = []
        for name, number in list(counts.items())[:_MOST_TYPES]:
            lacks = coverage.lacks(name)
            chips.append(f"<li{' class=missing' if lacks else ''}>{_shown(name)} <b>{number:,}{' ✗' if lacks else ''}</b></li>")
        yield f'<ul class="coverage" aria-label="{head}">{"".join(chips)}</ul>'


# Findings.


def _worst(findings: Iterable[Finding]) -> int:
    """What failed comes first: the smaller, the worse is the worst of its findings."""
    return -max((SEVERITY_RANK[finding.severity] for finding in findings), default=-1)


def _findings(result: FileResult, judgement: Judgement, findings: list[Finding], ids: dict[int, str]) -> Iterator[str]:
    listed = fold(findings)
    if not listed:
        return
    yield '<ul class="findings">'
    for folded in listed[:_MOST_FINDINGS]:
        yield from _finding(result, judgement, folded, ids)
    if len(listed) > _MOST_FINDINGS:
        yield f"<li class=quiet>… {count_text(len(listed) - _MOST_FINDINGS, 'more finding')}: see the JSON report …</li>"
    yield "</ul>"


def _finding(result: FileResult, judgement: Judgement, folded: Folded, ids: dict[int, str]) -> Iterator[str]:
    finding = folded.finding
    sign = severity_sign(finding.severity)[0] if result.is_wrong(finding) else "?"
    known = result.is_known(finding)
    yield f'<li class="finding {finding.severity}{" known" if known else ""}"><span class="sign">{sign}</span><div>'
    yield f'<p><b>{_shown(finding.rule)}</b> {_shown(finding.message)}{" <i>known</i>" if known else ""}</p><p class="quiet">'
    parts = [_link(f"frame {frame}", ids.get(frame, "")) for frame in finding.frames[:8]]
    if ghost := ids.get(id(finding)):
        parts.insert(0, _link("◆ where it is missing", ghost))
    parts += [f"{_shown(key)} {_shown(value)}" for key, value in finding.slice]
    if finding.expected:
        until = f" by {clock(finding.until)}" if finding.until is not None else ""
        parts.append(f"expected {_shown(timeline.expected(finding))}{until}")
    if finding.seen:
        parts.append(f"seen {_shown(finding.seen)}")
    if finding.blame:
        parts.append(f"blame: {_shown(finding.blame)}")
    parts.append(_shown(place(judgement, finding)))
    yield " · ".join(part for part in parts if part) + "</p>"
    if folded.consequences:
        names = dict.fromkeys(consequence.rule for consequence in folded.consequences)
        yield f'<p class="quiet">also broken as a result: {", ".join(map(_shown, list(names)[:10]))}</p>'
    yield "</div></li>"


# The timeline.


def _row_ids(name: str, rows: list[TimelineRow | FoldedRows]) -> tuple[dict[int, str], dict[int, str]]:
    """The page's ids of the rows of frames, and of those of missing events by the identity of their finding."""
    ids = {row.frame: f"{name}e{row.frame}" for row in rows if isinstance(row, TimelineRow) and row.frame is not None}
    ghosts = [row.findings[0] for row in rows if isinstance(row, TimelineRow) and row.kind is TimelineKind.GHOST]
    return ids, {id(finding): f"{name}g{number}" for number, finding in enumerate(ghosts, 1)}


def _rows(name: str, rows: list[TimelineRow | FoldedRows]) -> Iterator[str]:
    yield '<div class="timeline">'
    ghosts = 0
    for row in rows:
        if isinstance(row, FoldedRows):
            yield f'<div class="gap">… {count_text(row.rows, "event")} …</div>'
            continue
        if row.kind is TimelineKind.GHOST:
            ghosts += 1
            yield _row(row, f"{name}g{ghosts}")
        else:
            yield _row(row, "" if row.frame is None else f"{name}e{row.frame}")
    yield "</div>"


def _row(row: TimelineRow, row_id: str) -> str:
    classes = ["row", str(row.kind)]
    notes = ""
    if row.kind is TimelineKind.GHOST:
        (finding,) = row.findings
        due = f"due by {clock(finding.until)}, " if finding.until is not None else ""
        text = f"◆ missing: {due}{_shown(row.text)}"
    else:
        tags = (f'<i class="note {_note_class(finding)}">{_note(finding)}</i> ' for finding in row.findings)
        notes = "".join(dict.fromkeys(tags))
        text = _said(row)
    if row.findings:
        classes += ["marked", _note_class(row.findings[0])]
    elif row.witness:
        classes.append("witness")
    arrow = {0: "▶", 1: "◀"}.get(row.direction if row.direction is not None else -1, "")
    where = f' id="{row_id}"' if row_id else ""
    return (
        f'<div class="{" ".join(classes)}"{where}><time>{clock(row.t_ns)}</time><span class="dir">{arrow}</span>'
        f'<span class="type">{_shown(row.label)}</span><div class="said">{notes}{text}</div></div>'
    )


def _said(row: TimelineRow) -> str:
    text = _shown(row.text or gist(row.payload, _GIST, row.label))
    beginning = excerpt(row.payload, _EXCERPT)
    if not beginning:
        return text
    return f"<details><summary>{text or '…'}</summary><pre>{escape(beginning)}</pre></details>"


def _note(finding: Finding) -> str:
    sign, _ = kind_sign(finding)
    late = f" by {duration_text(finding.late_by)}" if finding.late_by else ""
    return f"{sign} {_shown(kind_word(finding))}{late}"


def _note_class(finding: Finding) -> str:
    return finding.kind if finding.kind in ("missing", "order") else str(finding.severity)


# Words.


def _badge(word: str) -> str:
    """Of a verdict, or of the word for a result."""
    return f'<span class="badge {_COLOURS[word.replace("_", " ")]}">{_word(word)}</span>'


def _word(word: str) -> str:
    return _WORDS.get(word, word.replace("_", " "))


def _link(text: str, target: str) -> str:
    return f'<a href="#{target}">{text}</a>' if target else text


def _shown(text: str) -> str:
    """Text from anywhere, for a place between tags or inside a quoted attribute."""
    return escape(visible(text))
