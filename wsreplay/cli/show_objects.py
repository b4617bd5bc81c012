"""Frames, faults and notes as JSON objects: what `wsreplay show --json` prints, a line each."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from wsreplay.cli.show_lines import Note
from wsreplay.cli.show_view import Item, Showing
from wsreplay.formats import jsonl_export as exchange
from wsreplay.model import FIN, MASKED, OPCODE_NAMES, Direction, Fault, Frame


def json_line(item: Item, view: Showing) -> bytes:
    if isinstance(item, Frame):
        return orjson.dumps(_frame_object(item, view))
    return orjson.dumps(_fault_object(item, view) if isinstance(item, Fault) else _note_object(item, view))


def _fault_object(fault: Fault, view: Showing) -> dict[str, Any]:
    session = view.sessions.get(fault.connection_id or 0)
    side = None if fault.direction is None else Direction(fault.direction).short
    detail = {"kind": fault.kind, "detail": fault.detail, "frame": fault.frame_id}
    return {
        "connection": fault.connection_id, "session": session and session.id, "t": exchange.seconds(fault.t_ns), "dir": side,
        "fault": detail,
    }  # fmt: skip


def _note_object(note: Note, view: Showing) -> dict[str, Any]:
    connection, gap = view.connections[note.connection_id], note.gap
    line: dict[str, Any] = {
        "connection": connection.id, "session": view.sessions[connection.id].id, "t": exchange.seconds(note.t_ns),
        "dir": None if gap is None else Direction(gap.direction).short,
    }  # fmt: skip
    if gap is not None:
        return line | {"gap": {"after": gap.after_frame_id, "reason": gap.reason, "bytes": gap.bytes}}
    ending = {
        "ending": str(connection.ending), "status": connection.status, "by": connection.closed_by,
        "code": connection.close_code, "reason": connection.close_reason, "error": connection.error,
    }  # fmt: skip
    return line | {"close": ending}


def _frame_object(frame: Frame, view: Showing) -> dict[str, Any]:
    types = view.reading.types(frame)
    line: dict[str, Any] = {
        "id": frame.id, "connection": frame.connection_id, "session": view.sessions[frame.connection_id].id,
        "user": view.connections[frame.connection_id].user, "seq": frame.seq, "t": exchange.seconds(frame.t_ns),
        "dir": Direction(frame.direction).short, "opcode": OPCODE_NAMES.get(frame.opcode, frame.opcode),
        "type": types[0] if types else None,
        "size": len(frame.payload), "fin": bool(frame.flags & FIN), "masked": bool(frame.flags & MASKED),
    }  # fmt: skip
    if view.reading.is_decoded(frame.connection_id) or len(types) > 1:
        line["decoder"] = view.reading.choice(frame.connection_id).name
        line["events"] = _events_of(frame, view)
    if types and (name := view.contract_name(types[0])) is not None:
        line["contract_type"] = name
    try:
        line["data"] = frame.payload.decode()
    except UnicodeDecodeError:
        line["base64"] = base64.b64encode(frame.payload).decode()
    return line


def _events_of(frame: Frame, view: Showing) -> list[dict[str, Any]]:
    return [
        {"type": event.type, "id": event.id, "role": str(event.role),
         "request": event.request and [event.request.frame, event.request.place], "frames": event.frames,
         "warning": event.warning}
        for event in view.reading.events(frame)
    ]  # fmt: skip
