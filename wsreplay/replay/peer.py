"""One end of a WebSocket that does what it is told: frames exactly as given, closes and resets when asked.

The peer answers pings, and says what comes; it never closes, fragments or compresses by itself, since it plays somebody else.
No extension is negotiated.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from wsreplay.model import CLOSE, Opcode
from wsreplay.proxy import tunnel
from wsreplay.wire.answers import text_answer
from wsreplay.wire.encode import accept_key, frame_bytes
from wsreplay.wire.frames import StreamDecoder
from wsreplay.wire.heads import RequestHead, ResponseHead
from wsreplay.wire.http import RequestStream, ResponseStream
from wsreplay.wire.origins import OriginGate, local_host

_FLUSH_AT = 64 * 2**10
_WRITE_BUFFER = 256 * 2**10


@dataclass
class Listener:
    """What is told of a peer: a message or close frame (opcode, payload, loop time), and the end of its bytes."""

    came: Callable[[int, bytes, float], None]
    ended: Callable[[], None]


class Peer:
    """A connection after its handshake. `direction` is that of the bytes we send."""

    def __init__(self, transport: asyncio.Transport, direction: int, listener: Listener) -> None:
        self.transport = transport
        self.listener = listener
        self.bytes_over = asyncio.get_running_loop().create_future()  # done when the other side's bytes have ended
        self.over = asyncio.get_running_loop().create_future()  # done when a close frame has come, or the bytes have ended
        self.close_payload: bytes | None = None  # of the close frame that came
        # Nothing of ours may follow.
        self.sent_close = False
        self.control: Counter[int] = Counter()  # control frames that came since the last message, by their opcode
        # Whole messages, of each side.
        self.said = self.heard = 0
        self._masked = direction == 0
        self._decoder = StreamDecoder(direction=1 - direction, prompt=True)
        # What gathers until it is written in one go.
        self._out: list[bytes] = []
        self._waiting = 0  # bytes in _out
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = asyncio.Event()  # set when anything comes
        transport.set_write_buffer_limits(_WRITE_BUFFER)

    # What comes.

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()  # the clock of the loop, in finer steps than uvloop shows it
        for frame in self._decoder.feed(data, 0):
            if frame.message_opcode in (Opcode.TEXT, Opcode.BINARY):
                self.control.clear()
                self.listener.came(frame.message_opcode, frame.message or b"", now)
                self.heard += 1  # at last: who knows of it finds what it led to
                continue
            self.control[frame.opcode] += 1
            if frame.opcode == Opcode.PING and not self.sent_close:
                self.send(Opcode.PONG, frame.payload)
                self.flush()
            elif frame.opcode == Opcode.CLOSE and self.close_payload is None:
                self.close_payload = frame.payload
                self._set_over()
                self.listener.came(Opcode.CLOSE, frame.payload, now)
        self._heard.set()

    @property
    def unfinished(self) -> int:
        """How many bytes of an unfinished message have come."""
        return self._decoder.received - self._decoder.frontier

    async def hear(self) -> None:
        """Wait until more comes, or nothing can come any more."""
        self._heard.clear()
        await self._heard.wait()

    def bytes_ended(self) -> None:
        """The other side sends no more."""
        if not self.bytes_over.done():
            self.bytes_over.set_result(None)
            self._set_over()
            self.listener.ended()
        self._writable.set()
        self._heard.set()

    def _set_over(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    # What goes.

    def send(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        """Put a frame on its way; it goes with the next flush, or once enough has gathered."""
        self.send_raw(frame_bytes(opcode, payload, fin, self._masked))
        self.said += fin and opcode < CLOSE
        if opcode == CLOSE:
            self.sent_close = True

    def send_raw(self, data: bytes) -> None:
        """Put bytes on their way that are no frame of ours, as `send`."""
        self._out.append(data)
        self._waiting += len(data)
        if self._waiting >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if self._out:
            if not self.transport.is_closing():
                self.transport.write(b"".join(self._out))
            self._out.clear()
            self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether the other side takes no more for now."""
        return not self._writable.is_set()

    async def drain(self) -> None:
        """Wait until the other side takes more."""
        await self._writable.wait()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # The end.

    def close(self) -> None:
        """Close the TCP connection, behind what was sent."""
        self.flush()
        self.transport.close()

    def reset(self) -> None:
        """Reset the TCP connection, behind what the kernel has taken."""
        self.flush()
        tunnel.reset(self.transport)


class Wire(asyncio.Protocol, ABC):
    """The bytes of one TCP connection: HTTP until the handshake is done, frames from there on."""

    def __init__(self) -> None:
        # None until the handshake is done
        self.peer: Peer | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.data_received(data)
        else:
            self.handshake_data(data)

    @abstractmethod
    def handshake_data(self, data: bytes) -> None:
        """Bytes came before there is a peer."""

    def eof_received(self) -> bool:
        if self.peer is not None:
            self.peer.bytes_ended()
            return self.transport.can_write_eof()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.peer is not None:
            self.peer.bytes_ended()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.pause_writing()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.resume_writing()


class ServerWire(Wire):
    """A connection to our server. `on_request` decides what becomes of an upgrade request: it calls `accept` or `refuse`."""

    def __init__(
        self, on_request: Callable[[ServerWire, RequestHead], None], on_lost: Callable[[ServerWire], None], origins: OriginGate
    ) -> None:
        super().__init__()
        self._origins = origins
        self._on_request, self._on_lost = on_request, on_lost
        self._requests = RequestStream()
        # Sec-WebSocket-Key of the request
        self._key = b""

    def handshake_data(self, data: bytes) -> None:
        for piece in self._requests.feed(data):
            if isinstance(piece, RequestHead):
                refusal = self._origins.refusal(piece.headers, local_host(self.transport))
                if refusal is not None:
                    self.refuse(403, "Forbidden", f"wsreplay: {refusal}\n")
                    return
                if not piece.upgrade:
                    self.refuse(426, "Upgrade Required", "this port speaks WebSocket only\n", (("Upgrade", "websocket"),))
                    return
                named = {name.lower(): value for name, value in piece.headers}
                self._key = named.get(b"sec-websocket-key", b"").strip()
                self._on_request(self, piece)
        if self._requests.opaque is not None:
            self.transport.abort()

    def accept(self, subprotocol: str | None, listener: Listener) -> Peer:
        """Answer with 101; the peer speaks from then on. What came behind the request is told in the next turn of the loop."""
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade",
                 b"Sec-WebSocket-Accept: " + accept_key(self._key)]  # fmt: skip
        if subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("latin-1", "replace"))
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
        self.peer = peer = Peer(self.transport, 1, listener)
        rest = self._requests.take_rest()
        if rest:
            # The caller gets its peer before it is told what came.
            asyncio.get_running_loop().call_soon(peer.data_received, rest)
        return peer

    def refuse(self, status: int, reason: str, text: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer with another status, and close."""
        head, body = text_answer(status, text, headers, reason)
        self.transport.write(head + body)
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._on_lost(self)


class ClientWire(Wire):
    """A connection of our client. `answered` gives the head of the server's answer, or None where it ended without one."""

    def __init__(self, request: bytes, listener: Listener) -> None:
        super().__init__()
        self.answered: asyncio.Future[ResponseHead | None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request, self._listener = request, listener
        self._responses = ResponseStream()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._responses.expect(b"GET", True)
        self.transport.write(self._request)

    def handshake_data(self, data: bytes) -> None:
        for piece in self._responses.feed(data):
            if isinstance(piece, ResponseHead) and (piece.switched or piece.status >= 200) and not self.answered.done():
                self.answered.set_result(piece)
                if piece.switched:
                    self.peer = peer = Peer(self.transport, 0, self._listener)
                    rest = self._responses.take_rest()
                    if rest:
                        asyncio.get_running_loop().call_soon(peer.data_received, rest)
                else:
                    self.transport.close()
                return
        if self._responses.opaque is not None:
            self._no_answer()

    def eof_received(self) -> bool:
        self._no_answer()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._no_answer()
        super().connection_lost(error)
        if not self.lost.done():
            self.lost.set_result(None)

    def _no_answer(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)
