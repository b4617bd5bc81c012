"""HARs and flow files as other programs write them, made of a few words; what becomes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsreplay.model import Connection, Gap
from wsreplay.store.reader import Recording
from wsreplay.store.verify import FRAME_DAMAGE

T = 1772359200.0  # 2026-03-01T10:00:00Z
CHAT, STARTED = '{"type":"chat","thread_id":"t1"}', '{"type":"agent_started","thread_id":"t1"}'
SEND = {"type": "send", "time": T + 0.1, "opcode": 1, "data": CHAT}
RECEIVE = {"type": "receive", "time": T + 0.2, "opcode": 1, "data": STARTED}


def entry(*messages: Any, response: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A WebSocket of a HAR; a member that is to be missing is given as `...`."""
    members: dict[str, Any] = {
        "startedDateTime": "2026-03-01T10:00:00.000Z", "time": 1000, "_resourceType": "websocket",
        "request": {"method": "GET", "url": "wss://chat.example/ws?room=1", "headers": [{"name": "Host", "value": "h"}]},
        "response": {"status": 101, "headers": [], "content": {}} | (response or {}),
        "_webSocketMessages": list(messages),
    } | more  # fmt: skip
    return {name: member for name, member in members.items() if member is not ...}


def har(*entries: Any, **log: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "pages": [], **log, "entries": list(entries)}}).encode()


@dataclass
class Imported:
    """A recording that was made, and what was said."""

    remarks: list[str]
    connections: list[Connection]
    messages: list[tuple[int, str, int, bytes]]  # connection, direction, opcode, payload
    gaps: list[Gap]
    times: list[int]  # of the messages, in ms

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(direction, payload.decode()) for _, direction, _, payload in self.messages]


GOOD = [("c2s", CHAT), ("s2c", STARTED)]


def read(out: Path, remarks: list[str]) -> Imported:
    """All of a recording, with the checks of whoever opens one, and those that are made only where something is wrong."""
    with Recording.open(out) as recording:
        assert list(recording.query(f"SELECT count(*) FROM frame WHERE {FRAME_DAMAGE}")) == [(0,)]
        messages = list(recording.messages())
        rows = [(one.connection_id, "s2c" if one.direction else "c2s", one.opcode, one.payload) for one in messages]
        times = [round(one.t_ns / 1e6) for one in messages]
        return Imported(remarks, recording.connections(), rows, recording.gaps(), times)


def netstring(value: Any) -> bytes:
    """A tnetstring as mitmproxy writes it."""
    match value:
        case None:
            data, kind = b"", b"~"
        case bool():
            data, kind = str(value).lower().encode(), b"!"
        case int():
            data, kind = b"%d" % value if abs(value) < 2**200 else b"9" * 5000, b"#"
        case float():
            data, kind = repr(value).encode(), b"^"
        case str():
            data, kind = value.encode("utf-8", "replace"), b";"
        case bytes():
            data, kind = value, b","
        case dict():
            data, kind = b"".join(netstring(part) for pair in value.items() for part in pair), b"}"
        case _:
            data, kind = b"".join(map(netstring, value)), b"]"
    return b"%d:" % len(data) + data + kind


FLOW = {
    "version": 21, "type": "http", "error": None, "client_conn": {"peername": ["127.0.0.1", 5]},
    "request": {"scheme": b"http", "path": b"/ws", "authority": b"", "host": "h", "port": 80, "timestamp_start": T,
                "headers": [[b"Upgrade", b"websocket"]]},
    "response": {"status_code": 101, "headers": [[b"A", b"b"]]},
    "websocket": {
        "messages": [[1, True, b"{}", T + 1, False, False], [2, False, b"\0", T + 2, True, False]],
        "timestamp_end": T + 3, "closed_by_client": False, "close_code": 1011, "close_reason": "boom",
    },
}  # fmt: skip


def told(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message with other members; `...` stands for one that it lacks."""
    return {name: member for name, member in (message | more).items() if member is not ...}
