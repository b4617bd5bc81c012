"""A recording as HAR 1.2 with `_webSocketMessages`, as Chrome's DevTools, Playwright and mitmproxy write it.

A HAR is less than a recording: it knows whole messages only, no control frames, and nothing of how a connection ended. What
we write says the latter in `_wsreplay`, which others pass over. The exchange format (JSON lines) is the one without loss.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

import wsreplay
from wsreplay.formats.conversation import iso
from wsreplay.model import Connection, Direction, Ending, Message, Opcode, Run, start_of
from wsreplay.store.reader import Recording

_EXPORTED = (Opcode.TEXT, Opcode.BINARY)


def export(recording: Recording, connections: list[Connection] | None = None) -> Iterator[bytes]:
    """A HAR document, in pieces of text that follow each other."""
    with recording.snapshot():
        yield b'{"log":{"version":"1.2","creator":' + orjson.dumps({"name": "wsreplay", "version": wsreplay.__version__})
        runs = {run.id: run for run in recording.runs()}
        if runs:
            last = max(runs.values(), key=lambda run: run.id)
            yield b',"_wsreplay":' + orjson.dumps({"reached": _epoch(last, recording.reached_ns())})
        yield b',"pages":[],"entries":['
        gaps = {gap.connection_id for gap in recording.gaps()}
        chosen = recording.connections() if connections is None else connections
        reached = recording.reached_ns()
        for number, connection in enumerate(sorted(chosen, key=lambda connection: (connection.opened_ns, connection.id))):
            entry = _entry(recording, connection, runs[connection.recording_id], reached)
            if connection.id in gaps:
                entry["comment"] = "The recording does not hold all bytes of this connection"
            yield (b",\n" if number else b"\n") + orjson.dumps(entry)
        yield b"]}}\n"


def _entry(recording: Recording, connection: Connection, run: Run, reached: int) -> dict[str, Any]:
    ended = reached if connection.closed_ns is None else connection.closed_ns
    messages = recording.messages(connections=[connection.id])
    exported = (message for message in messages if message.opcode in _EXPORTED)
    return {
        "startedDateTime": iso(_epoch(run, connection.opened_ns)),
        "time": (ended - connection.opened_ns) / 1e6,
        "request": _request(connection, run),
        "response": _response(connection),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": (ended - connection.opened_ns) / 1e6},
        "_resourceType": "websocket",
        "_webSocketMessages": [_message(message, _epoch(run, message.t_ns)) for message in exported],
        "_wsreplay": {"user": connection.user} | _end(connection, _epoch(run, ended)),
    }


def _epoch(run: Run, t_ns: int) -> float:
    """A time of the recording in seconds since the epoch."""
    return start_of(run.started_at).timestamp() + (t_ns - run.start_ns) / 1e9


def _request(connection: Connection, run: Run) -> dict[str, Any]:
    server = run.upstream if "://" in run.upstream else "ws://localhost"  # a socket file has no URL that others would know
    url = f"{server.rstrip('/')}{connection.path}"
    query = parse_qsl(urlsplit(connection.path).query, keep_blank_values=True)
    return {
        "method": "GET", "url": url, "httpVersion": "HTTP/1.1", "cookies": [], "headers": _named(connection.request_headers),
        "queryString": _named(tuple(query)), "headersSize": -1, "bodySize": 0,
    }  # fmt: skip


def _response(connection: Connection) -> dict[str, Any]:
    status = connection.status or 0
    return {
        "status": status, "statusText": "Switching Protocols" if status == 101 else "", "httpVersion": "HTTP/1.1",
        "cookies": [], "headers": _named(connection.response_headers), "content": {"size": 0, "mimeType": "", "text": ""},
        "redirectURL": "", "headersSize": -1, "bodySize": 0,
    }  # fmt: skip


def _named(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _message(message: Message, time: float) -> dict[str, Any]:
    kind = "receive" if message.direction == Direction.SERVER_TO_CLIENT else "send"
    entry: dict[str, Any] = {"type": kind, "time": time, "opcode": message.opcode}
    encoded = base64.b64encode(message.payload).decode()
    if message.opcode == Opcode.BINARY:
        return entry | {"data": encoded}
    try:
        return entry | {"data": message.payload.decode()}
    except UnicodeDecodeError:
        return entry | {"data": message.payload.decode(errors="replace"), "_base64": encoded}


def _end(connection: Connection, time: float) -> dict[str, Any]:
    if connection.ending in (Ending.OPEN, Ending.TRUNCATED):
        return {}
    detail = {"by": connection.closed_by, "code": connection.close_code, "reason": connection.close_reason}
    return {"ended": time, "ending": str(connection.ending)} | detail
