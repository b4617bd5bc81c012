"""A diff told to people, side by side where there is room, and to programs as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from wsreplay import display
from wsreplay.diff.compare import FieldChange
from wsreplay.diff.conversation import END, OPEN, ComparedMessage
from wsreplay.diff.diff import Diff, SessionDiff
from wsreplay.diff.rows import Kind, Row
from wsreplay.model import Session
from wsreplay.units import clock, duration_text
from wsreplay.validator.findings import Finding

VERSION = 1
WIDE = 120  # cells from which on both sides stand beside each other
_SIGNS = {Kind.ONLY_A: "-", Kind.ONLY_B: "+", Kind.CHANGED: "~", Kind.MOVED: "↕", Kind.TIMING: "◷"}
_MOST = 1000  # differences told of one session, for people
_TYPE_WIDTH = 18
_LEVELS_ABOVE = 16
_SURELY_WRITTEN = 200  # levels of JSON; orjson reads 1,024, and writes 254


def text(diff: Diff, name_a: str, name_b: str, width: int = 100) -> Iterator[str]:
    """Lines for people."""
    yield f"a  {display.visible(name_a)}"
    yield f"b  {display.visible(name_b)}"
    for one in diff.sessions:
        yield ""
        yield _heading(one)
        lines = _Lines(width)
        for difference in one.differences[:_MOST]:
            yield from lines.difference(difference)
        if len(one.differences) > _MOST:
            yield f"  … and {len(one.differences) - _MOST:,} more"
        yield from (f"  - ✗ {_finding(finding, width)}" for finding in one.findings_a)
        yield from (f"  + ✗ {_finding(finding, width)}" for finding in one.findings_b)
    yield ""
    yield "no difference" if diff.same else f"{diff.count:,} difference{'' if diff.count == 1 else 's'}"


def _heading(one: SessionDiff) -> str:
    if one.a is None or one.b is None:
        session, side = (one.a, "a") if one.b is None else (one.b, "b")
        assert session is not None
        return f"── only in {side}: {_session(session)}"
    both = f"{_session(one.a)} ⇄ {_session(one.b)}" if _session(one.a) != _session(one.b) else _session(one.a)
    return f"── {both}   {one.alike:,} alike" + ("" if one.same else f", {len(one.differences):,} different")


def _session(session: Session) -> str:
    user = f" · {display.visible(session.user)}" if session.user else ""
    return f"session {session.id}{user} · {display.visible(session.path.partition('?')[0])}"


def _finding(finding: Finding, width: int) -> str:
    return display.pad(f"{finding.rule}  {display.visible(finding.message)}", max(40, width - 6)).rstrip()


class _Lines:
    def __init__(self, width: int) -> None:
        self._width = width
        self._half = (width - 7) // 2 if width >= WIDE else None

    def difference(self, one: Row) -> Iterator[str]:
        sign = _SIGNS[one.kind]
        if self._half is not None:
            left = display.pad(self._said(one.a, self._half), self._half) if one.a is not None else " " * self._half
            right = self._said(one.b, self._half) if one.b is not None else ""
            yield f"  {left} {sign} {right}".rstrip()
        elif one.kind in (Kind.ONLY_A, Kind.ONLY_B):
            yield f"  {sign} {self._said(one.said, self._width - 4)}"
        else:
            yield f"  {sign} {self._said(one.said, self._width - 4)}"
        if one.kind is Kind.MOVED and one.a is not None and one.b is not None:
            yield f"      in another order: frame {one.a.frame_id} of a, frame {one.b.frame_id} of b"
        if one.later_ns is not None:
            later = "later" if one.later_ns > 0 else "sooner"
            yield f"      {duration_text(abs(one.later_ns))} {later} than in a"
        for change in one.fields:
            yield from self._field(change)

    def _field(self, change: FieldChange) -> Iterator[str]:
        room = max(20, self._width - 12)
        note = f"   ({display.visible(change.note)})" if change.note else ""
        yield f"      {display.visible(change.path) or 'payload'}{note}"
        if change.a is not None:
            yield f"        - {_cut(change.a, room)}"
        if change.b is not None:
            yield f"        + {_cut(change.b, room)}"

    def _said(self, said: ComparedMessage, room: int) -> str:
        sign = "◀" if said.direction else "▶"
        if said.name in (OPEN, END):
            sign = "·"
        slice_ = " ".join(display.visible(str(value)) for _, value in said.chain[-1:])
        head = f"{clock(said.t_ns):>9} {sign} {display.pad(display.visible(said.name), _TYPE_WIDTH)} {slice_}  "
        rest = room - display.cells(head)
        return _cut(head, room) if rest < 10 else head + display.gist(said.payload, rest)


def _cut(text: str, room: int) -> str:
    return display.pad(display.visible(text), room).rstrip()


def json(diff: Diff, name_a: str, name_b: str) -> bytes:
    """The diff as one JSON document, version 1. Times are in seconds."""
    document = {
        "version": VERSION, "a": name_a, "b": name_b, "same": diff.same, "differences": diff.count,
        "sessions": [_json_session(one) for one in diff.sessions],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _json_session(one: SessionDiff) -> dict[str, Any]:
    return {
        "a": None if one.a is None else one.a.id, "b": None if one.b is None else one.b.id, "same": one.same,
        "alike": one.alike, "differences": [_json_difference(each) for each in one.differences],
        "findings": {"only_a": [_json_finding(each) for each in one.findings_a],
                     "only_b": [_json_finding(each) for each in one.findings_b]},
    }  # fmt: skip


def _json_difference(one: Row) -> dict[str, Any]:
    line: dict[str, Any] = {
        "kind": one.kind.replace(" ", "_"), "type": one.said.name, "dir": "s2c" if one.said.direction else "c2s",
        "slice": dict(one.said.chain), "a": _json_said(one.a), "b": _json_said(one.b),
    }  # fmt: skip
    if one.fields:
        line["fields"] = [_json_field(change) for change in one.fields]
    if one.later_ns is not None:
        line["later"] = one.later_ns / 1e9
    return line


def _json_field(change: FieldChange) -> dict[str, Any]:
    field = {"path": change.path, "a": _decoded(change.a), "b": _decoded(change.b)}
    return {**field, "note": change.note} if change.note else field


def _json_said(said: ComparedMessage | None) -> dict[str, Any] | None:
    return None if said is None else {"frame": said.frame_id or None, "t": said.t_ns / 1e9}


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


def _json_finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule, "severity": str(finding.severity), "message": finding.message, "frames": list(finding.frames),
        "fingerprint": finding.fingerprint,
    }  # fmt: skip
