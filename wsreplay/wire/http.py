"""HTTP/1.x on the proxied port, cut into pieces that together are the very bytes that came in (RFC 9112).

Only heads are held until they are whole; body bytes pass as they come. h11 judges each head and so decides how its body is
framed; the bodies are counted here, because h11 does not give a chunk's own bytes back. What is not HTTP/1.x turns a stream
`opaque`: from there on its bytes are passed and not looked at. Nothing raises.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import h11

from wsreplay.wire.bodies import BodyError, Chunked, Counted, UntilClose
from wsreplay.wire.heads import RequestHead, ResponseHead, asks_for_websocket, is_upgrade, parse_head, rewrite_request

__all__ = [
    "Body",
    "End",
    "Opaque",
    "Piece",
    "RequestHead",
    "RequestStream",
    "ResponseHead",
    "ResponseStream",
    "is_upgrade",
    "parse_head",
    "rewrite_request",
]

MAX_HEAD = 256 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_REQUEST_LINE = re.compile(rb"([!-~]+) ([^\x00-\x20\x7f]+) HTTP/(1\.[0-9])[ \t]*\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/(1\.[0-9]) ([0-9]{3})(?: [^\r\n]*)?\r?\n")

@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of a body: content, and with chunked coding also the chunks' own lines and trailers."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The request or the final response is complete."""

    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Bytes that are passed on without being understood."""

    raw: bytes


Piece = RequestHead | ResponseHead | Body | End | Opaque


class _Stream:
    """What both sides have in common: hold bytes until a head is whole, count bodies, turn opaque."""

    _first_line: re.Pattern[bytes]

    def __init__(self) -> None:
        self.opaque: str | None = None
        self._buffer = b""
        self._searched = 0
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
        while self._buffer and not self._waiting() and self._step(pieces):
            pass
        return pieces

    def finish(self) -> list[Piece]:
        """The side has sent its last byte: return the beginning of a head, and the end of a body that goes on until then.

        What is held behind an upgrade stays held.
        """
        pieces: list[Piece] = []
        if self._buffer and not self._waiting():
            pieces.append(Opaque(self.take_rest()))
        if isinstance(self._body, UntilClose):
            self._end(pieces)
        return pieces

    def _waiting(self) -> bool:
        raise NotImplementedError

    def _may_begin(self, start: bytes) -> bool:
        """Whether a first line can begin with these bytes."""
        raise NotImplementedError

    def _head(self, raw: bytes, line: re.Match[bytes], fields: bytes, pieces: list[Piece]) -> None:
        """A head is whole: `line` is its first line, `fields` all that is behind it."""
        raise NotImplementedError

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
        line = self._first_line.match(buffer, start)
        if line is None and (buffer.find(b"\n", start) >= 0 or not self._may_begin(buffer[start : start + 5])):
            self._give_up("not HTTP/1.x")
            return True
        found = _HEAD_END.search(buffer, max(start, self._searched - 3))
        if (found.end() if found else len(buffer)) > MAX_HEAD:
            self._give_up(f"a head of more than {MAX_HEAD >> 10} KiB")
            return True
        if found is None or line is None:
            self._searched = len(buffer)
            return False
        self._searched = 0
        end = found.end()
        try:
            self._head(buffer[:end], line, buffer[line.end() : end], pieces)
        except h11.ProtocolError:
            # What h11 says quotes the line, and a secret may stand in it.
            self._give_up("a head that is not valid HTTP/1.x, or a transfer coding other than chunked")
        else:
            self._buffer = buffer[end:]
        return True

    def _frame_body(self, body: Counted | Chunked | UntilClose, pieces: list[Piece]) -> None:
        self._body = body
        if body.complete:
            self._end(pieces)

    def _end(self, pieces: list[Piece]) -> None:
        self._body = None
        pieces.append(End())
        self._ended()

    def _give_up(self, reason: str) -> None:
        self.opaque = reason
        self._body = None


class RequestStream(_Stream):
    """A client's side of a connection.

    After a request that asks for a WebSocket it is `paused` and holds what follows, until `resume` (the answer was not 101)
    or `take_rest` (it became one).
    """

    _first_line = _REQUEST_LINE

    def __init__(self) -> None:
        super().__init__()
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

    def _head(self, raw: bytes, line: re.Match[bytes], fields: bytes, pieces: list[Piece]) -> None:
        method, target, version = line.groups()
        # h11 wants ASCII in a target; what a target may hold is between the peers.
        server = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        server.receive_data(method + b" / HTTP/" + version + b"\r\n" + fields)
        request = server.next_event()
        assert isinstance(request, h11.Request)
        headers = [(bytes(name), bytes(value)) for name, value in request.headers.raw_items()]
        upgrade = asks_for_websocket(method, headers)
        pieces.append(RequestHead(raw, method, target, headers, upgrade))
        self._pause_after = upgrade
        if method == b"CONNECT":
            self._give_up("a CONNECT request")
        else:
            self._frame_body(_framing(request.headers, otherwise=Counted(0)), pieces)

    def _ended(self) -> None:
        self.paused, self._pause_after = self._pause_after, False


class ResponseStream(_Stream):
    """A server's side of a connection. `expect` tells it of each request, in order, before the answer is fed.

    After the 101 that answers an upgrade it is `switched`, and holds what follows for `take_rest`.
    """

    _first_line = _STATUS_LINE

    def __init__(self) -> None:
        super().__init__()
        self.switched = False
        self._expected: deque[tuple[bytes, bool]] = deque()

    def expect(self, method: bytes, upgrade: bool) -> None:
        """A request was sent to the server."""
        self._expected.append((method, upgrade))

    def _waiting(self) -> bool:
        return self.switched

    def _may_begin(self, start: bytes) -> bool:
        return b"HTTP/".startswith(start)

    def _head(self, raw: bytes, line: re.Match[bytes], fields: bytes, pieces: list[Piece]) -> None:
        version, code = line.groups()
        status = int(code)
        method, upgrade = self._expected[0] if self._expected else (b"GET", False)
        client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "-"), ("Connection", "upgrade"), ("Upgrade", "-")]))
        client.receive_data(b"HTTP/%s %s\r\n" % (version, code) + fields)
        response = client.next_event()
        assert isinstance(response, h11.InformationalResponse | h11.Response)
        headers = [(bytes(name), bytes(value)) for name, value in response.headers.raw_items()]
        self.switched = status == 101 and upgrade
        pieces.append(ResponseHead(raw, status, headers, self.switched))
        if status == 101:
            if not upgrade:
                self._give_up("a switch to another protocol")
        elif method == b"CONNECT" and 200 <= status < 300:
            self._give_up("a tunnel")
        elif status >= 200:
            bodiless = method == b"HEAD" or status in (204, 304)
            self._frame_body(Counted(0) if bodiless else _framing(response.headers, otherwise=UntilClose()), pieces)

    def _ended(self) -> None:
        if self._expected:
            self._expected.popleft()


def _framing(headers: Iterable[tuple[bytes, bytes]], *, otherwise: Counted | UntilClose) -> Counted | Chunked | UntilClose:
    """How a body is framed (RFC 9112, section 6.3), by headers that h11 has found consistent."""
    named = dict(headers)
    if b"transfer-encoding" in named:
        return Chunked()
    if b"content-length" in named:
        return Counted(int(named[b"content-length"]))
    return otherwise
