"""The JSONL exchange format, version 1: a recording as lines of JSON.

Export writes everything a recording holds, and leaves out what import finds by itself: the type of an event, the length of a
frame on the wire, its place in the stream, its mask. Import of an export gives the same recording.

    {"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z", "upstream": "ws://…"}
    {"connection": 1, "t": 0.0, "open": {"path": "/ws", "headers": [["authorization", "Bearer …"]], "user": "u1"}}
    {"connection": 1, "t": 0.002, "accept": {"status": 101, "headers": []}}
    {"connection": 1, "t": 0.01, "dir": "s2c", "opcode": "text", "data": "{\\"type\\":\\"agent_started\\"}"}
    {"connection": 1, "t": 0.02, "dir": "c2s", "opcode": "binary", "base64": "AAEC"}
    {"connection": 1, "t": 9.0, "close": {"by": "server", "code": 1000, "reason": ""}}

`t` is in seconds since the start. `docs/exchange-format.md` describes every line.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson

from wsreplay.model import FIN, MASKED, OPCODE_NAMES, Connection, Direction, Ending, Fault, Frame, Mark, Run
from wsreplay.store.reader import Recording
from wsreplay.trace.events import event_type

VERSION = 1
OPCODES = {name: number for number, name in OPCODE_NAMES.items()}


def seconds(ns: int) -> orjson.Fragment:
    """Nanoseconds as a JSON number of seconds, with all its digits and no more."""
    whole, rest = divmod(ns, 10**9)
    return orjson.Fragment(f"{whole}.{rest:09d}".rstrip("0") + ("0" if rest == 0 else ""))


def default_wire_length(payload_length: int, masked: bool) -> int:
    """The length of an uncompressed frame with its head in the shortest form (RFC 6455, section 5.2)."""
    extended = 0 if payload_length < 126 else 2 if payload_length < 65536 else 8
    return 2 + extended + (4 if masked else 0) + payload_length


def export(recording: Recording, connections: list[Connection] | None = None) -> Iterator[bytes]:
    """The lines of a recording, or of some of its connections, without line feeds."""
    with recording.snapshot():
        yield from map(orjson.dumps, _Export(recording, connections).lines())


def export_all_but_frames(recording: Recording) -> Iterator[bytes]:
    """The lines of what stands beside the frames, in an order in which import takes them: runs and beginnings, then what comes
    behind all frames."""
    with recording.snapshot():
        yield from map(orjson.dumps, _Export(recording, None).lines_but_frames())


class _Export:
    def __init__(self, recording: Recording, connections: list[Connection] | None) -> None:
        self._recording = recording
        self._whole = connections is None
        self._connections = recording.connections() if connections is None else connections
        self._ids = {connection.id for connection in self._connections}
        # by connection and direction: where the next frame would begin, and the fragments of a message so far
        self._offsets: dict[tuple[int, int], int] = {}
        self._messages: dict[tuple[int, int], list[Frame]] = {}

    def lines(self) -> Iterator[dict[str, Any]]:
        yield from self._runs()
        opens = sorted(self._connections, key=lambda connection: (connection.opened_ns, connection.id), reverse=True)
        ended = (connection for connection in self._connections if connection.closed_ns is not None)
        closes = sorted(ended, key=lambda connection: (connection.closed_ns or 0, connection.id), reverse=True)
        for frame in self._recording.frames(connections=None if self._whole else sorted(self._ids)):
            while opens and opens[-1].opened_ns <= frame.t_ns:
                yield from _opening(opens.pop())
            # A connection's frames may carry the very time of its end: the end comes behind them.
            while closes and (closes[-1].closed_ns or 0) < frame.t_ns:
                yield _closing(closes.pop())
            yield self._frame(frame)
        while opens:
            yield from _opening(opens.pop())
        while closes:
            yield _closing(closes.pop())
        yield from self._notes()

    def lines_but_frames(self) -> Iterator[dict[str, Any]]:
        yield from self._runs()
        for connection in self._connections:
            yield from _opening(connection)
        for connection in self._connections:
            if connection.closed_ns is not None:
                yield _closing(connection)
        yield from self._notes()

    def _runs(self) -> Iterator[dict[str, Any]]:
        runs = self._recording.runs()
        yield {"wsreplay": VERSION, **(_run(runs[0]) if runs else {})}
        for run in runs[1:]:
            yield {"run": run.id, "t": seconds(run.start_ns), **_run(run)}

    def _frame(self, frame: Frame) -> dict[str, Any]:
        place = frame.connection_id, frame.direction
        line: dict[str, Any] = {
            "connection": frame.connection_id,
            "t": seconds(frame.t_ns),
            "dir": Direction(frame.direction).short,
            "opcode": OPCODE_NAMES.get(frame.opcode, frame.opcode),
        }
        line |= _payload(frame.opcode, frame.payload)
        if not frame.flags & FIN:
            line["fin"] = False
        if rsv := frame.flags >> 1 & 7:
            line["rsv"] = [bit + 1 for bit in range(3) if rsv >> bit & 1]
        masked = bool(frame.flags & MASKED)
        if masked != (frame.direction == 0):
            line["masked"] = masked
        if frame.wire_length != default_wire_length(len(frame.payload), masked):
            line["wire_length"] = frame.wire_length
        if frame.offset != self._offsets.get(place, 0):
            line["offset"] = frame.offset
        self._offsets[place] = frame.offset + frame.wire_length
        if frame.type != self._found_type(frame):
            line["type"] = frame.type
        return line

    def _found_type(self, frame: Frame) -> str | None:
        """The type that import will find."""
        return found_type(self._messages, frame)

    def _notes(self) -> Iterator[dict[str, Any]]:
        recording, ids = self._recording, self._ids
        renumbered = {} if self._whole else {old: new for new, old in enumerate(recording.frame_ids(sorted(ids)), 1)}

        def place(frame_id: int | None) -> int | None:
            return frame_id if self._whole or frame_id is None else renumbered.get(frame_id, 0)

        for gap in recording.gaps():
            if gap.connection_id in ids:
                detail = {"after": place(gap.after_frame_id), "reason": gap.reason, "bytes": gap.bytes}
                yield {"connection": gap.connection_id, "dir": Direction(gap.direction).short, "gap": detail}
        for hold in recording.holds():
            yield {"t": seconds(hold.start_ns), "hold": {"until": seconds(hold.end_ns)}}
        for mark in sorted(recording.marks(), key=_id):
            if self._whole or mark.frame_id is None or mark.frame_id in renumbered:
                yield {"t": seconds(mark.t_ns), "mark": {"note": mark.note, "frame": place(mark.frame_id)}}
        for fault in sorted(recording.faults(), key=_id):
            if fault.connection_id is None or fault.connection_id in ids:
                direction = None if fault.direction is None else Direction(fault.direction).short
                detail = {"kind": fault.kind, "detail": fault.detail, "frame": place(fault.frame_id)}
                yield {"connection": fault.connection_id, "t": seconds(fault.t_ns), "dir": direction, "fault": detail}
        for connection_id, side, offset, t_ns, data in recording.tails():
            if connection_id in ids:
                where = {"connection": connection_id, "t": seconds(t_ns), "dir": Direction(side).short}
                yield {**where, "tail": {"offset": offset, "base64": base64.b64encode(data).decode()}}
        if self._whole:
            for contract, digest, body in recording.all_findings():
                yield {"finding": {"contract": contract, "digest": digest, "body": body}}


def _id(row: Mark | Fault) -> int:
    return row.id


def found_type(unfinished: dict[tuple[int, int], list[Frame]], frame: Frame) -> str | None:
    """The event type of the message that a frame completes. `unfinished` holds the fragments seen so far."""
    if frame.opcode >= 8:
        return None
    place = frame.connection_id, frame.direction
    parts = unfinished.setdefault(place, [])
    if frame.opcode:
        parts.clear()
    if frame.fin and not parts:
        return event_type(frame.payload) if frame.opcode == 1 else None
    parts.append(frame)
    if not frame.fin:
        return None
    del unfinished[place]
    return event_type(b"".join(part.payload for part in parts)) if parts[0].opcode == 1 else None


def _run(run: Run) -> dict[str, Any]:
    line: dict[str, Any] = {
        "started_at": run.started_at, "upstream": run.upstream, "listen": run.listen, "version": run.version,
        "reached": seconds(run.reached_ns), "options": run.options,
    }  # fmt: skip
    return line if run.ended_ns is None else {**line, "ended": seconds(run.ended_ns)}


def _opening(connection: Connection) -> Iterator[dict[str, Any]]:
    where = {"connection": connection.id, "t": seconds(connection.opened_ns)}
    details: dict[str, Any] = {"path": connection.path, "headers": connection.request_headers, "user": connection.user}
    if connection.peer is not None:
        details["peer"] = connection.peer
    if connection.recording_id != 1:
        details["run"] = connection.recording_id
    yield {**where, "open": details}
    if connection.status is not None:
        answer: dict[str, Any] = {"status": connection.status, "headers": connection.response_headers}
        answer |= {"subprotocol": connection.subprotocol, "extensions": connection.extensions}
        yield {**where, "accept": answer}


def _closing(connection: Connection) -> dict[str, Any]:
    assert connection.closed_ns is not None
    details: dict[str, Any] = {"by": connection.closed_by, "code": connection.close_code, "reason": connection.close_reason}
    details["ending"] = str(connection.ending)
    if connection.error is not None:
        details["error"] = connection.error
    return {"connection": connection.id, "t": seconds(connection.closed_ns), "close": details}


def _payload(opcode: int, payload: bytes) -> dict[str, str]:
    if opcode in (OPCODES["text"], OPCODES["continuation"]):
        try:
            return {"data": payload.decode()}
        except UnicodeDecodeError:
            pass
    return {"base64": base64.b64encode(payload).decode()}


def default_ending(by: str | None, code: int | None) -> Ending:
    """What a close line means that does not say its ending."""
    return Ending.DROPPED if by == "drop" or code is None else Ending.CLEAN
