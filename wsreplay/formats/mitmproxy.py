"""mitmproxy's flow files, as `mitmdump -w` writes them: one tnetstring a flow.

A tnetstring is `LENGTH:DATA` and one byte for its kind: `,` bytes, `;` text, `#` integer, `^` float, `!` true or false, `~`
null, `]` list, `}` dictionary (tnetstrings.info, with mitmproxy's `;` and `^`). A WebSocket is an HTTP flow with a `websocket`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wsreplay.errors import ImportFormatError
from wsreplay.formats.conversation import Conversation, Ended, Said, nothing
from wsreplay.model import Ending, Headers, Opcode

# Since this version of the format a WebSocket is an HTTP flow (mitmproxy 7).
_OLDEST = 11
_DEEPEST = 100
_LONGEST_PREFIX = 13
_OPCODES = {Opcode.TEXT: "text", Opcode.BINARY: "binary"}
_ABNORMAL = 1006  # no close frame: RFC 6455, section 7.4.1


def read(data: bytes, name: str) -> list[Conversation]:
    """The WebSockets of a flow file. Raises ImportFormatError, which says at which byte it goes wrong."""
    found = []
    for offset, flow in _flows(data, name):
        version = flow.get("version") if isinstance(flow, dict) else None
        if not isinstance(version, int) or version < _OLDEST:
            what = "no flow of mitmproxy" if version is None else f"written by an older mitmproxy (format {version})"
            raise ImportFormatError(f"byte {offset}: {what}; load and save it with mitmproxy 7 or newer", file=name)
        try:
            if flow.get("websocket"):
                found.append(_conversation(flow))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ImportFormatError(f"the flow at byte {offset} cannot be understood: {error!r}", file=name) from None
    if not found:
        raise nothing(name, "the file holds other flows only, or none")
    return found


def _conversation(flow: dict[str, Any]) -> Conversation:
    request, response, socket = flow["request"], flow["response"], flow["websocket"]
    scheme, path = _text(request["scheme"]), _text(request["path"])
    host = _text(request["authority"]) or f"{request['host']}:{request['port']}"
    peer = flow["client_conn"].get("peername")
    one = Conversation(
        f"{scheme}://{host}{path}", request["timestamp_start"], _headers(request["headers"]),
        response["status_code"] if response else None, _headers(response["headers"]) if response else (),
        [_said(message) for message in socket["messages"] if message[0] in _OPCODES],
        peer=f"{peer[0]}:{peer[1]}" if peer else None,
    )  # fmt: skip
    if socket.get("closed_by_client") is not None:
        code, by = socket["close_code"], "client" if socket["closed_by_client"] else "server"
        at = socket["timestamp_end"] or (one.messages[-1].t if one.messages else one.t)
        dropped = code in (None, _ABNORMAL)
        ending = Ending.DROPPED if dropped else Ending.CLEAN
        one.ended = Ended(at, by, None if dropped else code, None if dropped else socket["close_reason"], str(ending))
    return one


def _said(message: list[Any]) -> Said:
    opcode, from_client, content, at, dropped, injected = message
    fault = "drop" if dropped else "inject" if injected else None
    return Said(float(at), bool(from_client), _OPCODES[opcode], bytes(content), fault)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _headers(pairs: list[list[bytes]]) -> Headers:
    return tuple((_text(name), _text(value)) for name, value in pairs)


# Tnetstrings.


def _flows(data: bytes, name: str) -> Iterator[tuple[int, Any]]:
    """Each top-level value with its offset."""
    position = 0
    while position < len(data):
        try:
            value, end = _parse(data, position, len(data), 0)
        except _Bad as error:
            raise ImportFormatError(f"the flow at byte {position}: {error}", file=name) from None
        yield position, value
        position = end


class _Bad(Exception):
    """What is wrong with a tnetstring."""


def _parse(data: bytes, position: int, limit: int, depth: int) -> tuple[Any, int]:
    """The value at a position and where it ends, within a limit."""
    colon = data.find(b":", position, min(limit, position + _LONGEST_PREFIX))
    if colon < 0 or not data[position:colon].isdigit():
        raise _Bad(f"byte {position}: a length is expected; the file is damaged or cut off")
    start = colon + 1
    end = start + int(data[position:colon])
    if end >= limit:
        raise _Bad(f"byte {position}: the file is cut off")
    if depth > _DEEPEST:
        raise _Bad(f"byte {position}: too deeply nested")
    return _value(data, start, end, depth), end + 1


def _value(data: bytes, start: int, end: int, depth: int) -> Any:
    kind, text = data[end : end + 1], data[start:end]
    try:
        match kind:
            case b",":
                return text
            case b";":
                return text.decode()
            case b"#":
                return int(text)
            case b"^":
                return float(text)
            case b"!" if text in (b"true", b"false"):
                return text == b"true"
            case b"~" if not text:
                return None
            case b"]":
                return _items(data, start, end, depth)
            case b"}":
                items = _items(data, start, end, depth)
                return dict(zip(items[::2], items[1::2], strict=True))
    except (ValueError, TypeError):
        pass
    raise _Bad(f"byte {start}: no {kind.decode(errors='replace')!r} of a tnetstring")


def _items(data: bytes, start: int, end: int, depth: int) -> list[Any]:
    items = []
    while start < end:
        item, start = _parse(data, start, end, depth + 1)
        items.append(item)
    return items
