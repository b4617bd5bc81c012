"""The words in which programs write directions, opcodes, times and payloads into the messages of a HAR.

HAR 1.2 knows no WebSockets: `_webSocketMessages` is Chrome's, and others write what they think it is. A word that is not known
here is refused, never guessed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from wsreplay.display import fit, visible
from wsreplay.formats.conversation import is_time
from wsreplay.model import OPCODE_NAMES, Opcode
from wsreplay.trace.endings import close_of

Fields = Mapping[str, Any]
"""The members of an object by their names in lower case, without leading underscores."""


class Odd(Exception):
    """Why something cannot be read; the text goes behind `its …`."""


# Seconds since the epoch reach this in 5138; a larger number is in milliseconds, microseconds or nanoseconds.
_SECONDS_BELOW, _STEP = 1e11, 1000
# A smaller number of seconds is no time since 1970 but one since the start: 1973 is older than WebSockets.
_EPOCH_FROM = 1e8

_FROM_CLIENT = frozenset((
    "send", "sends", "sent", "sending", "outgoing", "outbound", "out", "output", "upload", "up", "upstream", "tx",
    "transmit", "transmitted", "write", "written", "request", "req", "client", "fromclient", "clienttoserver",
    "client2server", "c2s", "toserver", "browser", "egress", "↑", "⬆", "→", "->", "=>", ">>", ">",
))  # fmt: skip
_FROM_SERVER = frozenset((
    "receive", "receives", "received", "receiving", "recv", "recieve", "recieved", "rcv", "incoming", "inbound", "in",
    "input", "download", "down", "downstream", "rx", "read", "response", "res", "server", "fromserver",
    "servertoclient", "server2client", "s2c", "toclient", "backend", "ingress", "↓", "⬇", "←", "<-", "<=", "<<", "<",
))  # fmt: skip
_ERRORS = frozenset(("error", "failed", "failure", "exception"))
_AROUND = re.compile(r"^(?:on)?(?:websocket|ws)?(?:frame|message|msg|data|payload)?|(?:frames?|messages?|msg|data)?$")
_DIRECTION_NAMES = ("type", "direction", "dir", "from", "sender", "side", "source", "origin", "kind", "event", "eventname")
_CLIENT_FLAGS = ("fromclient", "isclient", "issent", "sent", "isoutgoing", "outgoing", "isfromclient", "isrequest")
_SERVER_FLAGS = ("fromserver", "isserver", "isreceived", "received", "isincoming", "incoming", "isfromserver", "isresponse")

_OPCODES = {
    "text": Opcode.TEXT, "txt": Opcode.TEXT, "string": Opcode.TEXT, "str": Opcode.TEXT, "utf8": Opcode.TEXT,
    "json": Opcode.TEXT, "binary": Opcode.BINARY, "bin": Opcode.BINARY, "bytes": Opcode.BINARY, "blob": Opcode.BINARY,
    "buffer": Opcode.BINARY, "arraybuffer": Opcode.BINARY, "base64": Opcode.BINARY, "ping": Opcode.PING, "pong": Opcode.PONG,
    "close": Opcode.CLOSE, "closed": Opcode.CLOSE, "closing": Opcode.CLOSE, "connectionclose": Opcode.CLOSE,
    "continuation": Opcode.CONTINUATION, "continue": Opcode.CONTINUATION, "cont": Opcode.CONTINUATION,
}  # fmt: skip
_OPCODE_NAMES = ("opcode", "op", "type", "kind", "messagetype", "datatype", "frametype", "payloadtype", "format", "encoding")
_DATA_NAMES = ("data", "payload", "payloaddata", "body", "content", "text", "message", "value", "buffer")
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_CODE_AND_REASON = re.compile(r"\s*([1-4][0-9]{3})\b[\s:,;-]*(.*)", re.DOTALL)


def fields_of(value: Any) -> Fields | None:
    """The members of an object; None where it is none."""
    if not isinstance(value, dict):
        return None
    return {name.lstrip("_").replace("_", "").replace("-", "").lower(): member for name, member in value.items()}


def shown(value: Any) -> str:
    """A value of a file in an error's text: short, and harmless on a terminal."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return fit(visible(repr(text) if isinstance(value, str) else text), 40)


def first_of(fields: Fields, *names: str) -> Any:
    """The first of these members that is there and not null."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def first_time(fields: Fields, *names: str) -> float | None:
    """The first of these members that is a time since 1970, in seconds."""
    return next((time for name in names if (time := time_of(fields.get(name))) is not None), None)


def clean(text: str) -> str:
    """A text that UTF-8 can hold: of an unpaired surrogate there is a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _word(value: Any) -> str:
    return re.sub(r"[\s_./:]|(?<=\w)-(?=\w)", "", value).lower() if isinstance(value, str) else ""


def direction_word(value: Any) -> bool | None:
    """Whether a word says that the client sent it; None where it says neither."""
    word = _word(value)
    for form in (word, _AROUND.sub("", word)):
        if form in _FROM_CLIENT:
            return True
        if form in _FROM_SERVER:
            return False
    return None


def from_client(fields: Fields) -> bool:
    """Whether the client sent a message. Raises Odd."""
    answers = {direction_word(fields.get(name)) for name in _DIRECTION_NAMES}
    for to in ("to", "receiver", "destination", "target"):
        answer = direction_word(fields.get(to)) if _word(fields.get(to)) in ("client", "server", "browser", "backend") else None
        answers.add(None if answer is None else not answer)
    for names, answer in ((_CLIENT_FLAGS, True), (_SERVER_FLAGS, False)):
        answers |= {fields[name] is answer for name in names if isinstance(fields.get(name), bool)}
    answers.discard(None)
    if len(answers) == 1:
        return bool(answers.pop())
    if answers:
        raise Odd("it gives two different directions")
    given = (name for name in _DIRECTION_NAMES if fields.get(name) is not None and not _is_opcode_word(fields[name]))
    named = next(given, None)
    if named is None:
        raise Odd("it has no direction")
    raise Odd(f"direction is {shown(fields[named])}, which is unknown")


def is_error(fields: Fields) -> bool:
    """Whether an entry among the messages tells of an error of the connection, as Chrome's do."""
    words = {_word(fields.get(name)) for name in ("type", "kind", "event")}
    return bool(words & _ERRORS) or (fields.get("opcode") == -1 and "error" in fields)


def _is_opcode_word(value: Any) -> bool:
    return isinstance(value, str) and (_word(value) in _OPCODES or _AROUND.sub("", _word(value)) in ("", *_OPCODES))


def opcode_of(fields: Fields, note: Callable[[str], None]) -> int:
    """The number of an opcode, from 0 to 15 (RFC 6455, section 5.2). Raises Odd."""
    given = fields.get("opcode", fields.get("op"))
    if given is None:
        for name in _OPCODE_NAMES:
            if (known := _OPCODES.get(_word(fields.get(name)))) is not None:
                return known
        for name in ("binary", "isbinary"):
            if isinstance(fields.get(name), bool):
                return Opcode.BINARY if fields[name] else Opcode.TEXT
        note("it has no opcode: read as text")
        return Opcode.TEXT
    number: int | None = _OPCODES.get(_word(given))
    if number is None and isinstance(given, str):
        try:
            number = int(given, 0)
        except ValueError:
            number = None
    elif isinstance(given, int | float) and not isinstance(given, bool) and given == given // 1:
        number = int(given)
    if number is None or not 0 <= number <= 15:
        raise Odd(f"opcode is {shown(given)}, which is none of {', '.join(OPCODE_NAMES.values())}, nor a number up to 15")
    return number


def time_of(value: Any, zone_missing: Callable[[], None] = lambda: None) -> float | None:
    """A time since 1970 in seconds, of a number or of ISO 8601; None where it is none. A time without a zone is in UTC."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _time_of_text(value, zone_missing)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _EPOCH_FROM <= value < _SECONDS_BELOW * _STEP**3:
        return None
    seconds = float(value)
    while seconds >= _SECONDS_BELOW:
        seconds /= _STEP
    return seconds if is_time(seconds) else None


def _time_of_text(text: str, zone_missing: Callable[[], None]) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            zone_missing()
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if is_time(seconds) else None


def payload_of(fields: Fields, opcode: int, note: Callable[[str], None]) -> bytes:
    """A message's payload. Raises Odd."""
    if isinstance(encoded := fields.get("base64"), str):
        return _from_base64(encoded)
    data = first_of(fields, *_DATA_NAMES)
    if data is None:
        if opcode >= Opcode.CLOSE:
            return b""
        present = any(name in fields for name in _DATA_NAMES)
        raise Odd("data is null" if present else "data is missing")
    is_encoded = encoded is True or _word(fields.get("encoding")) == "base64"
    if isinstance(data, str):
        return _of_text(data, opcode, is_encoded, note)
    numbers = data.get("data") if isinstance(data, dict) and data.get("type") == "Buffer" else data
    if opcode != Opcode.TEXT and isinstance(numbers, list):
        try:
            return bytes(numbers)
        except (ValueError, TypeError):
            raise Odd("data is a list, but not of bytes") from None
    if opcode == Opcode.BINARY:
        raise Odd(f"data is {shown(data)}, not base64")
    note(f"its data is {'an object' if isinstance(data, dict) else shown(data)}, not text: its JSON is taken")
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _of_text(data: str, opcode: int, is_encoded: bool, note: Callable[[str], None]) -> bytes:
    if opcode == Opcode.BINARY or is_encoded:
        return _from_base64(data)
    try:
        return data.encode()
    except UnicodeEncodeError:
        note("an unpaired surrogate in its data became a question mark, since text messages cannot contain it")
        return data.encode("utf-8", "replace")


def _from_base64(text: str) -> bytes:
    """Also in the URL-safe alphabet, with line breaks, without padding (RFC 4648)."""
    text = "".join(_DATA_URL.sub("", text, count=1).split()).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Odd("data is not base64") from None


def code_and_reason(fields: Fields, payload_names: bool = False) -> tuple[int | None, str | None]:
    """Of an object that tells of a close. With `payload_names` also from its payload, in the forms that were seen."""
    code = first_of(fields, "code", "closecode", "statuscode", "status")
    reason = first_of(fields, "reason", "closereason", "description")
    reason = reason if isinstance(reason, str) else None
    if isinstance(code, str) and code.strip().isdecimal() and code.isascii():
        code = int(code[:9])
    if isinstance(code, int | float) and not isinstance(code, bool) and 1000 <= code <= 4999:
        return int(code), reason
    data = first_of(fields, *_DATA_NAMES) if payload_names else None
    if data and isinstance(data, str | dict | int):
        return _code_in(data, reason)
    return None, reason


def _code_in(data: str | dict[str, Any] | int, reason: str | None) -> tuple[int | None, str | None]:
    if isinstance(data, dict):
        return code_and_reason(fields_of(data) or {})
    if match := _CODE_AND_REASON.fullmatch(str(data)):
        return int(match[1]), match[2] or reason
    text = str(data)
    for read in (_from_base64, _from_characters):
        with suppress(Odd, UnicodeEncodeError):
            code, close_reason = close_of(read(text))
            if code is not None and 1000 <= code <= 4999:
                return code, close_reason or reason
    return None, text if reason is None else reason


def _from_characters(text: str) -> bytes:
    """A payload whose first two characters are the bytes of the code."""
    return text[:2].encode("latin-1") + text[2:].encode()
