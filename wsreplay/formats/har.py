"""HAR 1.2 with `_webSocketMessages`, as Chrome's DevTools, Playwright and mitmproxy write it, in and out.

A HAR is less than a recording: it knows whole messages only, no control frames, and nothing of how a connection ended. What
we write says the latter in `_wsreplay`, which others pass over. The exchange format (JSON lines) is the one without loss.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

import wsreplay
from wsreplay.errors import ImportFormatError
from wsreplay.formats.conversation import Conversation, Ended, Said, iso, nothing
from wsreplay.model import Connection, Direction, Ending, Headers, Message, Opcode, Run, start_of
from wsreplay.store.reader import Recording

# A message's time is in seconds (Chrome, mitmproxy) or milliseconds (Playwright) since the epoch: seconds reach this in 5138.
_SECONDS_BELOW = 1e11
_OPCODES = {Opcode.TEXT: "text", Opcode.BINARY: "binary"}


# Import.


def parse(data: bytes, name: str) -> dict[str, Any]:
    """A HAR document. Raises ImportFormatError."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        known = "neither JSON lines of wsreplay, nor HAR, nor a mitmproxy flow file"
        raise ImportFormatError(f"{known}: {error}", file=name) from None
    if not isinstance(document, dict) or "log" not in document:
        raise ImportFormatError("JSON, but no HAR: it has no `log`", file=name)
    return document


def read(document: dict[str, Any], name: str) -> list[Conversation]:
    """The WebSockets of a HAR. Raises ImportFormatError, which says which entry is wrong."""
    log = document.get("log")
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise ImportFormatError("no HAR: `log.entries` is no list", file=name)
    found = []
    without = 0
    for number, entry in enumerate(entries):
        try:
            if "_webSocketMessages" in entry:
                found.append(_conversation(entry))
            elif entry.get("_resourceType") == "websocket":
                without += 1
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            raise ImportFormatError(f"entry {number} of the HAR cannot be understood: {error!r}", file=name) from None
    if not found:
        if without:
            raise nothing(name, f"{without} are named without their messages (with Playwright, record with content: 'embed')")
        raise nothing(name, "none of the HAR's entries has `_webSocketMessages`")
    return found


def reached(document: dict[str, Any]) -> float | None:
    """How far the trace reaches, in seconds since the epoch, where we wrote it."""
    own = document["log"].get("_wsreplay")
    found = own.get("reached") if isinstance(own, dict) else None
    return found if isinstance(found, float) else None


def _conversation(entry: dict[str, Any]) -> Conversation:
    request, response, own = entry["request"], entry.get("response") or {}, entry.get("_wsreplay") or {}
    began = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    status = response.get("status") or None
    one = Conversation(
        str(request["url"]), began, _headers(request.get("headers")), None if status is None else int(status),
        _headers(response.get("headers")), [_said(each) for each in entry["_webSocketMessages"] if each["opcode"] in _OPCODES],
        more={"user": own["user"]} if "user" in own else {},
    )  # fmt: skip
    if "ending" in own:
        one.ended = Ended(_seconds(own["ended"]), own.get("by"), own.get("code"), own.get("reason"), str(Ending(own["ending"])))
    return one


def _said(message: dict[str, Any]) -> Said:
    opcode, data = message["opcode"], message["data"]
    if "_base64" in message:
        payload = base64.b64decode(message["_base64"], validate=True)
    elif opcode == Opcode.BINARY:
        payload = base64.b64decode(data, validate=True)
    else:
        payload = str(data).encode("utf-8", "replace")
    return Said(_seconds(message["time"]), message["type"] == "send", _OPCODES[opcode], payload)


def _seconds(time: float) -> float:
    seconds = float(time)
    return seconds if abs(seconds) < _SECONDS_BELOW else seconds / 1000


def _headers(headers: list[Any] | None) -> Headers:
    """Objects with name and value, or pairs."""
    pairs = ((one["name"], one["value"]) if isinstance(one, dict) else (one[0], one[1]) for one in headers or ())
    return tuple((str(name), str(value)) for name, value in pairs)


# Export.


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
        for number, connection in enumerate(sorted(chosen, key=lambda one: (one.opened_ns, one.id))):
            entry = _entry(recording, connection, runs[connection.recording_id], reached)
            if connection.id in gaps:
                entry["comment"] = "The recording does not hold all bytes of this connection"
            yield (b",\n" if number else b"\n") + orjson.dumps(entry)
        yield b"]}}\n"


def _entry(recording: Recording, connection: Connection, run: Run, reached: int) -> dict[str, Any]:
    ended = reached if connection.closed_ns is None else connection.closed_ns
    messages = recording.messages(connections=[connection.id])
    return {
        "startedDateTime": iso(_epoch(run, connection.opened_ns)),
        "time": (ended - connection.opened_ns) / 1e6,
        "request": _request(connection, run),
        "response": _response(connection),
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": (ended - connection.opened_ns) / 1e6},
        "_resourceType": "websocket",
        "_webSocketMessages": [_message(one, _epoch(run, one.t_ns)) for one in messages if one.opcode in _OPCODES],
        "_wsreplay": {"user": connection.user} | _end(connection, _epoch(run, ended)),
    }


def _epoch(run: Run, t_ns: int) -> float:
    """A time of the recording in seconds since the epoch."""
    return start_of(run.started_at).timestamp() + (t_ns - run.start_ns) / 1e9


def _request(connection: Connection, run: Run) -> dict[str, Any]:
    url = f"{run.upstream.rstrip('/')}{connection.path}"
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
    one: dict[str, Any] = {"type": kind, "time": time, "opcode": message.opcode}
    encoded = base64.b64encode(message.payload).decode()
    if message.opcode == Opcode.BINARY:
        return one | {"data": encoded}
    try:
        return one | {"data": message.payload.decode()}
    except UnicodeDecodeError:
        return one | {"data": message.payload.decode(errors="replace"), "_base64": encoded}


def _end(connection: Connection, time: float) -> dict[str, Any]:
    if connection.ending in (Ending.OPEN, Ending.TRUNCATED):
        return {}
    detail = {"by": connection.closed_by, "code": connection.close_code, "reason": connection.close_reason}
    return {"ended": time, "ending": str(connection.ending)} | detail
