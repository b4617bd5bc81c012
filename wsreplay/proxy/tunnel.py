"""A WebSocket connection after its 101: two legs, and bytes that pass from one to the other untouched."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from enum import Enum

import msgspec

from wsreplay.proxy.recorder_client import RecorderClient
from wsreplay.recorder.protocol import Closing, RecordKind

# How much may wait to be written to a peer before its counterpart is read no further.
WRITE_BUFFER = 256 * 2**10
_RESET = struct.pack("ii", 1, 0)
# A reset throws away what the kernel has not delivered yet: it waits for that, but not for ever.
RESET_PAUSE_S = 0.01
RESET_PATIENCE_S = 5.0
# Why a leg is not read: the recorder has not taken its bytes, its counterpart is full, the proxy stops, too much is kept.
_HELD, _FULL, _STOPPED, _CROWDED = 1, 2, 4, 8


class StreamEnd(Enum):
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


def unsent(transport: asyncio.Transport) -> bool:
    """Whether bytes written to a transport have not arrived at the peer's kernel yet."""
    if transport.get_write_buffer_size():
        return True
    sock = transport.get_extra_info("socket")
    try:
        return fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)) != bytes(4)
    except (OSError, AttributeError, ValueError):
        return False


class Leg(asyncio.Protocol):
    """One peer. Its bytes go to the recorder first, then to the other leg."""

    other: Leg

    def __init__(self, tunnel: Tunnel, direction: int, transport: asyncio.Transport) -> None:
        self.transport = transport
        # how the peer's stream has ended; None: it has not
        self.end: StreamEnd | None = None
        # whether its transport is gone
        self.lost = False
        self._tunnel = tunnel
        self._direction = direction
        self._recorder = tunnel.recorder
        self._connection = tunnel.id
        # how many `hold`s were not taken back; why nothing is read, a bit a reason
        self._held = 0
        self._paused = 0
        self._tls = transport.get_extra_info("sslcontext") is not None
        transport.set_write_buffer_limits(WRITE_BUFFER)

    def data_received(self, data: bytes) -> None:
        if self._recorder.chunk(self._connection, self._direction, data):
            if not self.other.lost:
                self.other.transport.write(data)
        else:
            self.hold()
            waiting = self._recorder.waiting_body()  # what is kept anyway: 1,000 connections may have a chunk waiting each
            self._recorder.on_sent(lambda: self._late(waiting))

    def _late(self, data: memoryview) -> None:
        """The recorder has taken bytes that had to wait."""
        if not self.other.lost:
            self.other.transport.write(data)
        self.release()

    def hold(self) -> None:
        """Read no more, and pass no end on, until `release`."""
        self._held += 1
        self.pause(_HELD)

    def release(self) -> None:
        """Take one `hold` back; without another one reading goes on, and an end that came meanwhile is passed on."""
        self._held -= 1
        if not self._held:
            self.resume(_HELD)
            if self.end is not None:
                self._pass_end()

    def eof_received(self) -> bool:
        if self._tls:
            # There is no half-close in asyncio's TLS: the transport closes itself now, and says so in `connection_lost`.
            return False
        self._ended(StreamEnd.EOF, None)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._ended(StreamEnd.RESET if error is not None else StreamEnd.LOST, error)
        self._tunnel.leg_lost()

    def _ended(self, end: StreamEnd, error: Exception | None) -> None:
        if self.end is None or (self.end is StreamEnd.EOF and end is StreamEnd.RESET):
            self.end = end
            self._tunnel.note_end(self._direction, end, error)
        if not self._held:
            self._pass_end()

    def _pass_end(self) -> None:
        """All bytes were passed on: the other peer learns of the end as it came, half-close for half-close, reset for reset."""
        target = self.other
        if target.lost:
            self.transport.close()
        elif self.end is StreamEnd.RESET:
            target.reset()
        elif self.lost or target._tls or (target.end is not None and not target._held):
            target.transport.close()
        elif not target.transport.is_closing():
            target.transport.write_eof()

    def reset(self, patience_s: float = RESET_PATIENCE_S) -> None:
        """Reset this leg, once what came before the reset has arrived."""
        if self.lost:
            return
        if patience_s > 0 and unsent(self.transport):
            self.pause(_STOPPED)
            asyncio.get_running_loop().call_later(RESET_PAUSE_S, self.reset, patience_s - RESET_PAUSE_S)
        else:
            reset(self.transport)

    def pause_writing(self) -> None:
        self.other.pause(_FULL)

    def resume_writing(self) -> None:
        self.other.resume(_FULL)

    def pause(self, why: int) -> None:
        """Read no more, for this reason; each reason counts once."""
        if not self._paused and not self.lost:
            self.transport.pause_reading()
        self._paused |= why

    def resume(self, why: int) -> None:
        """The reason is gone: read on, unless there is another one."""
        was, self._paused = self._paused, self._paused & ~why
        if was and not self._paused and self.end is None:
            self.transport.resume_reading()


class Tunnel:
    """The two legs of one connection, and its end in the recording."""

    def __init__(
        self,
        connection: int,
        recorder: RecorderClient,
        client: asyncio.Transport,
        server: asyncio.Transport,
        on_closed: Callable[[Tunnel], None],
    ) -> None:
        self.id = connection
        self.recorder = recorder
        self._on_closed = on_closed
        # as it goes on record; None: no peer has ended its stream
        self._closing: Closing | None = None
        # how many of the transports are gone
        self._lost = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.legs = (self.make_leg(0, client), self.make_leg(1, server))
        self.legs[0].other, self.legs[1].other = self.legs[1], self.legs[0]

    def make_leg(self, direction: int, transport: asyncio.Transport) -> Leg:
        """The protocol of one peer: 0 the client, 1 the server."""
        return Leg(self, direction, transport)

    def start(self, client_rest: bytes, server_rest: bytes, full: tuple[bool, bool] = (False, False)) -> None:
        """Take the transports over, with the bytes that were read behind the handshake.

        `full` says which of them, client's and server's, have asked not to be written to for now.
        """
        for leg, is_full in zip(self.legs, full, strict=True):
            leg.transport.set_protocol(leg)
            if is_full:
                leg.pause_writing()
        for leg, rest in zip(self.legs, (client_rest, server_rest), strict=True):
            if rest:
                leg.data_received(rest)
        if self.recorder.crowded:
            self.crowd(True)

    def note_end(self, direction: int, end: StreamEnd, error: Exception | None) -> None:
        """A peer's stream has ended; who was first, and how, goes on record."""
        if self._closing is None:
            who = "server" if direction else "client"
            text = f"{who}: {getattr(error, 'strerror', None) or error}" if end is StreamEnd.RESET else None
            self._closing = Closing(by=who, error=text)

    @property
    def ending(self) -> bool:
        """Whether a peer has ended its stream, and the other is about to."""
        return self._closing is not None

    def leg_lost(self) -> None:
        """A peer's transport is gone; when both are, the connection is over."""
        self._lost += 1
        if self._lost == 2:
            self.recorder.record(RecordKind.CLOSE, msgspec.json.encode(self._closing or Closing()), self.id)
            self._on_closed(self)
            if not self.closed.done():
                self.closed.set_result(None)

    def pause(self) -> None:
        """Read no more from either peer."""
        for leg in self.legs:
            leg.pause(_STOPPED)

    def crowd(self, crowded: bool) -> None:
        """Read no more from either peer while as much is kept for the recorder as may be."""
        for leg in self.legs:
            if crowded:
                leg.pause(_CROWDED)
            else:
                leg.resume(_CROWDED)

    def close(self) -> None:
        """Close both legs, after what was received has been written."""
        for leg in self.legs:
            leg.transport.close()

    def abort(self) -> None:
        """Close both legs at once; what is buffered is lost."""
        for leg in self.legs:
            leg.transport.abort()
