"""A WebSocket connection after its 101: two legs, and bytes that pass from one to the other untouched."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum

import msgspec

from wsreplay.proxy.handover import Handover
from wsreplay.recorder.protocol import Closing, Kind

# How much may wait to be written to a peer before its counterpart is read no further.
WRITE_BUFFER = 256 * 2**10
_RESET = struct.pack("ii", 1, 0)
# Why a leg is not read: the recorder has not taken its bytes, its counterpart is full, the proxy stops.
_HELD, _FULL, _STOPPED = 1, 2, 4


class End(Enum):
    """How the stream of bytes from a peer ended."""

    EOF = "eof"
    RESET = "reset"
    LOST = "lost"


def reset(transport: asyncio.Transport) -> None:
    """Close with a TCP reset."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass  # gone already
    transport.abort()


class Leg(asyncio.Protocol):
    """One peer. Its bytes go to the recorder first, then to the other leg."""

    other: Leg

    def __init__(self, tunnel: Tunnel, direction: int, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.end: End | None = None
        self.lost = False
        self._tunnel = tunnel
        self._direction = direction
        self._handover = tunnel.handover
        self._connection = tunnel.id
        self._held = 0
        self._paused = 0
        self._tls = transport.get_extra_info("sslcontext") is not None
        self._reset_when_empty = False
        transport.set_write_buffer_limits(WRITE_BUFFER)

    def data_received(self, data: bytes) -> None:
        if self._handover.chunk(self._connection, self._direction, data):
            self.other.transport.write(data)
        else:
            self._held += 1
            self.pause(_HELD)
            self._handover.then(lambda: self._late(data))

    def _late(self, data: bytes) -> None:
        """The recorder has taken bytes that had to wait."""
        self._held -= 1
        if not self.other.lost:
            self.other.transport.write(data)
        if not self._held:
            self.resume(_HELD)
            if self.end is not None:
                self._pass_end()

    def eof_received(self) -> bool:
        self._ended(End.EOF, None)
        # A TLS transport closes itself now: there is no half-close in asyncio's TLS.
        return not self._tls

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._ended(End.RESET if error is not None else End.LOST, error)
        self._tunnel.leg_lost()

    def _ended(self, end: End, error: Exception | None) -> None:
        if self.end is None or (self.end is End.EOF and end is End.RESET):
            self.end = end
            self._tunnel.note_end(self._direction, end, error)
            if not self._held:
                self._pass_end()

    def _pass_end(self) -> None:
        """The other peer learns of the end as it came: half-close for half-close, reset for reset."""
        target = self.other
        if target.lost:
            self.transport.close()
        elif self.end is End.RESET:
            target.reset()
        elif self.end is End.LOST or target._tls or target.end is not None:
            target.transport.close()
            if self.end is End.EOF:
                self.transport.close()
        elif not target.transport.is_closing():
            target.transport.write_eof()

    def reset(self) -> None:
        if self.transport.get_write_buffer_size():
            # What came before the reset still arrives before it.
            self._reset_when_empty = True
            self.transport.set_write_buffer_limits(0)
        else:
            reset(self.transport)

    def pause_writing(self) -> None:
        self.other.pause(_FULL)

    def resume_writing(self) -> None:
        if self._reset_when_empty:
            reset(self.transport)
        else:
            self.other.resume(_FULL)

    def pause(self, why: int) -> None:
        if not self._paused and not self.lost:
            self.transport.pause_reading()
        self._paused |= why

    def resume(self, why: int) -> None:
        was, self._paused = self._paused, self._paused & ~why
        if was and not self._paused and not self.lost:
            self.transport.resume_reading()


class Tunnel:
    """The two legs of one connection, and its end in the recording."""

    def __init__(
        self,
        connection: int,
        handover: Handover,
        client: asyncio.Transport,
        server: asyncio.Transport,
        on_closed: Callable[[Tunnel], None],
    ) -> None:
        self.id = connection
        self.handover = handover
        self._on_closed = on_closed
        self._closing: Closing | None = None
        self._lost = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.legs = (Leg(self, 0, client), Leg(self, 1, server))
        self.legs[0].other, self.legs[1].other = self.legs[1], self.legs[0]

    def start(self, client_rest: bytes, server_rest: bytes) -> None:
        """Take the transports over, with the bytes that were read behind the handshake."""
        for leg, rest in zip(self.legs, (client_rest, server_rest), strict=True):
            leg.transport.set_protocol(leg)
            if rest:
                leg.data_received(rest)

    def note_end(self, direction: int, end: End, error: Exception | None) -> None:
        if self._closing is None:
            who = "server" if direction else "client"
            text = f"{who}: {getattr(error, 'strerror', None) or error}" if end is End.RESET else None
            self._closing = Closing(by=who, error=text)

    def leg_lost(self) -> None:
        self._lost += 1
        if self._lost == 2:
            self.handover.record(Kind.CLOSE, msgspec.json.encode(self._closing or Closing()), self.id)
            self._on_closed(self)
            if not self.closed.done():
                self.closed.set_result(None)

    def pause(self) -> None:
        """Read no more from either peer."""
        for leg in self.legs:
            leg.pause(_STOPPED)

    def close(self) -> None:
        """Close both legs, after what was received has been written."""
        for leg in self.legs:
            leg.transport.close()

    def abort(self) -> None:
        for leg in self.legs:
            leg.transport.abort()
