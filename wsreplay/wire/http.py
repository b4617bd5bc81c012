"""HTTP/1.x on the proxied port, cut into pieces that together are the very bytes that came in (RFC 9112).

Only heads are held until they are whole; body bytes pass as they come. Heads are read as leniently as servers and browsers read
them, so that no WebSocket goes unseen. What is not HTTP/1.x, or where peers could disagree on where a body ends, turns a stream
`opaque`: from there on its bytes are passed and not looked at. Nothing raises.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

from wsreplay.wire.bodies import BodyError, Chunked, Counted, UntilClose, request_framing, response_framing
from wsreplay.wire.heads import RequestHead, ResponseHead, asks_for_websocket, parse_fields, split_request_line

MAX_HEAD = 256 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"(HTTP/[0-9](?:\.[0-9])?)[ \t]+([0-9]{3})(?:[ \t][^\n]*)?\r?\n?", re.IGNORECASE)

@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of a body: content, and with chunked coding also the chunks' own lines and trailers."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The request or the final response is complete."""

    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Bytes that are passed on without being understood."""

    raw: bytes


Piece = RequestHead | ResponseHead | Body | MessageEnd | Opaque


class _HttpStream(ABC):
    """What both sides have in common: hold bytes until a head is whole, count bodies, turn opaque."""

    def __init__(self) -> None:
        # Why the rest is passed and not looked at.
        self.opaque: str | None = None
        # The rest is known to be no WebSocket.
        self.no_websocket = False
        # What is held: see `held`.
        self._buffer = b""
        # How much of the buffer was searched for the end of a head.
        self._searched = 0
        # What is left of the message whose head has passed.
        self._body: Counted | Chunked | UntilClose | None = None

    @property
    def held(self) -> int:
        """How many bytes are held back: of a head that is not whole yet, or behind an upgrade."""
        return len(self._buffer)

    def take_rest(self) -> bytes:
        """Hand out what is held: the first bytes of the WebSocket."""
        rest, self._buffer = self._buffer, b""
        return rest

    def feed(self, data: bytes) -> list[Piece]:
        """Take in the next bytes; return what they complete, in order."""
        if self._buffer:
            data = self._buffer + data
        self._buffer = data
        pieces: list[Piece] = []
        while self._buffer and (self.opaque or not self._waiting()) and self._step(pieces):
            pass
        return pieces

    @property
    def in_head(self) -> bool:
        """Whether a head has begun and is not whole."""
        return self._body is None and not self.opaque and not self._waiting() and bool(self._buffer.lstrip(b"\r\n"))

    @property
    def in_body(self) -> bool:
        """Whether a body has begun and is not whole."""
        return self._body is not None

    def give_up(self, reason: str, *, no_websocket: bool = False) -> list[Piece]:
        """Pass the rest and do not look at it; return what is held."""
        if not self.opaque:
            self._give_up(reason, no_websocket=no_websocket)
        return self.feed(b"")

    def finish(self) -> list[Piece]:
        """The side has sent its last byte: return the beginning of a head, and the end of a body that goes on until then.

        What is held behind an upgrade stays held.
        """
        pieces: list[Piece] = []
        if self._buffer and (self.opaque or not self._waiting()):
            if not self.opaque:
                self._give_up("a head that ends halfway", no_websocket=True)
            pieces.append(Opaque(self.take_rest()))
        if isinstance(self._body, UntilClose):
            self._end(pieces)
        return pieces

    @abstractmethod
    def _waiting(self) -> bool:
        """Whether what comes next is held back until the other side has spoken."""

    @abstractmethod
    def _may_begin(self, start: bytes) -> bool:
        """Whether a first line can begin with these bytes."""

    @abstractmethod
    def _parse_first_line(self, line: bytes) -> tuple[bytes, ...] | None:
        """The words of a first line; None where it is none."""

    @abstractmethod
    def _head(self, raw: bytes, words: tuple[bytes, ...], fields: bytes, pieces: list[Piece]) -> None:
        """A head is whole: `words` are those of its first line, `fields` all that is behind it.

        Raises BodyError where peers could disagree on the body's end; then nothing was done.
        """

    @abstractmethod
    def _ended(self) -> None:
        """A message is complete."""

    def _step(self, pieces: list[Piece]) -> bool:
        """Take one piece from the buffer; False where it needs more bytes."""
        if self.opaque:
            pieces.append(Opaque(self.take_rest()))
            return False
        if self._body is not None:
            self._take_body(self._body, pieces)
            return True
        return self._take_head(pieces)

    def _take_body(self, body: Counted | Chunked | UntilClose, pieces: list[Piece]) -> None:
        buffer = self._buffer
        try:
            size = body.measure(buffer)
        except BodyError as error:
            self._give_up(str(error))
            return
        pieces.append(Body(buffer[:size]))
        self._buffer = buffer[size:]
        if body.complete:
            self._end(pieces)

    def _take_head(self, pieces: list[Piece]) -> bool:
        buffer = self._buffer
        start = len(buffer) - len(buffer.lstrip(b"\r\n"))
        line_end = buffer.find(b"\n", start) + 1
        words = self._parse_first_line(buffer[start:line_end]) if line_end else None
        if words is None and (line_end or not self._may_begin(buffer[start : start + 5])):
            self._give_up("bytes that are not HTTP/1.x")
            return True
        head_end = _HEAD_END.search(buffer, max(start, self._searched - 3))
        if (head_end.end() if head_end else len(buffer)) > MAX_HEAD:
            self._give_up(f"a head of more than {MAX_HEAD >> 10} KiB")
            return True
        if head_end is None or words is None:
            self._searched = len(buffer)
            return False
        self._searched = 0
        end = head_end.end()
        try:
            self._head(buffer[:end], words, buffer[line_end:end], pieces)
        except BodyError as error:
            self._give_up(str(error))
        else:
            self._buffer = buffer[end:]
        return True

    def _frame_body(self, body: Counted | Chunked | UntilClose, pieces: list[Piece]) -> None:
        self._body = body
        if body.complete:
            self._end(pieces)

    def _end(self, pieces: list[Piece]) -> None:
        self._body = None
        pieces.append(MessageEnd())
        self._ended()

    def _give_up(self, reason: str, *, no_websocket: bool = False) -> None:
        self.opaque = reason
        self.no_websocket = no_websocket
        self._body = None


class RequestStream(_HttpStream):
    """A client's side of a connection.

    After a request that asks for a WebSocket it is `paused` and holds what follows, until `resume` (the answer was not 101)
    or `take_rest` (it became one).
    """

    def __init__(self) -> None:
        super().__init__()
        # whether it holds what follows an upgrade request, and whether it will once that request's body has come
        self.paused = False
        self._pause_after = False

    def resume(self) -> list[Piece]:
        """The upgrade was not granted: go on with HTTP."""
        self.paused = False
        return self.feed(b"")

    def _waiting(self) -> bool:
        return self.paused

    def _may_begin(self, start: bytes) -> bool:
        return not start or 0x21 <= start[0] <= 0x7E

    def _parse_first_line(self, line: bytes) -> tuple[bytes, ...] | None:
        return split_request_line(line)

    def _head(self, raw: bytes, words: tuple[bytes, ...], fields: bytes, pieces: list[Piece]) -> None:
        method, target, version = words
        body = request_framing(fields, version)
        upgrade = method != b"CONNECT" and asks_for_websocket(fields)
        pieces.append(RequestHead(raw, method, target, parse_fields(fields), upgrade, not body.complete))
        self._pause_after = upgrade
        if method == b"CONNECT":
            self._give_up("a CONNECT request", no_websocket=True)
        else:
            self._frame_body(body, pieces)

    def _ended(self) -> None:
        self.paused, self._pause_after = self._pause_after, False


class ResponseStream(_HttpStream):
    """A server's side of a connection. `expect` tells it of each request, in order, before the answer is fed.

    After the 101 that answers an upgrade it is `switched`, and holds what follows for `take_rest`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.switched = False  # to frames
        # requests without their final answer: the method, and whether it asks for an upgrade
        self._expected: deque[tuple[bytes, bool]] = deque()

    def expect(self, method: bytes, upgrade: bool) -> None:
        """A request was sent to the server."""
        self._expected.append((method, upgrade))

    def _waiting(self) -> bool:
        return self.switched

    def _may_begin(self, start: bytes) -> bool:
        return b"HTTP/".startswith(start.upper())

    def _parse_first_line(self, line: bytes) -> tuple[bytes, ...] | None:
        match = _STATUS_LINE.fullmatch(line)
        return match.groups() if match else None

    def _head(self, raw: bytes, words: tuple[bytes, ...], fields: bytes, pieces: list[Piece]) -> None:
        version, code = words
        status = int(code)
        method, upgrade = self._expected[0] if self._expected else (b"GET", False)
        body: Counted | Chunked | UntilClose = Counted(0)
        if status >= 200 and method != b"HEAD" and status not in (204, 304):
            body = response_framing(fields, version)
        self.switched = status == 101 and (upgrade or asks_for_websocket(fields))
        pieces.append(ResponseHead(raw, status, parse_fields(fields), self.switched))
        if status == 101 and not self.switched:
            self._give_up("a switch to another protocol", no_websocket=True)
        elif method == b"CONNECT" and 200 <= status < 300:
            self._give_up("a tunnel", no_websocket=True)
        elif status >= 200:
            self._frame_body(body, pieces)

    def _ended(self) -> None:
        if self._expected:
            self._expected.popleft()

