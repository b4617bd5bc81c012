"""One line that says what a frame holds."""

from __future__ import annotations

from typing import Any

import orjson

from wsreplay.display import META_NAMES, ArrayBody, body_name, body_of, close_text, gist, is_time, preview_bytes
from wsreplay.model import Opcode
from wsreplay.store.paging import PREVIEW_BYTES, Head

_WHOLE = PREVIEW_BYTES  # a longer payload is cut, and cannot be parsed
_OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
_BULKY = 160
_HEX = 24  # bytes that are shown in hex, with their text beside them
_META_KEYS = [f'"{name}"'.encode() for name in META_NAMES]
_QUIET = ("_id", "timestamp", "seq", "jsonrpc")  # what tells messages apart says little: it stands last


def name(head: Head) -> str:
    """The event's type, of several the first and their number, else what kind of frame it is. Not yet harmless."""
    if head.type is not None:
        return f"{head.type} ×{head.events}" if head.events > 1 else head.type
    return _OPCODES.get(head.opcode, f"opcode {head.opcode}")


def summary(head: Head) -> str:
    """What the payload says, in one line, the type left out. Not yet harmless."""
    if head.opcode == Opcode.CLOSE:
        return decoded(close_text(head.preview)) or "no code"
    if head.opcode == Opcode.BINARY:
        return preview_bytes(head.preview[:_HEX], 4 * _HEX + 8)
    if head.size > _WHOLE or (head.type is None and not any(name in head.preview for name in _META_KEYS)):
        return _without_type(decoded(head.preview), head.type)
    try:
        document = body_of(orjson.loads(head.preview), head.type)
    except orjson.JSONDecodeError:
        return decoded(head.preview)
    if isinstance(document, ArrayBody):
        return gist(head.preview, _WHOLE, head.type)
    if not isinstance(document, dict) or (head.type is None and META_NAMES.isdisjoint(document)):
        return decoded(head.preview)
    document = {name: value for name, value in document.items() if name != "type" and (value != head.type or value is None)}
    about = gist(head.preview, _BULKY, head.type)
    try:
        fields = _fields(document, head.type)
    except orjson.JSONEncodeError:  # read, but nested too deep to be written
        return _without_type(decoded(head.preview), head.type)
    beside = [field for field in fields if not field.endswith(f"={about}")]
    return "  ".join([about, *beside] if about and len(beside) < len(fields) else fields)


def close_parts(payload: bytes) -> tuple[int | None, str]:
    """Code and reason of a close frame (RFC 6455, section 5.5.1)."""
    if len(payload) < 2:
        return None, ""
    return int.from_bytes(payload[:2], "big"), decoded(payload[2:])


def _fields(document: dict[str, Any], type_: str | None, prefix: str = "") -> list[str]:
    """`key=value` of each but the type: those of the object that is the event first, then the telling ones, then those of other
    inner objects, then bulky and quiet ones, among them all of a header."""
    body: list[str] = []
    telling: list[str] = []
    inner: list[str] = []
    rest: list[str] = []
    event = None if prefix else body_name(document, type_)
    for key, value in document.items():
        if isinstance(value, dict) and value and not prefix:
            members = {name: member for name, member in value.items() if type_ is None or member != type_}
            is_header = key in META_NAMES or (len(members) < len(value) and key != event)
            where = body if key == event else rest if is_header else inner
            where.extend(_fields(members, type_, f"{key}."))
        else:
            field = f"{prefix}{key}={_plain(value)}"
            is_quiet = len(field) > _BULKY or key.endswith(_QUIET) or is_time(value)
            (rest if is_quiet else telling).append(field)
    return body + telling + inner + rest


def decoded(payload: bytes) -> str:
    """A payload as text; bytes that are not UTF-8 become `\\x..`. Not yet harmless."""
    return payload.decode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _without_type(text: str, event_type: str | None) -> str:
    if event_type is None:
        return text
    lead = f'{{"type":"{event_type}",'
    spaced = f'{{"type": "{event_type}",'
    for start in (lead, spaced):
        if text.startswith(start):
            return text[len(start) :].lstrip()
    return text
