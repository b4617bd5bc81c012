"""JSONL exchange lines become a recording. Secrets are redacted on the way, as when recording."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, cast

import orjson

import wsreplay
from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import OPCODES, VERSION, default_ending, default_wire_length, found_type
from wsreplay.model import FIN, MASKED, Connection, Ending, Frame, Headers, start_of
from wsreplay.store.creation import new_recording
from wsreplay.store.writer import Writer
from wsreplay.trace.identity import identify
from wsreplay.trace.redaction import Redactor

_BATCH = 10_000
# From a million seconds on a double does not hold every nanosecond.
_LONG_NUMBER = re.compile(rb"[0-9]{7}\.[0-9]")
_DIRECTIONS = {"c2s": 0, "s2c": 1}


def import_lines(lines: Iterable[bytes], out: Path, *, source: str = "", redactor: Redactor | None = None) -> None:
    """Write the recording that these lines describe. Raises ImportFormatError, which names the line."""
    _import(lines, _parse, out, source, redactor)


def import_values(values: Iterable[dict[str, Any]], out: Path, *, source: str = "", redactor: Redactor | None = None) -> None:
    """The same for lines that are decoded already: of other formats, made of whole files."""
    _import(values, lambda value: value, out, source, redactor)


def _import(
    items: Iterable[Any], decode: Callable[[Any], dict[str, Any]], out: Path, source: str, redactor: Redactor | None
) -> None:
    with new_recording(out) as writer:
        intake = _Intake(writer, redactor or Redactor())
        for number, item in enumerate(items, 1):
            if not isinstance(item, bytes) or item.strip():
                try:
                    intake.take(decode(item))
                except _Bad as error:
                    line = number if isinstance(item, bytes) else 0
                    raise ImportFormatError(str(error), file=source, line=line) from None
        intake.finish(source)


_TOO_DEEP = "nested too deep to be kept"


class _Bad(Exception):
    """What is wrong with a line."""


def _parse(line: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _Bad(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise _Bad("each line is a JSON object")
    if _LONG_NUMBER.search(line):
        try:
            value = json.loads(line, parse_float=Decimal)
        except RecursionError:
            raise _Bad(_TOO_DEEP) from None
    return cast(dict[str, Any], value)


class _Intake:
    def __init__(self, writer: Writer, redactor: Redactor) -> None:
        self._writer = writer
        self._redactor = redactor
        self._run_id = 0
        self._last_ns = 0
        self._given_reach: dict[int, int] = {}
        self._connections: dict[int, Connection] = {}
        self._seq: dict[int, int] = {}
        self._offsets: dict[tuple[int, int], int] = {}
        self._unfinished: dict[tuple[int, int], list[Frame]] = {}

    def take(self, line: dict[str, Any]) -> None:
        if "wsreplay" in line:
            self._header(line)
            return
        if not self._run_id:
            raise _Bad(f'the first line is {{"wsreplay": {VERSION}, …}}: not a wsreplay export')
        for name, method in self._KINDS.items():
            if name in line:
                method(self, line)
                break
        else:
            raise _Bad("neither open, accept, opcode, close, gap, hold, mark, fault nor run")
        if self._writer.waiting >= _BATCH:
            self._writer.commit()

    def _header(self, line: dict[str, Any]) -> None:
        if line["wsreplay"] != VERSION:
            raise _Bad(f"version {line['wsreplay']!r} of the exchange format; this wsreplay reads version {VERSION}")
        if self._run_id:
            raise _Bad("a second header")
        self._run(line, 0)

    def _run(self, line: dict[str, Any], start_ns: int) -> None:
        started_at = _moment(_get(line, "started_at", str, "1970-01-01T00:00:00Z"))
        try:
            self._run_id = self._writer.insert_run(
                started_at=started_at, start_ns=start_ns, upstream=self._redactor.url(_get(line, "upstream", str, "")),
                listen=_get(line, "listen", str, ""), version=_get(line, "version", str, wsreplay.__version__),
                options=_get(line, "options", dict, {}),
                ended_ns=_ns(line["ended"]) if line.get("ended") is not None else None,
            )  # fmt: skip
        except orjson.JSONEncodeError:
            raise _Bad(_TOO_DEEP) from None
        if line.get("reached") is not None:
            self._given_reach[self._run_id] = _ns(line["reached"])

    def _another_run(self, line: dict[str, Any]) -> None:
        self._run(line, self._time(line))

    def _open(self, line: dict[str, Any]) -> None:
        details, id = _get(line, "open", dict), _get(line, "connection", int)
        if id in self._connections or id < 1:
            raise _Bad(f"connection {id} is opened twice" if id > 0 else "a connection's number is 1 or more")
        path, headers = _get(details, "path", str, "/"), _headers(details.get("headers"))
        user = details["user"] if "user" in details else identify(path, headers, self._redactor)
        self._connections[id] = connection = Connection(
            id,
            _get(details, "run", int, 1),
            self._time(line),
            peer=_get(details, "peer", str, None),
            path=self._redactor.path(path),
            subprotocol=self._redactor.subprotocol(_get(details, "subprotocol", str, None)),
            request_headers=self._redactor.headers(headers),
            status=101 if "subprotocol" in details else None,
            user=_text_or_none(user, "user"),
        )
        self._writer.insert_connection(connection)

    def _accept(self, line: dict[str, Any]) -> None:
        details, connection = _get(line, "accept", dict), self._connection(line)
        headers = self._redactor.headers(_headers(details.get("headers")))
        columns: dict[str, Any] = {
            "status": _get(details, "status", int, 101),
            "response_headers": orjson.dumps(headers).decode(),
            "extensions": _get(details, "extensions", str, None),
        }
        if "subprotocol" in details:
            columns["subprotocol"] = self._redactor.subprotocol(_get(details, "subprotocol", str, None))
        self._writer.update_connection(connection.id, **columns)

    def _frame(self, line: dict[str, Any]) -> None:
        connection, t_ns, direction = self._connection(line), self._time(line), _direction(line)
        opcode = line["opcode"]
        number = opcode if isinstance(opcode, int) and 0 <= opcode <= 15 else OPCODES.get(opcode)
        if number is None:
            raise _Bad(f"opcode {opcode!r} is none of {', '.join(OPCODES)}")
        payload = _payload(line)
        masked = _get(line, "masked", bool, direction == 0)
        flags = (FIN if _get(line, "fin", bool, True) else 0) | (MASKED if masked else 0)
        for bit in _get(line, "rsv", list, []):
            if bit not in (1, 2, 3):
                raise _Bad("rsv lists the reserved bits that are set, out of 1, 2 and 3")
            flags |= 1 << bit
        place = connection.id, direction
        length = _get(line, "wire_length", int, default_wire_length(len(payload), masked))
        offset = _get(line, "offset", int, self._offsets.get(place, 0))
        self._offsets[place] = offset + length
        seq = self._seq[connection.id] = self._seq.get(connection.id, 0) + 1
        frame = Frame(0, connection.id, seq, t_ns, direction, number, flags, length, offset, None, payload)
        kind = found_type(self._unfinished, frame)
        if "type" in line:
            kind = _text_or_none(line["type"], "type")
        self._writer.add_frames([(connection.id, seq, t_ns, direction, number, flags, length, offset, kind, payload)])

    def _close(self, line: dict[str, Any]) -> None:
        details, connection = _get(line, "close", dict), self._connection(line)
        by, code = _get(details, "by", str, None), _get(details, "code", int, None)
        try:
            ending = Ending(details["ending"]) if "ending" in details else default_ending(by, code)
        except ValueError:
            raise _Bad(f"ending {details['ending']!r} is none of {', '.join(Ending)}") from None
        self._writer.update_connection(
            connection.id,
            closed_ns=self._time(line),
            ending=str(ending),
            closed_by=None if by == "drop" else by,
            close_code=code,
            close_reason=_get(details, "reason", str, None),
            error=_get(details, "error", str, None),
        )
        del self._connections[connection.id]

    def _gap(self, line: dict[str, Any]) -> None:
        details = _get(line, "gap", dict)
        values = (_get(details, "after", int, 0), _get(details, "reason", str, ""), _get(details, "bytes", int, 0))
        self._writer.add_gap(_get(line, "connection", int), _direction(line), *values)

    def _hold(self, line: dict[str, Any]) -> None:
        self._writer.add_hold(self._time(line), _ns(_get(line, "hold", dict).get("until")))

    def _mark(self, line: dict[str, Any]) -> None:
        details = _get(line, "mark", dict)
        self._writer.add_mark(self._time(line), _get(details, "note", str, ""), _get(details, "frame", int, None))

    def _fault(self, line: dict[str, Any]) -> None:
        details = _get(line, "fault", dict)
        direction = None if line.get("dir") is None else _direction(line)
        self._writer.add_fault(
            self._time(line), _get(details, "kind", str), _get(details, "detail", str, ""),
            _get(line, "connection", int, None), direction, _get(details, "frame", int, None),
        )  # fmt: skip

    def _tail(self, line: dict[str, Any]) -> None:
        details = _get(line, "tail", dict)
        place = _get(line, "connection", int), _direction(line), _get(details, "offset", int)
        self._writer.add_tail(*place, self._time(line), _payload(details))

    def _finding(self, line: dict[str, Any]) -> None:
        details = _get(line, "finding", dict)
        body = _written(_get(details, "body", dict))
        self._writer.add_finding(_get(details, "contract", str), _get(details, "digest", str), body)

    # What a line is, is told by the word that only its kind has.
    _KINDS: ClassVar[dict[str, Callable[[_Intake, dict[str, Any]], None]]] = {
        "open": _open, "accept": _accept, "opcode": _frame, "close": _close, "gap": _gap, "hold": _hold, "mark": _mark,
        "fault": _fault, "tail": _tail, "finding": _finding, "run": _another_run,
    }  # fmt: skip

    def _connection(self, line: dict[str, Any]) -> Connection:
        id = _get(line, "connection", int)
        if id not in self._connections:
            raise _Bad(f"connection {id} is not open here")
        return self._connections[id]

    def _time(self, line: dict[str, Any]) -> int:
        t_ns = _ns(line.get("t"))
        self._last_ns = max(self._last_ns, t_ns)
        return t_ns

    def finish(self, source: str) -> None:
        """The last line is read. What no line closed is truncated at the trace's last time."""
        if not self._run_id:
            raise ImportFormatError("there is nothing in it", file=source)
        for connection in self._connections.values():
            self._writer.update_connection(connection.id, closed_ns=self._last_ns, ending=str(Ending.TRUNCATED))
        for run in range(1, self._run_id + 1):
            self._writer.update_run(run, reached_ns=self._given_reach.get(run, self._last_ns))


def _ns(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value < 0 or not value < 9e9:
        raise _Bad(f"t is a number of seconds since the start, not {value!r}")
    return round(value * 10**9)


def _direction(line: dict[str, Any]) -> int:
    try:
        return _DIRECTIONS[line.get("dir")]  # type: ignore[index]
    except (KeyError, TypeError):
        raise _Bad(f"dir is c2s or s2c, not {line.get('dir')!r}") from None


def _payload(line: dict[str, Any]) -> bytes:
    if "base64" in line:
        try:
            return base64.b64decode(_get(line, "base64", str), validate=True)
        except binascii.Error as error:
            raise _Bad(f"base64: {error}") from None
    return bytes(_get(line, "data", str, "").encode())


def _headers(value: Any) -> Headers:
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, list) else () if value is None else None
    if pairs is None:
        raise _Bad("headers are a list of pairs, or an object")
    return tuple(_pairs(pairs))


def _pairs(pairs: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise _Bad("headers are pairs of texts")
        yield pair[0], pair[1]


def _written(value: dict[str, Any]) -> str:
    try:
        return orjson.dumps(value, default=float).decode()
    except orjson.JSONEncodeError:
        raise _Bad(_TOO_DEEP) from None


def _text_or_none(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _Bad(f"{name} is a text or null, not {value!r}")


def _moment(text: str) -> str:
    try:
        start_of(text)
    except ValueError:
        raise _Bad(f"started_at is a time such as 2026-11-20T10:00:00Z, not {text!r}") from None
    return text


_REQUIRED: Any = object()
_NAMES = {str: "a text", int: "a whole number", dict: "an object", list: "a list", bool: "true or false"}


def _get(line: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
    value = line.get(name)
    if value is None:
        if default is _REQUIRED:
            raise _Bad(f"{name} is missing")
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _Bad(f"{name} is {_NAMES[kind]}, not {value!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _Bad(f"{name} does not fit into 64 bits")
    return value
