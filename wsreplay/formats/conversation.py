"""WebSockets as other programs' files tell them, turned into lines of the exchange format."""

from __future__ import annotations

import base64
import heapq
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import VERSION
from wsreplay.formats.remarks import Remarks
from wsreplay.model import OPCODE_NAMES, Ending, Headers, Opcode
from wsreplay.trace.endings import close_of

_SCHEMES = {"http": "ws", "https": "wss"}
_IN_MEMORY = 32 * 2**20  # bytes of payloads
_SHORT = 128  # bytes, at least those of a control frame
_LATEST = 4_102_444_800  # the end of the year 2099: see model.start_of
# Close codes that say why no close frame came, and are never in one (RFC 6455, section 7.4.1).
NO_CODE, ABNORMAL, TLS_FAILED = 1005, 1006, 1015
NEVER_SENT = (NO_CODE, ABNORMAL, TLS_FAILED)


class Payloads:
    """The payloads of a file's messages until they are written: in memory, or where they are many, on disk."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed with this
        # of what was written, in bytes
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keep(self, payload: bytes) -> bytes | tuple[int, int]:
        """A short payload itself, or the place by which `read` finds it."""
        if len(payload) <= _SHORT:
            return payload
        place = self._end, len(payload)
        self._file.seek(self._end)
        self._file.write(payload)
        self._end += len(payload)
        return place

    def read(self, place: bytes | tuple[int, int]) -> bytes:
        """The payload that `keep` gave this place to."""
        if isinstance(place, bytes):
            return place
        self._file.seek(place[0])
        return self._file.read(place[1])


@dataclass(slots=True)
class ReadMessage:
    """A message or control frame; `t` is in seconds since the epoch, None where the file does not say it.

    `fault` says what the program itself did: drop, inject. `missing` says why there is no payload: it could not be read, and
    becomes a gap, in both directions where it is not known who sent it.
    """

    t: float | None
    from_client: bool | None
    opcode: int
    # as `Payloads.keep` gives it; `fin` where it ends the message
    payload: bytes | tuple[int, int] = b""
    fin: bool = True
    fault: str | None = None
    missing: str | None = None


@dataclass(slots=True)
class ReadEnd:
    """How a connection ended; `code` is None where there was no close frame, or none in it."""

    t: float | None
    by: str | None
    code: int | None
    # None where it is not known
    reason: str | None = None
    ending: str = Ending.CLEAN
    # what the file says of a failure, for people
    error: str | None = None


@dataclass(slots=True)
class ReadConversation:
    """One WebSocket; `t` is when it was opened, in seconds since the epoch."""

    url: str
    t: float
    headers: Headers
    status: int | None
    response_headers: Headers
    messages: list[ReadMessage]
    # None where the file does not say it
    ended: ReadEnd | None = None
    # the client's address
    peer: str | None = None
    more: dict[str, Any] = field(default_factory=dict)  # what the line `open` says beside

    def response_header(self, name: str) -> str | None:
        """The last one of this name."""
        return next((value for key, value in reversed(self.response_headers) if key.lower() == name), None)


def is_time(t: float) -> bool:
    """Whether it is a time since 1970 that a recording can have."""
    return 0 <= t < _LATEST


def put_in_order(conversation: ReadConversation, place: str, remarks: Remarks) -> None:
    """Give each message a time, and put them in the order of their times, which is then the order of the recording."""
    last = conversation.t
    for number, message in enumerate(conversation.messages, 1):
        if message.t is None:
            message.t = last
            if message.missing is None:
                remarks.add(place, "it has no valid time: the time of the message before it is used", f"message {number}")
        last = message.t
    times = [message.t or 0.0 for message in conversation.messages]
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        remarks.add(place, "the messages were not in order of time: they were sorted")
        conversation.messages.sort(key=lambda message: message.t or 0.0)
    conversation.t = min([conversation.t, *times])


def lines(
    conversations: list[ReadConversation], payloads: Payloads, reached: float | None = None
) -> Iterator[dict[str, Any]]:
    """Conversations, one at least, as lines of the exchange format in the order of their times.

    `reached` says how far the trace reaches, in seconds since the epoch, where that is known.
    """
    conversations.sort(key=lambda conversation: conversation.t)
    began = conversations[0].t
    header = {"wsreplay": VERSION, "started_at": iso(began), "upstream": _server(conversations[0].url)}
    yield header if reached is None else header | {"reached": max(0.0, reached - began)}
    streams = (_lines_of(number, conversation, began, payloads) for number, conversation in enumerate(conversations, 1))
    yield from heapq.merge(*streams, key=lambda line: line["t"])


def _lines_of(number: int, conversation: ReadConversation, began: float, payloads: Payloads) -> Iterator[dict[str, Any]]:
    """The lines of one conversation; its times never go back."""
    last = 0.0

    def at(t: float | None) -> dict[str, Any]:
        nonlocal last
        last = max(last, round((t or 0.0) - began, 6))  # a double holds no more digits of a time since 1970
        return {"connection": number, "t": last}

    parts = split_url(conversation.url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    details = {"path": path, "headers": list(conversation.headers), "peer": conversation.peer, **conversation.more}
    yield at(conversation.t) | {"open": details}
    if conversation.status is not None:
        answer = {"status": conversation.status, "headers": list(conversation.response_headers)}
        answer["subprotocol"] = conversation.response_header("sec-websocket-protocol")
        answer["extensions"] = conversation.response_header("sec-websocket-extensions")
        yield at(conversation.t) | {"accept": answer}
    for message in conversation.messages:
        sides = ("c2s",) if message.from_client else ("s2c",) if message.from_client is not None else ("c2s", "s2c")
        if message.missing is not None:
            for side in sides:
                yield at(message.t) | {"dir": side, "gap": {"reason": f"not imported: {message.missing}"}}
            continue
        where = at(message.t) | {"dir": sides[0]}
        if message.fault is not None:
            yield where | {"fault": {"kind": message.fault, "detail": "by mitmproxy"}}
        if message.fault != "drop":
            payload = payloads.read(message.payload)
            line = where | {"opcode": OPCODE_NAMES.get(message.opcode, message.opcode)}
            yield line | {"base64": base64.b64encode(payload).decode()} | ({} if message.fin else {"fin": False})
    if (end := conversation.ended) is not None:
        ending = {"by": end.by, "code": end.code, "reason": end.reason, "ending": str(end.ending), "error": end.error}
        yield at(end.t) | {"close": ending}


def close_payload(code: int | None, reason: str | None) -> bytes:
    """What a close frame carries (RFC 6455, section 5.5.1): at most 125 bytes."""
    if code is None or code in NEVER_SENT:
        return b""
    text = (reason or "").encode("utf-8", "replace")[:123]
    return code.to_bytes(2, "big") + text.decode(errors="ignore").encode()


def end_by_close_frame(messages: list[ReadMessage]) -> ReadEnd | None:
    """The end that the first close frame among messages tells."""
    for message in messages:
        if message.opcode == Opcode.CLOSE and isinstance(message.payload, bytes) and message.missing is None:
            code, reason = close_of(message.payload)
            return ReadEnd(message.t, "client" if message.from_client else "server", code, reason)
    return None


def split_url(url: str) -> SplitResult:
    """Of what cannot be split, all of it is the path."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "/" + url.lstrip("/"), "", "")


def _server(url: str) -> str:
    parts = split_url(url)
    return f"{_SCHEMES.get(parts.scheme, parts.scheme)}://{parts.netloc}"


def iso(t: float) -> str:
    """Seconds since the epoch as ISO 8601, UTC."""
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def nothing(name: str, why: str) -> ImportFormatError:
    """The error of a file without any WebSocket, to be raised; `why` is what it holds instead."""
    return ImportFormatError(f"no WebSocket found in it: {why}", file=name)
