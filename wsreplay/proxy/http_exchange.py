"""A client's connection while it speaks HTTP: requests are forwarded, heads rewritten, until one becomes a WebSocket."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from wsreplay.proxy.ordered_writer import OrderedWriter
from wsreplay.proxy.recording import OutputRecording
from wsreplay.proxy.tunnel import Tunnel, reset
from wsreplay.proxy.upstream import DIAL_TIMEOUT_S, DialError, Upstream, dial
from wsreplay.recorder.protocol import Closing, Kind
from wsreplay.wire.heads import RequestHead, ResponseHead, rewrite_request
from wsreplay.wire.http import End, Piece, RequestStream, ResponseStream

# How much of a peer's bytes may wait: for the upstream to be dialled, for the recorder, for the answer to an upgrade.
# More than the longest head.
MAX_WAITING = 512 * 2**10


@dataclass
class Route:
    """What all exchanges of a proxy share. `recording` is where new connections are recorded."""

    recording: OutputRecording
    upstream: Upstream
    context: ssl.SSLContext | None
    keep_host: bool = False
    set_headers: Sequence[tuple[str, str]] = ()
    dial_timeout_s: float = DIAL_TIMEOUT_S
    exchanges: set[Exchange] = field(default_factory=set)
    tunnels: set[Tunnel] = field(default_factory=set)
    http_requests: int = 0
    stopped: bool = False
    make_tunnel: Callable[..., Tunnel] = Tunnel


class Exchange:
    """One client connection and its upstream connection, before any 101."""

    def __init__(self, route: Route, client: asyncio.Transport) -> None:
        self._route = route
        self._recording = route.recording
        self.client = client
        self.upstream: asyncio.Transport | None = None
        self._requests = RequestStream()
        self._responses = ResponseStream()
        self._up = OrderedWriter(None, self._throttle)
        self._down = OrderedWriter(client, self._throttle)
        self._answers: deque[int | None] = deque()  # per request without an answer: the connection it asks to open
        self._unfinished = 0  # requests whose answer is not complete
        self._full = [False, False]  # which of client and upstream have enough to write for now
        self._dialing: asyncio.Task[None] | None = None
        self._client_ended = self._upstream_ended = False
        self._over = False
        route.exchanges.add(self)

    # From the client.

    def client_data(self, data: bytes) -> None:
        if self._over:
            return
        if self._dialing is None:
            self._dialing = asyncio.get_running_loop().create_task(self._dial())
        self._forward_requests(self._requests.feed(data))
        self._throttle()

    def _forward_requests(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, RequestHead):
                self._forward_request(piece)
            else:
                self._up.write(piece.raw)

    def _forward_request(self, request: RequestHead) -> None:
        route = self._route
        connection = None
        self._responses.expect(request.method, request.upgrade)
        self._unfinished += 1
        if request.upgrade:
            if not any(self._answers):
                self._recording = route.recording
            connection = self._recording.open()
            self._hand_over(Kind.OPEN, _address(self.client).encode() + b"\n" + request.raw, connection, self._up)
        else:
            route.http_requests += 1
        self._answers.append(connection)
        self._up.write(
            rewrite_request(
                request,
                host=None if route.keep_host else route.upstream.host_header,
                prefix=route.upstream.prefix,
                set_headers=route.set_headers,
            )
        )

    def _hand_over(self, kind: Kind, body: bytes, connection: int, writer: OrderedWriter) -> None:
        """What follows in this writer waits until the recorder has the record."""
        if not self._recording.recorder.record(kind, body, connection):
            writer.block()
            self._recording.recorder.on_sent(writer.unblock)

    def _throttle(self) -> None:
        """Read a peer only while what came from it finds its way."""
        if self._over:
            return
        if not self._client_ended:
            _read(self.client, not self._full[1] and self._up.waiting + self._requests.held <= MAX_WAITING)
        if self.upstream is not None and not self._upstream_ended:
            _read(self.upstream, not self._full[0] and self._down.waiting <= MAX_WAITING)

    def is_full(self, direction: int, full: bool) -> None:
        """The transport to the client (0) or the upstream (1) has enough to write, or not any more."""
        self._full[direction] = full
        self._throttle()

    def client_eof(self) -> None:
        self._client_ended = True
        self._forward_requests(self._requests.finish())
        if self._dialing is None:
            self.client.close()
        self._up.do(self._end_upstream)

    def _end_upstream(self) -> None:
        """The client will send no more. What cannot be half-closed is closed once all answers are there."""
        assert self.upstream is not None
        if self._over or self.upstream.is_closing():
            return
        if self._upstream_ended or not (self._unfinished or self.upstream.can_write_eof()):
            self._close_both()
        elif self.upstream.can_write_eof():
            self.upstream.write_eof()

    def client_lost(self, error: Exception | None) -> None:
        self._lost("client", error)

    # To the upstream.

    async def _dial(self) -> None:
        route = self._route
        try:
            await dial(route.upstream, lambda: _UpstreamSide(self), route.context, route.dial_timeout_s)
        except DialError as error:
            self._refuse(error)

    def upstream_made(self, transport: asyncio.Transport) -> None:
        if self._over:
            transport.abort()
            return
        self.upstream = transport
        self._up.open(transport)

    def _refuse(self, error: DialError) -> None:
        """Answer in the upstream's place."""
        if self._over:
            return
        reason = "Gateway Timeout" if error.status == 504 else "Bad Gateway"
        text = f"wsreplay: {error}\n".encode()
        head = (
            f"HTTP/1.1 {error.status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        ).encode()
        for connection in self._answers:
            if connection is not None:
                self._hand_over(Kind.ACCEPT, head, connection, self._down)
                self._record_refusal(connection, "proxy", str(error))
        if self._answers or self._requests.held:
            self._down.write(head + text)
        self._answers.clear()
        self._down.do(self._close_both)

    # From the upstream.

    def upstream_data(self, data: bytes) -> None:
        if self._over:
            return
        for piece in self._responses.feed(data):
            if isinstance(piece, ResponseHead):
                self._forward_answer(piece)
            else:
                self._down.write(piece.raw)
                if isinstance(piece, End):
                    self._answered()
        self._throttle()

    def _answered(self) -> None:
        self._unfinished = max(0, self._unfinished - 1)
        if self._client_ended and not self._unfinished:
            self._down.do(self._end_upstream)

    def _forward_answer(self, answer: ResponseHead) -> None:
        final = answer.switched or answer.status >= 200
        connection = self._answers.popleft() if final and self._answers else None
        if connection is None:
            self._down.write(answer.raw)
            return
        self._hand_over(Kind.ACCEPT, answer.raw, connection, self._down)
        self._down.write(answer.raw)
        if answer.switched:
            self._become_tunnel(connection)
        else:
            self._record_refusal(connection, "server", None)
            self._forward_requests(self._requests.resume())

    def _become_tunnel(self, connection: int) -> None:
        assert self.upstream is not None
        route = self._route
        self._finish()
        tunnel = route.make_tunnel(connection, self._recording.recorder, self.client, self.upstream, self._tunnel_closed)
        route.tunnels.add(tunnel)
        client, server = tunnel.legs
        # Nothing of the server passes before its 101, which may wait for the recorder.
        server.hold()
        self._down.do(server.release)
        _read(self.client, not self._client_ended)
        tunnel.start(self._requests.take_rest(), self._responses.take_rest(), (self._full[0], self._full[1]))
        if self._client_ended:
            client.eof_received()

    def _tunnel_closed(self, tunnel: Tunnel) -> None:
        self._route.tunnels.discard(tunnel)
        self._recording.ended()

    def upstream_eof(self) -> None:
        self._upstream_ended = True
        for piece in self._responses.finish():
            self._down.write(piece.raw)
        self._down.do(self._end_client)

    def _end_client(self) -> None:
        if self._client_ended or not self.client.can_write_eof():
            self._close_both()
        elif not self.client.is_closing():
            self.client.write_eof()

    def upstream_lost(self, error: Exception | None) -> None:
        self._lost("server", error)

    # The end.

    def _lost(self, who: str, error: Exception | None) -> None:
        if self._over:
            return
        for connection in self._answers:
            if connection is not None:
                self._record_refusal(connection, who, self._why_unanswered(who))
        self._finish()
        if self._dialing is not None and who == "client":
            self._dialing.cancel()
        for transport in (self.client, self.upstream):
            if transport is not None:
                if error is not None and not transport.get_write_buffer_size():
                    reset(transport)
                else:
                    transport.close()

    def _why_unanswered(self, who: str) -> str:
        if self._responses.opaque:
            return f"server: its answer is no HTTP that can be read ({self._responses.opaque}); it passed unrecorded"
        return f"{who}: closed the connection before the upgrade was answered"

    def _record_refusal(self, connection: int, by: str, error: str | None) -> None:
        body = msgspec.json.encode(Closing(by=by, error=error, refused=True))
        self._recording.recorder.record(Kind.CLOSE, body, connection)
        self._recording.ended()

    def _close_both(self) -> None:
        self.client.close()
        if self.upstream is not None:
            self.upstream.close()

    def _finish(self) -> None:
        self._over = True
        self._route.exchanges.discard(self)

    def close(self) -> None:
        """The proxy stops."""
        if self._dialing is not None and self.upstream is None:
            self._dialing.cancel()
        self._close_both()


class ClientSide(asyncio.Protocol):
    """A client that has just connected."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._exchange: Exchange

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._exchange = Exchange(self._route, self._transport)
        if self._route.stopped:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._exchange.client_data(data)

    def eof_received(self) -> bool:
        self._exchange.client_eof()
        return self._transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._exchange.client_lost(error)

    def pause_writing(self) -> None:
        self._exchange.is_full(0, True)

    def resume_writing(self) -> None:
        self._exchange.is_full(0, False)


class _UpstreamSide(asyncio.Protocol):
    """The upstream's answer to one client."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._exchange.upstream_made(self._transport)

    def data_received(self, data: bytes) -> None:
        self._exchange.upstream_data(data)

    def eof_received(self) -> bool:
        self._exchange.upstream_eof()
        return self._transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._exchange.upstream_lost(error)

    def pause_writing(self) -> None:
        self._exchange.is_full(1, True)

    def resume_writing(self) -> None:
        self._exchange.is_full(1, False)


def _read(transport: asyncio.Transport, on: bool) -> None:
    if not transport.is_closing():
        (transport.resume_reading if on else transport.pause_reading)()


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return "unknown"
    host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
    return f"{host}:{peer[1]}"


