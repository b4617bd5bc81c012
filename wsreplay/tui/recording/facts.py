"""What is known of a frame beside its payload, and of its findings: lines of (kind, text) for the detail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from wsreplay import units
from wsreplay.contract.event_words import merge_alike
from wsreplay.display import close_text, user_text
from wsreplay.model import OPCODE_NAMES, Connection, Fault, Frame, Mark
from wsreplay.trace.endings import ending_whole
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.summary import decoded

if TYPE_CHECKING:
    from wsreplay.tui.recording.clock import ShownClock
    from wsreplay.tui.recording.extra_rows import OwedRow
    from wsreplay.validator.findings import Finding

LineKind = Literal["head", "plain", "dim", "accent", "error", "warning", "info", "ok", "code", "json"]
DetailLine = tuple[LineKind, str]
"""(how to paint it, the text)"""

_GRAVITY: Mapping[str, LineKind] = {"error": "error", "warning": "warning", "info": "info"}

_FLAGS = ((1, "fin"), (2, "rsv1"), (4, "rsv2"), (8, "rsv3"), (16, "masked"))


def frame_facts(
    frame: Frame, connection: Connection | None, session: int | None, clock: ShownClock, read_by: str = ""
) -> list[DetailLine]:
    """Everything the recording holds of a frame and its connection, but for the payload; `read_by` is its decoder."""
    direction = "server to client" if frame.direction else "client to server"
    facts: list[tuple[str, object]] = [
        ("frame", f"{frame.id} (number {frame.seq} of its connection)"),
        ("time", f"{clock.text(frame.t_ns)}   {frame.t_ns:,} ns"),
        ("clock", clock.date_text(frame.t_ns)),
        ("direction", direction),
        ("opcode", f"{OPCODE_NAMES.get(frame.opcode, '?')} (0x{frame.opcode:x})"),
        ("flags", " ".join(name for bit, name in _FLAGS if frame.flags & bit) or "none"),
        ("type", frame.type),
        ("read by", read_by),
        ("payload", f"{len(frame.payload):,} bytes"),
        ("on the wire", f"{frame.wire_length:,} bytes at offset {frame.offset:,}"),
    ]
    if frame.opcode == 8:
        facts.append(("close", decoded(close_text(frame.payload)) or "no code"))
    lines = [("head", "frame"), *_named(facts)]
    return lines + connection_facts(connection, session, clock) if connection else lines


def connection_facts(connection: Connection, session: int | None, clock: ShownClock) -> list[DetailLine]:
    closed = connection.closed_ns
    facts: list[tuple[str, object]] = [
        ("number", f"{connection.id}, in session {session}"), ("user", user_text(connection.user) if connection.user else None),
        ("path", connection.path),
        ("peer", connection.peer), ("subprotocol", connection.subprotocol), ("extensions", connection.extensions),
        ("opened", clock.text(connection.opened_ns)),
        ("closed", clock.text(closed) if closed is not None else None),
        ("ended", ending_whole(connection)), ("error", connection.error), ("status", connection.status),
    ]  # fmt: skip
    lines: list[DetailLine] = [("plain", ""), ("head", "connection"), *_named(facts)]
    for title, headers in (("request headers", connection.request_headers), ("response headers", connection.response_headers)):
        if headers:
            lines += [("plain", ""), ("head", title), *(("plain", f"{name}: {value}") for name, value in headers)]
    return lines


def fault_facts(fault: Fault, session: int | None, clock: ShownClock) -> list[DetailLine]:
    """A fault that was injected: what was done, when, and into what."""
    directions = {0: "client to server", 1: "server to client"}
    facts: list[tuple[str, object]] = [
        ("kind", fault.kind),
        ("what", fault.detail),
        ("time", f"{clock.text(fault.t_ns)}   {fault.t_ns:,} ns"),
        ("direction", directions.get(fault.direction) if fault.direction is not None else None),
        ("connection", f"{fault.connection_id}, in session {session}" if fault.connection_id is not None else None),
        ("after", f"frame {fault.frame_id}" if fault.frame_id is not None else None),
    ]
    why = "wsreplay injected this on purpose; neither client nor backend is at fault."
    return [("head", "injected fault"), *_named(facts), ("plain", ""), ("dim", why)]


def owed_facts(item: OwedRow, clock: ShownClock) -> list[DetailLine]:
    """What is still to come, and until when."""
    facts: list[tuple[str, object]] = [
        ("expected", " or ".join(item.types)),
        ("due by", clock.text(item.until_ns)),
        ("began with", f"frame {item.start_frame}"),
    ]
    return [("head", f"{item.name}: still due"), *_named(facts)]


def note_facts(mark: Mark, clock: ShownClock, key: str) -> list[DetailLine]:
    """A note that was left at a time, and the key that changes it."""
    how: list[DetailLine] = [("plain", ""), ("dim", f"{key} edits the note; an empty text removes it")]
    return [("head", mark.note), *_named([("time", f"{clock.text(mark.t_ns)}   {mark.t_ns:,} ns")]), *how]


def _named(facts: Iterable[tuple[str, object]]) -> list[DetailLine]:
    return [("plain", f"{name:<12} {value}") for name, value in facts if value not in (None, "")]


def kind_of(finding: Finding) -> LineKind:
    """How a sentence about a finding is painted."""
    return _GRAVITY[finding.severity]


def finding_facts(finding: Finding, words: Sequence[str], contract: str, clock: ShownClock) -> list[DetailLine]:
    """A finding in full, with the contract's own words."""
    from wsreplay.report.timeline import why_decided  # the first screen does without the validator

    lines: list[DetailLine] = [(kind_of(finding), finding.message)]
    frames = ", ".join(map(str, finding.frames))
    facts: list[tuple[str, object]] = [
        ("rule", f"{finding.rule} ({finding.severity})"),
        ("kind", finding.kind),
        ("expected", " or ".join(merge_alike(finding.expected))),
        ("due by", clock.text(finding.until) if finding.until is not None else None),
        ("seen", finding.seen),
        ("late by", units.duration_text(finding.late_by) if finding.late_by else None),
        ("time", clock.text(moment(finding))),
        ("decided at", f"{clock.text(finding.decided_at)}, {why_decided(finding)}"),
        ("belongs to", "  ".join(f"{name} {value}" for name, value in finding.slice)),
        ("began with", f"frame {finding.activation}" if finding.activation else None),
        ("witness", f"frame{'s' if len(finding.frames) > 1 else ''} {frames}" if frames else None),
        ("blame", finding.blame),
        ("follows", "from another finding" if finding.caused_by else None),
    ]
    lines += _named(facts)
    return lines + rule_facts(words, contract, finding.line)


def rule_facts(words: Sequence[str], contract: str, line: int | None) -> list[DetailLine]:
    """A rule as it stands in its contract."""
    return [("plain", ""), ("dim", f"{contract}:{line}"), *(("code", text) for text in words)] if words else []

