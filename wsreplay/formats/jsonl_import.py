"""JSONL exchange lines become a recording. Secrets are redacted on the way, as when recording."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

import orjson

import wsreplay
from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import OPCODES, VERSION, default_ending, default_wire_length, found_type
from wsreplay.formats.remarks import Remarks
from wsreplay.model import FIN, MASKED, Connection, Ending, Frame, Headers, start_of
from wsreplay.store.creation import new_recording
from wsreplay.store.verify import MOST_FRAME_ID, MOST_ID, MOST_NS
from wsreplay.store.writer import Writer
from wsreplay.trace.frame_redaction import WITHHELD, FrameRedactor
from wsreplay.trace.identity import identify
from wsreplay.trace.redaction import Redactor

_BATCH = 10_000  # lines
_BATCH_BYTES = 8 * 2**20  # of payloads
LONGEST_LINE = 256 * 2**20  # bytes
# From a million seconds on a double does not hold every nanosecond.
_LONG_NUMBER = re.compile(rb"[0-9]{7}\.[0-9]")
_DIRECTIONS = {"c2s": 0, "s2c": 1}
MOST_OFFSET = 2**62  # sums of two such still fit into 64 bits


def read_lines(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """The lines of a file with their line feeds. Raises ImportFormatError where one is longer than LONGEST_LINE."""
    for number in itertools.count(1):
        line = stream.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            text = f"the line is longer than {LONGEST_LINE // 2**20} MiB, which import does not read"
            raise ImportFormatError(text, file=source, line=number)
        yield line


def import_lines(
    lines: Iterable[bytes], out: Path, *, source: str = "", redactor: Redactor | None = None, remarks: Remarks | None = None
) -> None:
    """Write the recording that these lines describe. Raises ImportFormatError, which names the line.

    A last line that is not whole is left out, with a remark.
    """
    with new_recording(out) as writer:
        intake = _Intake(writer, redactor or Redactor())
        position = 0
        remaining = iter(lines)
        for number, line in enumerate(remaining, 1):
            if line.strip():
                try:
                    intake.take(_parse(line))
                except _NotJson as error:
                    if not intake.has_begun or line.endswith(b"\n") or next(remaining, None) is not None:
                        raise ImportFormatError(str(error), file=source, line=number) from None
                    if remarks is not None:
                        end = position + len(line)
                        remarks.add(f"line {number}", f"cut off at byte {end:,}: the lines before it are whole")
                except _Bad as error:
                    raise ImportFormatError(str(error), file=source, line=number) from None
            position += len(line)
        intake.finish(source)


def import_values(values: Iterable[dict[str, Any]], out: Path, *, source: str = "", redactor: Redactor | None = None) -> None:
    """The same for lines that are decoded already, made of a file of another format. Raises ImportFormatError."""
    with new_recording(out) as writer:
        intake = _Intake(writer, redactor or Redactor())
        for value in values:
            try:
                intake.take(value)
            except _Bad as error:
                raise ImportFormatError(str(error), file=source) from None
        intake.finish(source)


_TOO_DEEP = "nested too deep to be kept"


class _Bad(Exception):
    """What is wrong with a line."""


class _NotJson(_Bad):
    """A line that cannot be read as JSON: the last one may have been cut off."""


def _parse(line: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _NotJson(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _Bad("every line must be a JSON object")
    if _LONG_NUMBER.search(line):
        try:
            value = json.loads(line, parse_float=Decimal, parse_int=_whole)
        except RecursionError:
            raise _Bad(_TOO_DEEP) from None
    return cast(dict[str, Any], value)


def _whole(digits: str) -> int | float:
    """As orjson reads it: what is longer than 64 bits is a float. Python refuses to read thousands of digits as an int."""
    return int(digits) if len(digits) < 20 else float(digits)


class _Intake:
    def __init__(self, writer: Writer, redactor: Redactor) -> None:
        self._writer = writer
        self._redactor = redactor
        self._frames = FrameRedactor(redactor)
        self._run_id = 0
        self._last_ns = 0
        # Since the last commit: lines, and bytes of their payloads.
        self._lines = self._bytes = 0
        self._given_reach: dict[int, int] = {}
        self._connections: dict[int, Connection] = {}
        self._seq: dict[int, int] = {}
        self._offsets: dict[tuple[int, int], int] = {}
        self._unfinished: dict[tuple[int, int], list[Frame]] = {}

    @property
    def has_begun(self) -> bool:
        """Whether the first line was read."""
        return bool(self._run_id)

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
        self._lines += 1
        if self._lines >= _BATCH or self._bytes >= _BATCH_BYTES:
            self._lines = self._bytes = 0
            self._writer.commit()

    def _header(self, line: dict[str, Any]) -> None:
        if line["wsreplay"] != VERSION:
            raise _Bad(f"version {_shown(line['wsreplay'])} of the exchange format; this wsreplay reads version {VERSION}")
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
        details, id = _get(line, "open", dict), _number(line, "connection", 1, MOST_ID)
        if id in self._seq:
            raise _Bad(f"connection {id} is opened twice")
        run = _number(details, "run", 1, MOST_ID, 1)
        if run > self._run_id:
            raise _Bad(f"run {run} has not begun here")
        self._seq[id] = 0
        path, headers = _get(details, "path", str, "/"), _headers(details.get("headers"))
        user = details["user"] if "user" in details else identify(path, headers, self._redactor)
        self._connections[id] = connection = Connection(
            id,
            run,
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
        is_number = isinstance(opcode, int) and not isinstance(opcode, bool) and 0 <= opcode <= 15
        number = opcode if is_number else OPCODES.get(opcode) if isinstance(opcode, str) else None
        if number is None:
            raise _Bad(f"opcode {_shown(opcode)} is none of {', '.join(OPCODES)}")
        payload = _payload(line)
        masked = _get(line, "masked", bool, direction == 0)
        flags = (FIN if _get(line, "fin", bool, True) else 0) | (MASKED if masked else 0)
        for bit in _get(line, "rsv", list, []):
            if bit not in (1, 2, 3):
                raise _Bad("rsv lists the reserved bits that are set, out of 1, 2 and 3")
            flags |= 1 << bit
        place = connection.id, direction
        length = _number(line, "wire_length", 0, MOST_OFFSET, default_wire_length(len(payload), masked))
        offset = _number(line, "offset", 0, MOST_OFFSET, min(MOST_OFFSET, self._offsets.get(place, 0)))
        self._offsets[place] = offset + length
        self._bytes += len(payload)
        seq = self._seq[connection.id] = self._seq[connection.id] + 1
        frame = Frame(0, connection.id, seq, t_ns, direction, number, flags, length, offset, None, payload)
        kind = found_type(self._unfinished, frame)
        if "type" in line:
            kind = _text_or_none(line["type"], "type")
        payload, withheld = self._frames.payload(frame)
        self._writer.add_frames([(connection.id, seq, t_ns, direction, number, flags, length, offset, kind, payload)])
        if withheld:
            self._writer.add_gap(connection.id, direction, self._writer.last_frame_id, WITHHELD, withheld)

    def _close(self, line: dict[str, Any]) -> None:
        details, connection = _get(line, "close", dict), self._connection(line)
        by, code = _get(details, "by", str, None), _get(details, "code", int, None)
        try:
            ending = Ending(details["ending"]) if "ending" in details else default_ending(by, code)
        except ValueError:
            raise _Bad(f"ending {_shown(details['ending'])} is none of {', '.join(Ending)}") from None
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
        after = _number(details, "after", 0, MOST_FRAME_ID, self._writer.last_frame_id)
        values = after, _get(details, "reason", str, ""), _number(details, "bytes", 0, MOST_OFFSET, 0)
        self._writer.add_gap(_number(line, "connection", 1, MOST_ID), _direction(line), *values)

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
        place = _number(line, "connection", 1, MOST_ID), _direction(line), _number(details, "offset", 0, MOST_OFFSET)
        data, t_ns = _payload(details), self._time(line)
        self._bytes += len(data)
        if not self._redactor.hides_payloads:  # of bytes that are no message nobody knows what is in them
            self._writer.add_tail(*place, t_ns, data)

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
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_NS // 10**9:
        raise _Bad(f"t is a number of seconds since the start, at most {MOST_NS // 10**9}, not {_shown(value)}")
    nanoseconds: int = round(value * 10**9)
    return nanoseconds


def _direction(line: dict[str, Any]) -> int:
    try:
        return _DIRECTIONS[line.get("dir")]  # type: ignore[index]
    except (KeyError, TypeError):
        raise _Bad(f"dir is c2s or s2c, not {_shown(line.get('dir'))}") from None


def _payload(line: dict[str, Any]) -> bytes:
    if "base64" in line:
        try:
            return base64.b64decode(_get(line, "base64", str), validate=True)
        except ValueError:
            raise _Bad("base64 is not in the alphabet of RFC 4648, or without its padding") from None
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
    raise _Bad(f"{name} is a text or null, not {_shown(value)}")


def _moment(text: str) -> str:
    try:
        start_of(text)
    except ValueError:
        raise _Bad(f"started_at is a time such as 2026-11-20T10:00:00Z, not {_shown(text)}") from None
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
        raise _Bad(f"{name} is {_NAMES[kind]}, not {_shown(value)}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _Bad(f"{name} does not fit into 64 bits")
    return value


def _number(line: dict[str, Any], name: str, least: int, most: int, default: Any = _REQUIRED) -> int:
    """A whole number within bounds, which are those of recordings: see `store.verify`."""
    value: int = _get(line, name, int, default)
    if not least <= value <= most:
        raise _Bad(f"{name} is a whole number from {least} to {most}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """A value of the line in an error's text, which stays short."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=float)
    return text if len(text) <= 60 else f"{text[:57]}…"
