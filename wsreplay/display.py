"""Payloads, identifiers and names made safe to show: in a terminal, in a table, on a page.

What a peer sends is hostile. An escape sequence in a payload would drive the reader's terminal, a bidi override would turn
a line around, a zero-width character would hide. Whatever comes from the wire goes through `visible` before it is shown;
markup (HTML, XML) is escaped on top of that by whoever writes it.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import orjson

INJECTED = "⚡ injected"  # the sign of what wsreplay did to the traffic on purpose, in every view
ELLIPSIS = "…"
REPLACED = "�"  # C1 controls, lone surrogates, noncharacters
INVISIBLE = "␦"  # bidi marks, zero-width characters, fillers, tags, variation selectors

# The ranges of Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), the other format characters (Cf), and the two
# separators that break lines; all of them change how a line looks without being seen.
_UNSEEN = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_BROKEN = "\x80-\x9f\ud800-\udfff\ufffe\uffff"
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "\u2421"}

# A string of a JSON text, or a number as a group; and what a number may have that is not written back as it was.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(-?\d[\d.eE+-]*)', re.DOTALL)
_MAY_CHANGE = re.compile(rb"\d[.eE]|\d{19}|-0")

# How much of a long payload is looked at for one line of it.
_BYTES_PER_CELL = 8
_SUMMARY_BYTES = 64 * 1024

# Where an event of an agent chat says, for people, what it is about; the first one that is there.
_SPEAKING_FIELDS = (
    "message", "text", "content", "thought", "reasoning", "delta", "error", "query", "tool_name", "toolCallName", "name",
    "title", "summary", "result", "status", "reason",
)  # fmt: skip
# What says where an event belongs, and is shown in columns of its own, or is noise to people.
_ADDRESSING = frozenset({"type", "timestamp", "message_id", "seq", "user_id", "thread_id", "run_id", "jsonrpc"})
# Objects around what a message says: who sent it, and how.
META_NAMES = frozenset({
    "meta", "metadata", "_meta", "head", "header", "headers", "parent_header", "context", "ctx", "trace", "tracing",
})  # fmt: skip
_CONTENTS = frozenset({"payload", "data", "event", "body", "content", "params"})
_EARLIEST_TIME = 1e9  # a number so large is a time: seconds since 1970, or a smaller unit
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")
_ENVELOPES = ("payload", "data", "event")


def indented_json(payload: bytes) -> bytes | None:
    """A JSON document with an indent of two, its numbers as they are written there; None where it is no JSON, or is nested too
    deep to be written. Not escaped."""
    try:
        text = orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return _with_numbers_of(payload, text) if _MAY_CHANGE.search(payload) else text


def _with_numbers_of(payload: bytes, text: bytes) -> bytes:
    """The same document with its numbers as a payload has them: a float may be written otherwise, and is cut beyond 64 bits."""
    written, shown = (list(filter(None, _TOKEN.findall(document))) for document in (payload, text))
    if written == shown or list(map(float, written)) != list(map(float, shown)):
        return text  # as most are; or a name stands there twice
    numbers = iter(written)
    return _TOKEN.sub(lambda match: next(numbers) if match[1] else match[0], text)


def visible(text: str) -> str:
    """`text` with every character that cannot be seen, or that moves others, replaced by one glyph; the length stays.

    C0 controls and DEL become their control pictures (␛ ␊ ␡), invisible and directional characters `␦`, the rest `�`.
    """
    if text.isascii() and text.isprintable():
        return text
    return _hidden().sub(_glyph, text)


@cache
def _hidden() -> re.Pattern[str]:
    """Compiled where it is first needed: most text is ASCII."""
    return re.compile(f"[\x00-\x1f\x7f{_BROKEN}{_UNSEEN}]")


def _glyph(match: re.Match[str]) -> str:
    character = match[0]
    picture = _PICTURES.get(character)
    if picture is not None:
        return picture
    return REPLACED if re.match(f"[{_BROKEN}]", character) else INVISIBLE


def user_text(user: str | None) -> str:
    """A user's name as it is, `anonymous` without one; a name that cannot be seen in quotes, spelt out: `" \\u200b"`.

    It has still to go through `visible`.
    """
    if not user:
        return "anonymous"
    seen = visible(user).translate(dict.fromkeys(map(ord, INVISIBLE), " "))
    return user if not seen.isspace() else f'"{user.encode("ascii", "backslashreplace").decode()}"'


def local_time(moment: str) -> str:
    """An ISO 8601 time as the reader's clock showed it: `2026-11-20 17:55:09`."""
    there = datetime.fromisoformat(moment)
    with suppress(OverflowError, ValueError, OSError):  # the first and last years have no local time
        there = there.astimezone()
    return there.isoformat(" ", "seconds")[:19]


def cells(text: str) -> int:
    """How many terminal cells `text` takes: East Asian wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """`text` cut to `width` cells, with an ellipsis where something was left out."""
    if len(text) <= width and text.isascii():
        return text
    taken = 0
    room = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken < width:
            room = index + 1
        elif taken > width:
            return text[:room] + ELLIPSIS if width > 0 else ""
    return text


def pad(text: str, width: int) -> str:
    """`text` in exactly `width` cells, left-aligned."""
    text = fit(text, width)
    return text + " " * (width - cells(text))


def preview(payload: bytes, width: int) -> str:
    """One line of at most `width` cells that shows how a payload begins: its text where it is UTF-8, else its bytes in hex."""
    head = payload[: max(width, 1) * _BYTES_PER_CELL]
    text = _decoded(head, whole=len(head) == len(payload))
    if text is None:
        return _hex(payload, width)
    return fit(visible(text) + ("" if len(head) == len(payload) else ELLIPSIS), width)


def preview_bytes(payload: bytes, width: int) -> str:
    """One line of at most `width` cells for bytes that nothing reads: in hex, and beside it the ASCII text among them."""
    count = max(1, (width - len("  ||")) // 4)
    head = payload[:count]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in head)
    rest = ELLIPSIS if len(payload) > count else ""
    return fit(f"{head.hex(' ')}{rest}  |{text}|", width) if payload else ""


def is_structured(payload: bytes) -> bool:
    """Whether bytes begin as a JSON object or array does. What else is JSON, such as `0`, is nothing a binary message means."""
    return payload.lstrip()[:1] in (b"{", b"[")


def hex_text(value: Any) -> str:
    """What JSON has no words for: bytes in hex, the rest as Python writes it."""
    return value.hex(" ") if isinstance(value, bytes | bytearray) else str(value)


def gist(payload: bytes, width: int, type_: str | None = None) -> str:
    """One line of at most `width` cells that says what an event of a type is about.

    The first speaking field of a JSON object (its message, text, tool name …) but for its type, also inside a `payload`; else
    its fields without those that only address it; else what `preview` shows. Of an array it is what follows the type.
    """
    if len(payload) <= _SUMMARY_BYTES and payload[:1] in (b"{", b"[", b" ", b"\n", b"\t", b"\r"):
        try:
            document = body_of(orjson.loads(payload), type_)
            if isinstance(document, dict):
                return fit(visible(_said(document, type_)), width)
            if isinstance(document, ArrayBody):
                return fit(visible(orjson.dumps(document.elements).decode() if document.elements else ""), width)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter: read, but nested too deep to be written
            return preview(payload, width)
    return preview(payload, width)


def close_text(payload: bytes) -> bytes:
    """The payload of a close frame as people read it: its code and its reason (RFC 6455, section 5.5.1). Not yet harmless."""
    if len(payload) == 1:
        return b"1 byte of 2: too short for a code"
    return b" ".join(filter(None, (b"%d" % int.from_bytes(payload[:2], "big"), payload[2:]))) if payload else b""


class ArrayBody(NamedTuple):
    """What follows the type in a message that is an array."""

    elements: list[Any]


def body_of(document: Any, type_: str | None) -> Any:
    """The object that follows the type in `[type, {…}]`, or the `ArrayBody`; any other document as it is."""
    if not isinstance(document, list) or type_ is None or [str(element) for element in document[:1]] != [type_]:
        return document
    _, *elements = document
    return elements[0] if len(elements) == 1 and isinstance(elements[0], dict) else ArrayBody(elements)


def _said(document: dict[str, Any], type_: str | None) -> str:
    body = body_name(document, type_)
    if body is not None and body not in _ENVELOPES:
        return _said(document[body], type_) or _said({name: value for name, value in document.items() if name != body}, type_)
    places = [document, *(document[name] for name in _ENVELOPES if isinstance(document.get(name), dict))]
    if spoken := _spoken(*places, but=type_):
        return spoken
    rest = {name: value for name, value in document.items() if name == body or not _is_addressing(name, value, type_)}
    inner = [value for value in rest.values() if not isinstance(value, int | float)]
    if len(inner) == 1 and inner[0] and isinstance(inner[0], dict):  # beside it a counter at most
        rest = {name: value for name, value in inner[0].items() if type_ is None or value != type_}
    return _spoken(rest, but=type_) or (orjson.dumps(rest).decode() if rest else "")


def _spoken(*places: dict[str, Any], but: str | None) -> str:
    """The first speaking field in one of these objects that says something else than the type; "" where there is none."""
    for place in places:
        for name in _SPEAKING_FIELDS:
            value = place.get(name)
            if isinstance(value, str) and value.strip() and value != but:
                return value
            if isinstance(value, dict) and isinstance(value.get("message"), str):
                return str(value["message"])
    return ""


def _is_addressing(name: str, value: Any, type_: str | None) -> bool:
    """Whether a member of an event of that type says only where it belongs: its type, its time, a header."""
    if name in _ADDRESSING or is_time(value):
        return True
    if isinstance(value, dict):
        return name in META_NAMES or type_ in value.values()
    return type_ is not None and value == type_


def body_name(document: dict[str, Any], type_: str | None) -> str | None:
    """The member that is the event of that type itself, around which the others are an envelope: the object that holds the
    type, unless another one is called as contents are; that with the type is a header then."""
    objects = {name: value for name, value in document.items() if isinstance(value, dict) and name not in META_NAMES}
    holder = next((name for name, value in objects.items() if type_ is not None and type_ in value.values()), None)
    if holder is None or holder in _CONTENTS or _CONTENTS.isdisjoint(objects):
        return holder
    return None


def is_time(value: Any) -> bool:
    """Whether a value of a message is a number so large that it must be a time, or written as one (ISO 8601)."""
    if isinstance(value, str):
        return _ISO_TIME.match(value) is not None
    return isinstance(value, int | float) and value >= _EARLIEST_TIME


def _decoded(head: bytes, *, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        return None


def _hex(payload: bytes, width: int) -> str:
    return fit(payload[: width // 3 + 1].hex(" ") + (ELLIPSIS if len(payload) > width // 3 + 1 else ""), width)
