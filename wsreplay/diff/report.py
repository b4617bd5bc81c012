"""A diff told to people, side by side where there is room, and to programs as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from wsreplay import display
from wsreplay.diff.compare import FieldChange
from wsreplay.diff.conversation import END, OPEN, ComparedMessage
from wsreplay.diff.diff import Diff, SessionDiff, SpanChange
from wsreplay.diff.pairing import NAMED, pairing_text
from wsreplay.diff.rows import Kind, Row
from wsreplay.model import EventNumber, Session
from wsreplay.units import clock, count_text, duration_text
from wsreplay.validator.findings import Finding, Severity, SpanRecord

VERSION = 1
WIDE = 120  # cells from which on both sides stand beside each other
_SIGNS = {Kind.ONLY_A: "-", Kind.ONLY_B: "+", Kind.CHANGED: "~", Kind.MOVED: "↕", Kind.TIMING: "◷"}
_SEVERITY_SIGNS = {Severity.ERROR: "✗", Severity.WARNING: "▲", Severity.INFO: "·"}
_MOST = 1000  # differences told of one session, for people
_TYPE_WIDTH = 18
_LEVELS_ABOVE = 16
_SURELY_WRITTEN = 200  # levels of JSON; orjson reads 1,024, and writes 254


def text(diff: Diff, name_a: str, name_b: str, width: int = 100) -> Iterator[str]:
    """Lines for people."""
    yield f"a  {display.visible(name_a)}"
    yield f"b  {display.visible(name_b)}"
    for session in diff.sessions:
        yield ""
        yield _heading(session)
        yield from (f"   {display.fit(line, max(40, width - 3))}" for line in _about(session, diff))
        lines = _DiffLines(width)
        for difference in session.differences[:_MOST]:
            yield from lines.difference(difference)
        if len(session.differences) > _MOST:
            yield f"  … and {len(session.differences) - _MOST:,} more"
        yield from (f"  - {_SEVERITY_SIGNS[finding.severity]} {_finding(finding, width)}" for finding in session.findings_a)
        yield from (f"  + {_SEVERITY_SIGNS[finding.severity]} {_finding(finding, width)}" for finding in session.findings_b)
        yield from (f"  ~ {_cut(_span_change(change), max(40, width - 4))}" for change in session.spans[:_MOST])
    yield ""
    yield _total(diff)


def _total(diff: Diff) -> str:
    """`6 differences: 4 events, 2 findings`, as many as the sessions above say."""
    if diff.same:
        return "no difference"
    counted = (("event", diff.messages), ("finding", diff.findings), ("session", diff.lone))
    parts = [count_text(number, noun) for noun, number in counted if number]
    return f"{count_text(diff.count, 'difference')}: {', '.join(parts)}"


def _heading(pair: SessionDiff) -> str:
    if pair.a is None or pair.b is None:
        session, side = (pair.a, "a") if pair.b is None else (pair.b, "b")
        assert session is not None
        return f"── only in {side}: {_session(session)}"
    both = f"{_session(pair.a)} ⇄ {_session(pair.b)}" if _session(pair.a) != _session(pair.b) else _session(pair.a)
    different = f", {len(pair.differences):,} different" if pair.differences else ""
    return f"── {both}   {pair.alike:,} alike{different}{_findings(pair)}"


def _findings(pair: SessionDiff) -> str:
    """`; 2 findings only in b`"""
    sides = (("a", pair.findings_a), ("b", pair.findings_b))
    parts = [f"{count_text(len(findings), 'finding')} only in {side}" for side, findings in sides if findings]
    return f"; {', '.join(parts)}" if parts else ""


def _about(pair: SessionDiff, diff: Diff) -> Iterator[str]:
    """How the sessions were found to belong together, or why one has no partner; and what of them was not compared."""
    if pair.a is None or pair.b is None:
        yield _why_alone(pair, diff)
    elif pair.paired_by != (NAMED,):
        yield pairing_text(pair.paired_by)
    in_a, in_b = pair.left_out
    if types := sorted({*in_a, *in_b}):
        counted = [f"{display.visible(name)} ({in_a.get(name, 0):,} in a, {in_b.get(name, 0):,} in b)" for name in types]
        yield f"not compared: {', '.join(counted)}"


def _why_alone(pair: SessionDiff, diff: Diff) -> str:
    session, side = (pair.a, "b") if pair.a is not None else (pair.b, "a")
    others = (other.b if side == "b" else other.a for other in diff.sessions)
    user = session.user if session is not None else None
    if user is None:
        return f"{side} has no session left for it"
    known = any(other is not None and other.user == user for other in others)
    return f"{display.visible(user)} {'has no session left' if known else 'is not'} in {side}"


def _session(session: Session) -> str:
    user = f" · {display.visible(session.user)}" if session.user else ""
    return f"session {session.id}{user} · {display.visible(session.path.partition('?')[0])}"


def _finding(finding: Finding, width: int) -> str:
    return display.pad(f"{finding.rule}  {display.visible(finding.message)}", max(40, width - 6)).rstrip()


def _span_change(change: SpanChange) -> str:
    """`tool search: completed in a, cut in b`"""
    record = change.record
    name = f"{record.span} {record.label}" if record.label else record.name
    in_a = f"{change.a.state} in a" if change.a else "not in a"
    return f"{name}: {in_a}, {f'{change.b.state} in b' if change.b else 'not in b'}"


class _DiffLines:
    def __init__(self, width: int) -> None:
        self._width = width
        self._half = (width - 7) // 2 if width >= WIDE else None

    def difference(self, row: Row) -> Iterator[str]:
        sign = _SIGNS[row.kind]
        if self._half is not None:
            left = display.pad(self._said(row.a, self._half), self._half) if row.a is not None else " " * self._half
            right = self._said(row.b, self._half) if row.b is not None else ""
            yield f"  {left} {sign} {right}".rstrip()
        elif row.kind in (Kind.ONLY_A, Kind.ONLY_B):
            yield f"  {sign} {self._said(row.said, self._width - 4)}"
        else:
            yield f"  {sign} {self._said(row.said, self._width - 4)}"
        if row.kind is Kind.MOVED and row.a is not None and row.b is not None:
            yield f"      in another order: {_frame(row.a)} of a, {_frame(row.b)} of b"
        if row.later_ns is not None:
            later = "later" if row.later_ns > 0 else "sooner"
            yield f"      {duration_text(abs(row.later_ns))} {later} than in a"
        for change in row.fields:
            yield from self._field(change)

    def _field(self, change: FieldChange) -> Iterator[str]:
        room = max(20, self._width - 12)
        note = f"   ({display.visible(change.note)})" if change.note else ""
        yield f"      {display.visible(change.path) or 'payload'}{note}"
        if change.a is not None:
            yield f"        - {_cut(change.a, room)}"
        if change.b is not None:
            yield f"        + {_cut(change.b, room)}"

    def _said(self, message: ComparedMessage, room: int) -> str:
        sign = "◀" if message.direction else "▶"
        if message.name in (OPEN, END):
            sign = "·"
        slice_ = " ".join(display.visible(str(value)) for _, value in message.chain[-1:])
        head = f"{clock(message.t_ns):>9} {sign} {display.pad(display.visible(message.shown_name), _TYPE_WIDTH)} {slice_}  "
        rest = room - display.cells(head)
        return _cut(head, room) if rest < 10 else (head + display.gist(message.payload, rest, message.name)).rstrip()


def _frame(message: ComparedMessage) -> str:
    """`frame 18`, or `event 2 of frame 18` where the frame has several."""
    place = _place(message)
    return f"event {place + 1} of frame {int(message.frame_id)}" if place else f"frame {int(message.frame_id)}"


def _place(message: ComparedMessage) -> int:
    """Its place among the events of its frame."""
    return message.frame_id.place if isinstance(message.frame_id, EventNumber) else 0


def _cut(text: str, room: int) -> str:
    return display.pad(display.visible(text), room).rstrip()


def json(diff: Diff, name_a: str, name_b: str) -> bytes:
    """The diff as one JSON document, version 1. Times are in seconds."""
    document = {
        "version": VERSION, "a": name_a, "b": name_b, "same": diff.same, "differences": diff.count,
        "sessions": [_json_session(session) for session in diff.sessions],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _json_session(session: SessionDiff) -> dict[str, Any]:
    return {
        "a": None if session.a is None else session.a.id, "b": None if session.b is None else session.b.id,
        "same": session.same, "paired_by": list(session.paired_by),
        "left_out": {"a": dict(session.left_out[0]), "b": dict(session.left_out[1])},
        "alike": session.alike, "differences": [_json_difference(difference) for difference in session.differences],
        "findings": {"only_a": [_json_finding(finding) for finding in session.findings_a],
                     "only_b": [_json_finding(finding) for finding in session.findings_b]},
        "spans": [_json_span_change(change) for change in session.spans],
    }  # fmt: skip


def _json_difference(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {
        "kind": row.kind.replace(" ", "_"), "type": row.said.shown_name, "dir": "s2c" if row.said.direction else "c2s",
        "slice": dict(row.said.chain), "a": _json_said(row.a), "b": _json_said(row.b),
    }  # fmt: skip
    if row.fields:
        line["fields"] = [_json_field(change) for change in row.fields]
    if row.later_ns is not None:
        line["later"] = row.later_ns / 1e9
    return line


def _json_field(change: FieldChange) -> dict[str, Any]:
    field = {"path": change.path, "a": _decoded(change.a), "b": _decoded(change.b)}
    return {**field, "note": change.note} if change.note else field


def _json_said(message: ComparedMessage | None) -> dict[str, Any] | None:
    if message is None:
        return None
    place = {"place": _place(message)} if _place(message) else {}
    return {"frame": int(message.frame_id) or None, **place, "t": message.t_ns / 1e9}


def _decoded(text: str | None) -> Any:
    """A value for the report; as text where it is no JSON, or nested so deep that the report could not be written around it."""
    if text is None:
        return None
    try:
        value = orjson.loads(text)
        if text.count("[") + text.count("{") > _SURELY_WRITTEN:
            orjson.dumps(_inside(value))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return text
    return value


def _inside(value: Any) -> Any:
    """As deep as a value of the report stands, and a little deeper."""
    for _ in range(_LEVELS_ABOVE):
        value = [value]
    return value


def _json_span_change(change: SpanChange) -> dict[str, Any]:
    record = change.record
    return {
        "span": record.span, "label": record.label or None, "a": _json_state(change.a), "b": _json_state(change.b),
    }  # fmt: skip


def _json_state(record: SpanRecord | None) -> dict[str, Any] | None:
    return None if record is None else {"state": record.state, "frame": record.start_frame}


def _json_finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule, "severity": str(finding.severity), "message": finding.message, "frames": list(finding.frames),
        "fingerprint": finding.fingerprint,
    }  # fmt: skip
