"""WebSockets as other programs' files tell them, turned into lines of the exchange format."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import VERSION
from wsreplay.model import Ending, Headers

_SCHEMES = {"http": "ws", "https": "wss"}
_LATEST = 253_402_300_799  # the last second of the year 9999


@dataclass(slots=True)
class Said:
    """One message; `t` is in seconds since the epoch. `fault` says what the program itself did: drop, inject."""

    t: float
    from_client: bool
    opcode: str  # text, binary
    payload: bytes
    fault: str | None = None


@dataclass(slots=True)
class Ended:
    """How a connection ended; `code` is None where there was no close frame."""

    t: float
    by: str | None
    code: int | None
    reason: str | None = None
    ending: str = Ending.CLEAN


@dataclass(slots=True)
class Conversation:
    """One WebSocket. Raises ValueError or TypeError where its URL or its time is none."""

    url: str
    t: float
    headers: Headers
    status: int | None
    response_headers: Headers
    messages: list[Said]
    ended: Ended | None = None
    peer: str | None = None
    more: dict[str, Any] = field(default_factory=dict)  # what the line `open` says beside
    parts: SplitResult = field(init=False)
    subprotocol: str | None = field(default=None, init=False)
    extensions: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.parts = urlsplit(self.url)
        if not 0 <= self.t <= _LATEST:
            raise ValueError(f"{self.t!r} is not a time in seconds since 1970")
        for name, value in self.response_headers:
            if name.lower() == "sec-websocket-protocol":
                self.subprotocol = value
            elif name.lower() == "sec-websocket-extensions":
                self.extensions = value


def lines(conversations: list[Conversation], reached: float | None = None) -> Iterator[dict[str, Any]]:
    """Conversations, one at least, as lines of the exchange format in the order of their times.

    `reached` says how far the trace reaches, in seconds since the epoch, where that is known.
    """
    conversations.sort(key=lambda one: one.t)
    began = conversations[0].t
    header = {"wsreplay": VERSION, "started_at": iso(began), "upstream": _server(conversations[0].parts)}
    yield header if reached is None else header | {"reached": max(0.0, reached - began)}
    streams = (_told(number, one, began) for number, one in enumerate(conversations, 1))
    yield from heapq.merge(*streams, key=lambda line: line["t"])


def _told(number: int, one: Conversation, began: float) -> Iterator[dict[str, Any]]:
    """The lines of one conversation; its times never go back."""
    last = 0.0

    def at(t: float) -> dict[str, Any]:
        nonlocal last
        last = max(last, t - began)
        return {"connection": number, "t": last}

    path = urlunsplit(("", "", one.parts.path or "/", one.parts.query, ""))
    yield at(one.t) | {"open": {"path": path, "headers": list(one.headers), "peer": one.peer, **one.more}}
    if one.status is not None:
        answer = {"status": one.status, "headers": list(one.response_headers)}
        yield at(one.t) | {"accept": answer | {"subprotocol": one.subprotocol, "extensions": one.extensions}}
    for said in one.messages:
        side = {"dir": "c2s" if said.from_client else "s2c"}
        if said.fault is not None:
            yield at(said.t) | side | {"fault": {"kind": said.fault, "detail": "by mitmproxy"}}
        if said.fault != "drop":
            yield at(said.t) | side | {"opcode": said.opcode, "base64": base64.b64encode(said.payload).decode()}
    if one.ended is not None:
        end = one.ended
        yield at(end.t) | {"close": {"by": end.by, "code": end.code, "reason": end.reason, "ending": str(end.ending)}}


def _server(parts: SplitResult) -> str:
    return f"{_SCHEMES.get(parts.scheme, parts.scheme)}://{parts.netloc}"


def iso(t: float) -> str:
    """Seconds since the epoch as ISO 8601, UTC."""
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def nothing(name: str, why: str) -> ImportFormatError:
    return ImportFormatError(f"there is no WebSocket in it: {why}", file=name)
