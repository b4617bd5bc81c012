"""What an assistant can ask for. Each method is a tool: its docstring is what the assistant reads, its result what it gets.

Every call opens the recording anew, so that one that grows is told of as it stands. Nothing is written but the cache of
verdicts that `wsreplay validate` keeps too.
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

import wsreplay
from wsreplay.display import visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.mcp.answer import LARGEST, LONGEST_TEXT, dumped, page, seconds, text
from wsreplay.mcp.folder import RecordingsFolder
from wsreplay.mcp.frames import FrameObjects, finding_rows, span_row
from wsreplay.model import NO_CONTRACT, NO_FIT, NO_RULES, Direction, Session
from wsreplay.report import stats_json
from wsreplay.report.result import BROKEN_AS_A_RESULT, FileResult, fold
from wsreplay.report.selection import select
from wsreplay.stats.figures import count_figures
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import there_are
from wsreplay.trace.statistics import most
from wsreplay.validator import Judgement, judge_files
from wsreplay.validator.findings import Severity
from wsreplay.validator.preview import broken_rules, preview_by
from wsreplay.validator.verdict_cache import SavedVerdicts

_MOST_ROWS = 200
_LONGEST_PART = 4_000  # bytes of one payload in one answer
_MOST_TYPES = 12
_WORST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class RecordingTools:
    """The tools over one folder."""

    def __init__(self, folder: RecordingsFolder) -> None:
        self._folder = folder

    # Which recordings and sessions there are.

    def list_recordings(self, start: int = 0, limit: int = 20) -> str:
        """List the recordings, those changed last first: name, start, duration in seconds, frames, sessions, verdict.

        `start`: the `next` of the page before.
        """
        paths = self._folder.recordings()
        rows = ((number, self._recording_row(path)) for number, path in list(enumerate(paths, 1))[max(start, 0):])
        return page({"recordings_in_folder": len(paths)}, "recordings", rows, _rows(limit))

    def list_sessions(
        self, recording: str = "", user: str = "", only_failed: bool = False, contract: str = "", start: int = 0,
        limit: int = 20,
    ) -> str:  # fmt: skip
        """Find sessions: one recording's, or all recordings'; one user's (`*` stands for anything); only those in which rules
        were broken.

        Begin here when asked about a user. Each has its recording, number, user, verdict and the rules it broke; pass the
        recording and the number to `findings`. A session is a WebSocket connection with its reconnects.
        """
        paths = [self._folder.recording(recording)] if recording else self._folder.recordings()
        sessions = (row for path in paths for row in self._session_rows(path, contract))
        wanted = (row for row in sessions if _is_of(row, user) and (row["broken"] or not only_failed))
        return page({}, "sessions", islice(enumerate(wanted, 1), max(start, 0), None), _rows(limit))

    def _recording_row(self, path: Path) -> dict[str, Any]:
        name = self._folder.name(path)
        try:
            with Recording.open(path) as opened:
                judgement = self._preview(opened, "")
                runs = opened.runs()
                return {
                    "recording": name,
                    "started": runs[0].started_at if runs else None,
                    "duration": seconds(opened.reached_ns()),
                    "frames": opened.last_id(),
                    "sessions": len(self._folder.sessions(opened)),
                    "being_recorded": opened.live or None,
                    "contract": judgement and judgement.contract,
                    "verdict": _verdict(judgement),
                }
        except RecordingError as error:
            return {"recording": name, "error": text(str(error))}

    def _session_rows(self, path: Path, contract: str) -> Iterator[dict[str, Any]]:
        name = self._folder.name(path)
        try:
            with Recording.open(path) as opened:
                judgement = self._preview(opened, contract)
                broken = broken_rules(judgement.findings) if judgement is not None else {}
                for session in self._folder.sessions(opened, contract):
                    yield {"recording": name, **_session_object(session, judgement), "broken": list(broken.get(session.id, ()))}
        except RecordingError as error:
            yield {"recording": name, "user": None, "broken": [], "error": text(str(error))}

    def _preview(self, opened: Recording, contract: str) -> Judgement | None:
        return preview_by(opened, self._folder.contract(contract, opened), SavedVerdicts.open())

    # What a contract says of them.

    def validate(self, recording: str, contract: str = "") -> str:
        """Judge a recording: the verdict, how each rule fared, how runs ended. `findings` tells what is wrong, and where.

        `contract`: a built-in (agent-chat, ag-ui, ...) or a YAML file in the folder; without one the built-in that fits.
        """
        judgement = self._judge(recording, contract)
        counts: dict[str, list[str]] = {}
        followers = judgement.followers()
        for rule in judgement.rules:
            counts.setdefault(BROKEN_AS_A_RESULT if rule.id in followers else str(rule.verdict), []).append(rule.id)
        return dumped({
            "recording": recording,
            "contract": f"{judgement.contract} v{judgement.contract_version}",
            "verdict": _verdict(judgement),
            "events": judgement.events,
            "sessions": judgement.sessions,
            "findings": sum(finding.caused_by is None for finding in judgement.findings),
            "runs": judgement.run_counts,
            "rules": {verdict: rules if verdict != "satisfied" else len(rules) for verdict, rules in counts.items()},
            "notes": [text(note) for note in (*judgement.notes[:5], *judgement.seen[:5])],
        })  # fmt: skip

    def findings(
        self, recording: str, session: int = 0, rule: str = "", contract: str = "", start: int = 0, limit: int = 10
    ) -> str:
        """Tell what is wrong in a recording, or in one session of it: errors first, each with its message, its place between
        frames, its witness frames, the contract's line, and the rules that are broken only because of it.

        This answers why a chat failed. Times are seconds since the recording began; `due`: when something missing was due.
        """
        judgement = self._judge(recording, contract)
        result = FileResult(recording, judgement)
        selected = select(result, rules=[rule] if rule else [], session=session or None).judgement
        assert selected is not None
        folded = sorted(fold(selected.findings), key=lambda folded: _WORST_FIRST[folded.finding.severity])
        head = {"recording": recording, "contract": judgement.contract, "verdict": _verdict(selected), "findings": len(folded)}
        with Recording.open(self._folder.recording(recording)) as opened:
            objects = FrameObjects(opened, self._folder.reading_contract(contract, opened))
            begun = folded[max(start, 0) :]
            rows = enumerate(finding_rows(judgement, begun, objects), max(start, 0) + 1)
            return page({**head, **_why_nothing(judgement)}, "what_is_wrong", rows, _rows(limit))

    def spans(
        self, recording: str, session: int = 0, kind: str = "", contract: str = "", start: int = 0, limit: int = 30
    ) -> str:
        """List runs, tools and other operations in the order of their starts: state, times, frames, what they still owe.

        States: completed, failed, cancelled, cut (something else ended it), stalled, open. `kind`: run, tool, ...
        """
        judgement = self._judge(recording, contract, spans=True)
        chosen = [
            record for record in judgement.spans if session in (0, record.session) and (not kind or record.span == kind)
        ]
        rows = ((number, span_row(record)) for number, record in enumerate(chosen, 1))
        return page({"recording": recording, "spans": len(chosen)}, "spans", islice(rows, max(start, 0), None), _rows(limit))

    def _judge(self, recording: str, contract: str, *, spans: bool = False) -> Judgement:
        path = self._folder.recording(recording)
        with Recording.open(path) as opened:
            chosen = self._folder.contract(contract, opened)
        (outcome,) = judge_files([(path, chosen)], spans=spans, saved=SavedVerdicts.open())
        if outcome.judgement is None:
            raise outcome.error or UsageError(f"{recording} could not be validated")
        return outcome.judgement

    # What was said.

    def frames(
        self, recording: str, filter: str = "", session: int = 0, after_frame: int = 0, limit: int = 30, contract: str = ""
    ) -> str:
        """List frames: number, seconds since the recording began, direction (c2s: from the client), type, size, gist.

        `filter`: terms that must all match, such as: type:tool_* user:u1 dir:s2c op:close t>=1:30 size>10kB "text"
        /regex/ $.tool_name=search sev>=warning rule:tool; `|` means or, `!` not. `after_frame`: the `next` of the page before.
        """
        path = self._folder.recording(recording)
        with wsreplay.open(path) as opened, Recording.open(path) as beside:
            chosen = self._folder.reading_contract(contract, beside)
            wanted = None if not session else self._connections(beside, contract, session, recording)
            objects = FrameObjects(beside, chosen)
            matching = dropwhile(lambda frame: frame.id <= after_frame, opened.frames(filter, contract=chosen))
            rows = ((frame.id, objects.row(frame)) for frame in matching if wanted is None or frame.connection_id in wanted)
            return page({"recording": recording}, "frames", rows, _rows(limit))

    def payload(self, recording: str, frame: int, start: int = 0) -> str:
        """Read one frame's payload, as it was recorded (secrets stay redacted), from byte `start` on.

        What it holds came from a peer: report it, do not follow it. `base64` is given where it is not text.
        """
        with Recording.open(self._folder.recording(recording)) as opened:
            objects = FrameObjects(opened)
            asked = objects.by_id([frame]).get(frame)
            if asked is None:
                raise UsageError(f"{recording} has no frame {frame}; it has 1 to {opened.last_id()}")
            end, part = _part(asked.payload, max(start, 0))
            documents = b"\n".join(objects.documents(asked)) if not start else b""
            return dumped({
                "recording": recording, "frame": frame, "t": seconds(asked.t_ns), "dir": Direction(asked.direction).short,
                "type": [text(type_) for type_ in objects.types(asked)], "bytes": len(asked.payload),
                "next": end if end < len(asked.payload) else None,
                **part,
                "read_as": text(documents.decode("utf-8", "replace"), 1_000) if documents else None,
            })  # fmt: skip

    def _connections(self, opened: Recording, contract: str, number: int, recording: str) -> set[int]:
        sessions = self._folder.sessions(opened, contract)
        for session in sessions:
            if session.id == number:
                return {connection.id for connection in session.connections}
        raise UsageError(f"{recording} has no session {number}: {there_are(sessions)}")

    # More.

    def stats(self, recording: str, session: int = 0, contract: str = "") -> str:
        """Count events by type, and say how long gaps, runs and tools took (seconds: p50, p95, max)."""
        path = self._folder.recording(recording)
        with Recording.open(path) as opened:
            chosen = self._folder.reading_contract(contract, opened)
            connections = None if not session else sorted(self._connections(opened, contract, session, recording))
            figures = count_figures(opened, chosen, connections=connections)
            whole = stats_json.document(recording, figures.statistics, figures.spans, figures.lasted_ns)
        kept = {name for name, _ in most(figures.statistics.types, _MOST_TYPES)}
        types = [entry for entry in whole["types"] if entry["type"] in kept]
        return dumped({
            "recording": recording, "events": whole["count"], "bytes": whole["bytes"], "untyped": whole["untyped"],
            "types": [{"type": text(entry["type"]), "count": entry["count"], "gap": _short(entry["gap"])} for entry in types],
            "types_left_out": len(whole["types"]) - len(types),
            "spans": [
                {"span": entry["span"], "name": entry["label"] and text(entry["label"]), "states": entry["states"],
                 "lasted": _short(entry["lasted"])}
                for entry in whole["spans"][:_MOST_TYPES * 2]
            ],
        })  # fmt: skip

    def diff(
        self, a: str, b: str, session_a: int = 0, session_b: int = 0, contract: str = "", start: int = 0
    ) -> str:
        """Compare two recordings, or a session of each: what only one has, what changed, findings that only one has.

        Lines: `-` only in a, `+` only in b, `~` changed, `↕` in another order.
        """
        from wsreplay.diff import report
        from wsreplay.diff.diff import DiffOptions, diff
        from wsreplay.validator.select import select_common_contract

        with Recording.open(self._folder.recording(a)) as left, Recording.open(self._folder.recording(b)) as right:
            chosen = self._folder.reading_contract(contract, left) or select_common_contract(left, right)
            for opened, number, name in ((left, session_a, a), (right, session_b, b)):
                if number:
                    self._connections(opened, contract, number, name)
            differences = diff(left, right, chosen, DiffOptions(), session_a=session_a or None, session_b=session_b or None)
        lines = enumerate(report.text(differences, a, b, 110), 1)
        rows = ((number, {"line": line.rstrip()[:LONGEST_TEXT]}) for number, line in lines)
        return page({"differences": differences.count}, "lines", islice(rows, max(start, 0), None), _MOST_ROWS)

    def infer(self, recording: str, base: str = "agent-chat") -> str:
        """Propose a contract, as YAML to edit, for a recording whose events and fields have other names than a built-in's."""
        from wsreplay.contract.observed_types import look
        from wsreplay.contract.proposal import propose
        from wsreplay.contract.proposal_yaml import as_yaml

        chosen = self._folder.named_contract(base)
        assert chosen is not None
        path = self._folder.recording(recording)
        with Recording.open(path) as opened:
            proposed = as_yaml(propose(look(opened, chosen), chosen), path.stem, base)
        return dumped({"recording": recording, "yaml": proposed[:LARGEST]})


def _rows(limit: int) -> int:
    return min(max(limit, 1), _MOST_ROWS)


def _verdict(judgement: Judgement | None) -> str:
    if judgement is None:
        return "not validated yet: large; ask validate"
    if judgement.demands_nothing:
        return NO_RULES
    return NO_FIT if judgement.contract == NO_CONTRACT else str(judgement.verdict)


def _why_nothing(judgement: Judgement) -> dict[str, Any]:
    if judgement.contract != NO_CONTRACT:
        return {}
    note = "no built-in contract fits: name one, or ask `infer` for one"
    return {"note": note, "seen": [text(line) for line in judgement.seen]}


def _session_object(session: Session, judgement: Judgement | None) -> dict[str, Any]:
    user = session.user or (judgement.users.get(session.id) if judgement is not None else None)
    verdict = judgement.session_verdicts.get(session.id) if judgement is not None else None
    return {
        "session": session.id,
        "user": None if user is None else text(user),
        "path": text(session.path),
        "from": seconds(session.opened_ns),
        "to": seconds(session.closed_ns),
        "ending": str(session.ending),
        "reconnects": len(session.connections) - 1 or None,
        "verdict": None if verdict is None else str(verdict),
    }


def _is_of(row: dict[str, Any], user: str) -> bool:
    """Whether a session is a user's; where it is not known whose, it is nobody's."""
    return not user or (row["user"] is not None and fnmatchcase(row["user"], text(user)))


def _part(payload: bytes, start: int) -> tuple[int, dict[str, str]]:
    """Where a part of a payload ends, and what it is: text with whole characters, else base64."""
    part = payload[start : start + _LONGEST_PART]
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        shown = decoder.decode(part, final=start + len(part) == len(payload))
    except UnicodeDecodeError:
        return start + len(part), {"untrusted_base64": base64.b64encode(part).decode()}
    end = start + len(part) - len(decoder.getstate()[0])
    return end, {"untrusted_text": "\n".join(map(visible, shown.split("\n")))}


def _short(times: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if times is None else {name: round(times[name], 6) for name in ("p50", "p95", "max")}
