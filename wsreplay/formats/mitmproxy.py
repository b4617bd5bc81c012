"""mitmproxy's flow files, as `mitmdump -w` writes them: one tnetstring a flow.

A WebSocket is an HTTP flow with a `websocket`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, TypeVar

from wsreplay.errors import ImportFormatError
from wsreplay.formats.conversation import (
    ABNORMAL,
    NEVER_SENT,
    Payloads,
    ReadConversation,
    ReadEnd,
    ReadMessage,
    is_time,
    put_in_order,
)
from wsreplay.formats.remarks import Remarks
from wsreplay.formats.tnetstring import LONGEST, Damaged, TooLarge, values
from wsreplay.model import Ending, Headers

# Since this version of the format a WebSocket is an HTTP flow (mitmproxy 7).
_OLDEST = 11
_LEFT_OUT = "left out"
_Kind = TypeVar("_Kind")


class _Odd(Exception):
    """Why a flow, or a message of one, cannot be understood."""


def read(stream: BinaryIO, name: str, remarks: Remarks, payloads: Payloads) -> list[ReadConversation]:
    """The WebSockets of a flow file, as far as it is whole. Raises ImportFormatError where nothing of it is."""
    conversations: list[ReadConversation] = []
    count = 0
    try:
        for offset, flow in values(stream):
            count += 1
            conversation = _flow(flow, f"the flow at byte {offset}", remarks, payloads)
            if conversation is not None:
                conversations.append(conversation)
    except Damaged as damage:
        what = f"byte {damage.position}: {damage}"
        if damage.end is not None:
            what = f"cut off at byte {damage.end}, in the flow that begins at byte {damage.position}"
        if not count:
            raise ImportFormatError(f"{what}; no flow before it is complete", file=name) from None
        whole = "1 flow before it is complete" if count == 1 else f"{count:,} flows before it are complete"
        remarks.add("", f"{what}: {whole}, the rest is ignored")
    return conversations


def _flow(flow: Any, place: str, remarks: Remarks, payloads: Payloads) -> ReadConversation | None:
    if isinstance(flow, TooLarge):
        remarks.add(place, f"it is longer than {LONGEST // 2**20} MiB, the most that import reads: {_LEFT_OUT}")
        return None
    version = flow.get("version") if isinstance(flow, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < _OLDEST:
        what = "not a flow of mitmproxy" if version is None else f"written by an older mitmproxy (format {version!r})"
        remarks.add(place, f"{what}; load and save it with mitmproxy 7 or newer: {_LEFT_OUT}")
        return None
    try:
        return _conversation(flow, place, remarks, payloads)
    except _Odd as odd:
        remarks.add(place, f"{odd}: {_LEFT_OUT}")
        return None


def _conversation(flow: dict[str, Any], place: str, remarks: Remarks, payloads: Payloads) -> ReadConversation | None:
    socket = _get(flow, "websocket", dict, None)
    request, response = _get(flow, "request", dict, None), _get(flow, "response", dict, None)
    error = _get(flow, "error", dict, None)
    if socket is None and not (request and _asks_for_websocket(request)):
        return None  # another kind of flow
    if request is None:
        raise _Odd("it has no request")
    scheme, path = _text(_get(request, "scheme", bytes, b"ws")), _text(_get(request, "path", bytes, b"/"))
    host = _text(_get(request, "authority", bytes, b"")) or f"{_get(request, 'host', str, '')}:{_get(request, 'port', int, 0)}"
    began = _time(request.get("timestamp_start"))
    if began is None:
        raise _Odd("its request has no time")
    status = _get(response, "status_code", int, None) if response else None
    messages = []
    for number, message in enumerate(_get(socket, "messages", list, []) if socket else (), 1):
        messages.append(_message(message, payloads, partial(remarks.add, place, item=f"message {number}")))
    conversation = ReadConversation(
        f"{scheme}://{host}{path}", began, _headers(request), status if status is None or 100 <= status <= 999 else None,
        _headers(response) if response else (), messages, peer=_peer(flow),
    )  # fmt: skip
    put_in_order(conversation, place, remarks)
    conversation.ended = _end(socket, error, conversation)
    return conversation


def _asks_for_websocket(request: dict[str, Any]) -> bool:
    return any(name.lower() == "upgrade" and "websocket" in value.lower() for name, value in _headers(request))


def _end(socket: dict[str, Any] | None, error: dict[str, Any] | None, conversation: ReadConversation) -> ReadEnd | None:
    message = _text(_get(error, "msg", str, "an error")) if error else None
    at = _time(error.get("timestamp")) if error else None
    last = conversation.messages[-1].t if conversation.messages else conversation.t
    if socket is None:  # never opened
        by = "server" if conversation.status is not None else None
        return ReadEnd(at or last, by, None, None, Ending.REFUSED, message) if message or conversation.status != 101 else None
    by_client = socket.get("closed_by_client")
    if not isinstance(by_client, bool):
        return ReadEnd(at or last, None, None, None, Ending.DROPPED, message) if message else None
    code, reason = _get(socket, "close_code", int, None), _get(socket, "close_reason", str, None)
    by, at = "client" if by_client else "server", _time(socket.get("timestamp_end")) or at or last
    if code in (None, ABNORMAL) or not 0 <= code < 65536:
        return ReadEnd(at, by, None, None, Ending.DROPPED, message)
    return ReadEnd(at, by, None if code in NEVER_SENT else code, reason and _text(reason), Ending.CLEAN, message)


def _message(message: Any, payloads: Payloads, remark: Callable[[str], None]) -> ReadMessage:
    """[opcode, from the client, content, time, dropped, injected]; the last two were added later."""
    t: float | None = None
    from_client: bool | None = None
    if isinstance(message, list) and len(message) >= 4:
        opcode, sender, content, time, dropped, injected = (*message, False, False)[:6]
        t = _time(time)
        if isinstance(sender, bool):
            from_client = sender
            content = content.encode() if isinstance(content, str) else content
            is_opcode = isinstance(opcode, int) and not isinstance(opcode, bool) and 0 <= opcode <= 15
            if is_opcode and isinstance(content, bytes):
                fault = "drop" if dropped is True else "inject" if injected is True else None
                return ReadMessage(t, from_client, opcode, payloads.keep(content), fault=fault)
    remark(f"it is not in the form of a message: {_LEFT_OUT}")
    return ReadMessage(t, from_client, 0, missing="a message in an unknown form")


def _peer(flow: dict[str, Any]) -> str | None:
    peer = (_get(flow, "client_conn", dict, None) or {}).get("peername")
    if isinstance(peer, list) and len(peer) >= 2 and isinstance(peer[0], str) and isinstance(peer[1], int):
        return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
    return None


def _headers(message: dict[str, Any]) -> Headers:
    pairs = _get(message, "headers", list, [])
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, bytes | str) for part in pair):
            raise _Odd("a header is not a name and a value")
    return tuple((_text(name), _text(value)) for name, value in pairs)


def _time(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and is_time(value) else None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value.encode("utf-8", "replace").decode()


def _get(value: dict[str, Any], name: str, kind: type[_Kind], default: Any) -> Any:
    """A member; the default where it is missing or null. Raises _Odd where it is of another kind."""
    member = value.get(name)
    if member is None:
        return default
    if kind is bytes and isinstance(member, str):
        return member.encode("utf-8", "replace")
    if not isinstance(member, kind) or (kind is int and isinstance(member, bool)):
        raise _Odd(f"the type of its {name} is wrong")
    return member
