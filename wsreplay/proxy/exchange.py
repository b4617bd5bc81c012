"""A client's connection while it speaks HTTP: requests are forwarded, heads rewritten, until one becomes a WebSocket."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from wsreplay.proxy.gate import Gate
from wsreplay.proxy.handover import Handover
from wsreplay.proxy.tunnel import Tunnel, reset
from wsreplay.proxy.upstream import DIAL_TIMEOUT_S, DialError, Upstream, dial
from wsreplay.recorder.protocol import Closing, Kind
from wsreplay.wire.heads import RequestHead, ResponseHead, rewrite_request
from wsreplay.wire.http import Piece, RequestStream, ResponseStream

# How much of a client's bytes may wait for the upstream to be dialled.
DIAL_BUFFER = 256 * 2**10


@dataclass
class Route:
    """What all exchanges of a proxy share."""

    handover: Handover
    upstream: Upstream
    context: ssl.SSLContext | None
    keep_host: bool = False
    set_headers: Sequence[tuple[str, str]] = ()
    dial_timeout_s: float = DIAL_TIMEOUT_S
    connection_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    exchanges: set[Exchange] = field(default_factory=set)
    tunnels: set[Tunnel] = field(default_factory=set)
    http_requests: int = 0


class Exchange:
    """One client connection and its upstream connection, before any 101."""

    def __init__(self, route: Route, client: asyncio.Transport) -> None:
        self._route = route
        self.client = client
        self.upstream: asyncio.Transport | None = None
        self._requests = RequestStream()
        self._responses = ResponseStream()
        self._up = Gate()
        self._down = Gate(client)
        self._answers: deque[int | None] = deque()  # per request without an answer: the connection it asks to open
        self._dialing: asyncio.Task[None] | None = None
        self._client_ended = self._upstream_ended = False
        self._over = False
        route.exchanges.add(self)

    # From the client.

    def client_data(self, data: bytes) -> None:
        if self._dialing is None:
            self._dialing = asyncio.get_running_loop().create_task(self._dial())
        self._forward_requests(self._requests.feed(data))
        if self._up.waiting + self._requests.held > DIAL_BUFFER:
            self.client.pause_reading()

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
        if request.upgrade:
            connection = next(route.connection_ids)
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

    def _hand_over(self, kind: Kind, body: bytes, connection: int, gate: Gate) -> None:
        """What follows in this gate waits until the recorder has the record."""
        if not self._route.handover.record(kind, body, connection):
            gate.block()
            self._route.handover.then(gate.unblock)

    def client_eof(self) -> None:
        self._client_ended = True
        self._forward_requests(self._requests.finish())
        if self._dialing is None:
            self.client.close()
        self._up.do(self._end_upstream)

    def _end_upstream(self) -> None:
        assert self.upstream is not None
        if self._upstream_ended or not self.upstream.can_write_eof():
            self._close_both()
        elif not self.upstream.is_closing():
            self.upstream.write_eof()

    def client_lost(self, error: Exception | None) -> None:
        self._lost("client", error)

    # To the upstream.

    async def _dial(self) -> None:
        route = self._route
        try:
            transport = await dial(route.upstream, _UpstreamSide(self), route.context, route.dial_timeout_s)
        except DialError as error:
            self._refuse(error)
            return
        if self._over:
            transport.abort()
            return
        self.upstream = transport
        if not self.client.is_closing():
            self.client.resume_reading()
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
        for piece in self._responses.feed(data):
            if isinstance(piece, ResponseHead):
                self._forward_answer(piece)
            else:
                self._down.write(piece.raw)

    def _forward_answer(self, answer: ResponseHead) -> None:
        final = answer.switched or answer.status >= 200
        connection = self._answers.popleft() if final and self._answers else None
        if connection is None:
            self._down.write(answer.raw)
            return
        self._hand_over(Kind.ACCEPT, answer.raw, connection, self._down)
        self._down.write(answer.raw)
        if answer.switched:
            self._down.do(lambda: self._become_tunnel(connection))
        else:
            self._record_refusal(connection, "server", None)
            self._forward_requests(self._requests.resume())

    def _become_tunnel(self, connection: int) -> None:
        assert self.upstream is not None
        route = self._route
        self._finish()
        tunnel = Tunnel(connection, route.handover, self.client, self.upstream, route.tunnels.discard)
        route.tunnels.add(tunnel)
        self.client.resume_reading()
        tunnel.start(self._requests.take_rest(), self._responses.take_rest())

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
                self._record_refusal(connection, who, f"{who}: closed the connection before the upgrade was answered")
        self._finish()
        if self._dialing is not None and who == "client":
            self._dialing.cancel()
        for transport in (self.client, self.upstream):
            if transport is not None:
                if error is not None:
                    reset(transport)
                else:
                    transport.close()

    def _record_refusal(self, connection: int, by: str, error: str | None) -> None:
        body = msgspec.json.encode(Closing(by=by, error=error, refused=True))
        self._route.handover.record(Kind.CLOSE, body, connection)

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

    def data_received(self, data: bytes) -> None:
        self._exchange.client_data(data)

    def eof_received(self) -> bool:
        self._exchange.client_eof()
        return self._transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._exchange.client_lost(error)

    def pause_writing(self) -> None:
        _read(self._exchange.upstream, False)

    def resume_writing(self) -> None:
        _read(self._exchange.upstream, True)


class _UpstreamSide(asyncio.Protocol):
    """The upstream's answer to one client."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._exchange.upstream_data(data)

    def eof_received(self) -> bool:
        self._exchange.upstream_eof()
        return self._transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._exchange.upstream_lost(error)

    def pause_writing(self) -> None:
        _read(self._exchange.client, False)

    def resume_writing(self) -> None:
        _read(self._exchange.client, True)


def _read(transport: asyncio.Transport | None, on: bool) -> None:
    if transport is not None and not transport.is_closing():
        (transport.resume_reading if on else transport.pause_reading)()


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return "unknown"
    host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
    return f"{host}:{peer[1]}"


