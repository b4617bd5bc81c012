"""JSONL exchange lines become a recording. Secrets are redacted on the way, as when recording."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import orjson

import wsreplay
from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import OPCODES, VERSION, default_ending, default_wire_length, found_type
from wsreplay.formats.jsonl_fields import (
    TOO_DEEP,
    BadLine,
    NotJson,
    direction_of,
    headers_of,
    json_text,
    member,
    moment_of,
    nanoseconds_of,
    number_of,
    parse_line,
    payload_of,
    shown,
    text_or_none,
)  # fmt: skip
from wsreplay.formats.remarks import Remarks
from wsreplay.model import FIN, MASKED, Connection, Ending, Frame
from wsreplay.store.creation import new_recording
from wsreplay.store.verify import MOST_FRAME_ID, MOST_ID
from wsreplay.store.writer import Writer
from wsreplay.trace.frame_redaction import WITHHELD, FrameRedactor
from wsreplay.trace.identity import identify
from wsreplay.trace.redaction import Redactor

_BATCH = 10_000  # lines
_BATCH_BYTES = 8 * 2**20  # of payloads
LONGEST_LINE = 256 * 2**20  # bytes
_NOT_OURS = "not JSON; import reads JSON lines as `wsreplay export` writes them, HAR, and mitmproxy's flow files"
MOST_OFFSET = 2**62  # sums of two such still fit into 64 bits


def read_lines(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """The lines of a file with their line feeds. Raises ImportFormatError where one is longer than LONGEST_LINE."""
    for number in itertools.count(1):
        line = stream.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            text = f"the line is longer than {LONGEST_LINE // 2**20} MiB, the most that import reads"
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
                    intake.take(parse_line(line))
                except NotJson as error:
                    if not intake.has_begun or line.endswith(b"\n") or next(remaining, None) is not None:
                        reason = str(error) if intake.has_begun else _NOT_OURS
                        raise ImportFormatError(reason, file=source, line=number) from None
                    if remarks is not None:
                        end = position + len(line)
                        remarks.add(f"line {number}", f"cut off at byte {end:,}: the lines before it are complete")
                except BadLine as error:
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
            except BadLine as error:
                raise ImportFormatError(str(error), file=source) from None
        intake.finish(source)


class _Intake:
    def __init__(self, writer: Writer, redactor: Redactor) -> None:
        self._writer = writer
        self._redactor = redactor
        self._frames = FrameRedactor(redactor)
        # The run that began last; 0 until the header is read.
        self._run_id = 0
        # The latest time so far.
        self._last_ns = 0
        # Since the last commit: lines, and bytes of their payloads.
        self._lines = self._bytes = 0
        # By run, how far the file says that it reaches.
        self._given_reach: dict[int, int] = {}
        # Those that no line has closed.
        self._connections: dict[int, Connection] = {}
        # By connection, how many frames it has; one that is closed stays.
        self._seq: dict[int, int] = {}
        # By connection and direction: where the next frame would begin, and the fragments of a message so far.
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
            raise BadLine(f'not a wsreplay export: line 1 must be {{"wsreplay": {VERSION}, …}}')
        for name, method in self._KINDS.items():
            if name in line:
                method(self, line)
                break
        else:
            raise BadLine("neither open, accept, opcode, close, gap, hold, mark, fault nor run")
        self._lines += 1
        if self._lines >= _BATCH or self._bytes >= _BATCH_BYTES:
            self._lines = self._bytes = 0
            self._writer.commit()

    def _header(self, line: dict[str, Any]) -> None:
        if line["wsreplay"] != VERSION:
            raise BadLine(f"version {shown(line['wsreplay'])} of the exchange format; this wsreplay reads version {VERSION}")
        if self._run_id:
            raise BadLine("a second header")
        self._run(line, 0)

    def _run(self, line: dict[str, Any], start_ns: int) -> None:
        started_at = moment_of(member(line, "started_at", str, "1970-01-01T00:00:00Z"))
        try:
            self._run_id = self._writer.insert_run(
                started_at=started_at, start_ns=start_ns, upstream=self._redactor.url(member(line, "upstream", str, "")),
                listen=member(line, "listen", str, ""), version=member(line, "version", str, wsreplay.__version__),
                options=member(line, "options", dict, {}),
                ended_ns=nanoseconds_of(line["ended"]) if line.get("ended") is not None else None,
            )  # fmt: skip
        except orjson.JSONEncodeError:
            raise BadLine(TOO_DEEP) from None
        if line.get("reached") is not None:
            self._given_reach[self._run_id] = nanoseconds_of(line["reached"])

    def _another_run(self, line: dict[str, Any]) -> None:
        self._run(line, self._time(line))

    def _open(self, line: dict[str, Any]) -> None:
        details, id = member(line, "open", dict), number_of(line, "connection", 1, MOST_ID)
        if id in self._seq:
            raise BadLine(f"connection {id} is opened twice")
        run = number_of(details, "run", 1, MOST_ID, 1)
        if run > self._run_id:
            raise BadLine(f"run {run} has not begun here")
        self._seq[id] = 0
        path, headers = member(details, "path", str, "/"), headers_of(details.get("headers"))
        user = details["user"] if "user" in details else identify(path, headers, self._redactor)
        self._connections[id] = connection = Connection(
            id,
            run,
            self._time(line),
            peer=member(details, "peer", str, None),
            path=self._redactor.path(path),
            subprotocol=self._redactor.subprotocol(member(details, "subprotocol", str, None)),
            request_headers=self._redactor.headers(headers),
            status=101 if "subprotocol" in details else None,
            user=text_or_none(user, "user"),
        )
        self._frames.open(id, path, connection.subprotocol)
        self._writer.insert_connection(connection)

    def _accept(self, line: dict[str, Any]) -> None:
        details, connection = member(line, "accept", dict), self._connection(line)
        headers = self._redactor.headers(headers_of(details.get("headers")))
        columns: dict[str, Any] = {
            "status": member(details, "status", int, 101),
            "response_headers": orjson.dumps(headers).decode(),
            "extensions": member(details, "extensions", str, None),
        }
        if "subprotocol" in details:
            columns["subprotocol"] = self._redactor.subprotocol(member(details, "subprotocol", str, None))
            self._frames.accept(connection.id, columns["subprotocol"])
        self._writer.update_connection(connection.id, **columns)

    def _frame(self, line: dict[str, Any]) -> None:
        connection, t_ns, direction = self._connection(line), self._time(line), direction_of(line)
        opcode = line["opcode"]
        is_number = isinstance(opcode, int) and not isinstance(opcode, bool) and 0 <= opcode <= 15
        number = opcode if is_number else OPCODES.get(opcode) if isinstance(opcode, str) else None
        if number is None:
            raise BadLine(f"opcode {shown(opcode)} is none of {', '.join(OPCODES)}")
        payload = payload_of(line)
        masked = member(line, "masked", bool, direction == 0)
        flags = (FIN if member(line, "fin", bool, True) else 0) | (MASKED if masked else 0)
        for bit in member(line, "rsv", list, []):
            if bit not in (1, 2, 3):
                raise BadLine("rsv must list the reserved bits that are set, out of 1, 2 and 3")
            flags |= 1 << bit
        place = connection.id, direction
        length = number_of(line, "wire_length", 0, MOST_OFFSET, default_wire_length(len(payload), masked))
        offset = number_of(line, "offset", 0, MOST_OFFSET, min(MOST_OFFSET, self._offsets.get(place, 0)))
        self._offsets[place] = offset + length
        self._bytes += len(payload)
        seq = self._seq[connection.id] = self._seq[connection.id] + 1
        frame = Frame(0, connection.id, seq, t_ns, direction, number, flags, length, offset, None, payload)
        kind = found_type(self._unfinished, frame)
        if "type" in line:
            kind = text_or_none(line["type"], "type")
        payload, withheld = self._frames.payload(frame)
        self._writer.add_frames([(connection.id, seq, t_ns, direction, number, flags, length, offset, kind, payload)])
        if withheld:
            self._writer.add_gap(connection.id, direction, self._writer.last_frame_id, WITHHELD, withheld)

    def _close(self, line: dict[str, Any]) -> None:
        details, connection = member(line, "close", dict), self._connection(line)
        by, code = member(details, "by", str, None), member(details, "code", int, None)
        try:
            ending = Ending(details["ending"]) if "ending" in details else default_ending(by, code)
        except ValueError:
            raise BadLine(f"ending {shown(details['ending'])} is none of {', '.join(Ending)}") from None
        self._writer.update_connection(
            connection.id,
            closed_ns=self._time(line),
            ending=str(ending),
            closed_by=None if by == "drop" else by,
            close_code=code,
            close_reason=member(details, "reason", str, None),
            error=member(details, "error", str, None),
        )
        del self._connections[connection.id]

    def _gap(self, line: dict[str, Any]) -> None:
        details = member(line, "gap", dict)
        after = number_of(details, "after", 0, MOST_FRAME_ID, self._writer.last_frame_id)
        values = after, member(details, "reason", str, ""), number_of(details, "bytes", 0, MOST_OFFSET, 0)
        self._writer.add_gap(number_of(line, "connection", 1, MOST_ID), direction_of(line), *values)

    def _hold(self, line: dict[str, Any]) -> None:
        self._writer.add_hold(self._time(line), nanoseconds_of(member(line, "hold", dict).get("until")))

    def _mark(self, line: dict[str, Any]) -> None:
        details = member(line, "mark", dict)
        self._writer.add_mark(self._time(line), member(details, "note", str, ""), member(details, "frame", int, None))

    def _fault(self, line: dict[str, Any]) -> None:
        details = member(line, "fault", dict)
        direction = None if line.get("dir") is None else direction_of(line)
        self._writer.add_fault(
            self._time(line), member(details, "kind", str), member(details, "detail", str, ""),
            member(line, "connection", int, None), direction, member(details, "frame", int, None),
        )  # fmt: skip

    def _tail(self, line: dict[str, Any]) -> None:
        details = member(line, "tail", dict)
        place = number_of(line, "connection", 1, MOST_ID), direction_of(line), number_of(details, "offset", 0, MOST_OFFSET)
        data, t_ns = payload_of(details), self._time(line)
        self._bytes += len(data)
        if not self._redactor.hides_payloads:  # of bytes that are no message nobody knows what is in them
            self._writer.add_tail(*place, t_ns, data)

    def _finding(self, line: dict[str, Any]) -> None:
        details = member(line, "finding", dict)
        body = json_text(member(details, "body", dict))
        self._writer.add_finding(member(details, "contract", str), member(details, "digest", str), body)

    # What a line is, is told by the word that only its kind has.
    _KINDS: ClassVar[dict[str, Callable[[_Intake, dict[str, Any]], None]]] = {
        "open": _open, "accept": _accept, "opcode": _frame, "close": _close, "gap": _gap, "hold": _hold, "mark": _mark,
        "fault": _fault, "tail": _tail, "finding": _finding, "run": _another_run,
    }  # fmt: skip

    def _connection(self, line: dict[str, Any]) -> Connection:
        id = member(line, "connection", int)
        if id not in self._connections:
            raise BadLine(f"connection {id} is not open here")
        return self._connections[id]

    def _time(self, line: dict[str, Any]) -> int:
        t_ns = nanoseconds_of(line.get("t"))
        self._last_ns = max(self._last_ns, t_ns)
        return t_ns

    def finish(self, source: str) -> None:
        """The last line is read. What no line closed is truncated at the trace's last time."""
        if not self._run_id:
            raise ImportFormatError("nothing to import", file=source)
        for connection in self._connections.values():
            self._writer.update_connection(connection.id, closed_ns=self._last_ns, ending=str(Ending.TRUNCATED))
        for run in range(1, self._run_id + 1):
            self._writer.update_run(run, reached_ns=self._given_reach.get(run, self._last_ns))
