"""A client's connection while it speaks HTTP: requests are forwarded, heads rewritten, until one becomes a WebSocket.

Where a side's bytes cannot be read as HTTP any more, they pass as they come, and a connection in the recording says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from wsreplay.proxy.exchange_side import Side
from wsreplay.proxy.exchange_timeouts import ExchangeTimeouts, Timeout
from wsreplay.proxy.handshake_record import HandshakeRecord
from wsreplay.proxy.ordered_writer import OrderedWriter
from wsreplay.proxy.route import Route
from wsreplay.proxy.tunnel import Tunnel, reset
from wsreplay.proxy.upstream import DialError, dial
from wsreplay.wire.answers import http2_goaway, text_answer
from wsreplay.wire.heads import RequestHead, ResponseHead, rewrite_request, split_request_line
from wsreplay.wire.http import MessageEnd, Opaque, Piece, RequestStream, ResponseStream
from wsreplay.wire.origins import local_host

# How much of a peer's bytes may wait: for the upstream to be dialled, for the recorder, for the answer to an upgrade.
# More than the longest head.
MAX_WAITING = 512 * 2**10
_TLS_HANDSHAKE = b"\x16\x03"
_TLS = "a TLS handshake (does it use wss://? --tls-cert and --tls-key listen with TLS)"


class Exchange:
    """One client connection and its upstream connection, before any 101."""

    def __init__(self, route: Route, client: asyncio.Transport) -> None:
        self._route = route
        self._record = HandshakeRecord(route, client)
        self._loop = asyncio.get_running_loop()
        self.client = client
        # None until it is dialled.
        self.upstream: asyncio.Transport | None = None
        self._requests = RequestStream()
        self._responses = ResponseStream()
        self._up = OrderedWriter(None, self._throttle)
        self._down = OrderedWriter(client, self._throttle)
        # Per request without an answer: the connection it asks to open.
        self._answers: deque[int | None] = deque()
        # Of the requests without a final answer: by what the guard against loops knows them.
        self._on_their_way: deque[int] = deque()
        # Requests whose answer is not complete.
        self._unfinished = 0
        # None until one has come; it tells what an answer is to.
        self._last_request: RequestHead | None = None
        # Why bytes are not read, where some are not.
        self._why_unread = ""
        # The client was answered in the upstream's place: what else it sends is dropped.
        self._refused = False
        # Which of client and upstream have enough to write for now.
        self._full = [False, False]
        # Begun once; what a client says before waits.
        self._dialing: asyncio.Task[None] | None = None
        # Which of them will send no more.
        self._client_ended = self._upstream_ended = False
        # No more to do here: it has ended, or is a tunnel now.
        self._over = False
        self._timeouts = ExchangeTimeouts(route.limits, self._loop.time())
        route.exchanges.add(self)

    # From the client.

    def client_data(self, data: bytes) -> None:
        if self._over or self._refused:
            return
        now = self._loop.time()
        self._timeouts.move(now)
        self._forward_requests(self._requests.feed(data))
        self._timeouts.read(now, in_head=self._requests.in_head)
        self._throttle()

    def _forward_requests(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if self._refused:
                return
            if isinstance(piece, RequestHead):
                self._forward_request(piece)
            elif isinstance(piece, Opaque):
                self._forward_unread(0, piece.raw)
            else:
                self._up.write(piece.raw)

    def _forward_request(self, request: RequestHead) -> None:
        route = self._route
        connection = self._record.open(request.raw, self._up) if request.upgrade else None
        if not request.upgrade:
            route.http_requests += 1
        self._expect(request.method, connection)
        self._last_request = request
        refusal = route.refusal(request, local_host(self.client))
        if refusal is not None:
            self.refuse(*refusal, in_http2=request.method == b"PRI")
            return
        number, marked = route.loops.enter(request)
        self._on_their_way.append(number)
        self._up.write(
            rewrite_request(
                request,
                host=None if route.keep_host else route.upstream.host_header,
                prefix=route.upstream.prefix,
                set_headers=route.headers_for(request, marked),
            )
        )
        self._dial_once()

    def _expect(self, method: bytes, connection: int | None) -> None:
        """A request goes to the upstream, which asks to open a connection or not."""
        self._responses.expect(method, connection is not None)
        self._answers.append(connection)
        self._unfinished += 1

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
        self._timeouts.move(self._loop.time())
        self._full[direction] = full
        self._throttle()

    def client_eof(self) -> None:
        self._client_ended = True
        if not (self._requests.paused and self._requests.held):
            self._end_requests()

    def _end_requests(self) -> None:
        """All that the client sent is on its way."""
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

    # What is not read.

    def _forward_unread(self, direction: int, raw: bytes) -> None:
        """Pass bytes of a stream that is opaque; the recording says how many."""
        stream, writer = (self._responses, self._down) if direction else (self._requests, self._up)
        if not stream.no_websocket and self._record.unread is None:
            self._stop_reading(direction, raw)
        elif direction and stream.no_websocket and not self._requests.opaque:
            self._forward_requests(self._requests.give_up("another protocol", no_websocket=True))
        self._record.pass_unread(direction, raw, stream.opaque or "", writer)
        self._dial_once()

    def _stop_reading(self, direction: int, raw: bytes) -> None:
        """Bytes came that are not HTTP, or not surely what they look like. A WebSocket may be in what follows."""
        who, stream = ("server", self._responses) if direction else ("client", self._requests)
        what = _TLS if raw.startswith(_TLS_HANDSHAKE) else stream.opaque
        self._why_unread = f"{who}: sent {what}; it was forwarded unread"
        self._record.unread = next((connection for connection in self._answers if connection is not None), None)
        if direction:
            if self._record.unread is None:
                self._record.unread = self._record.open(self._last_request.raw if self._last_request else b"", self._up)
            self._answers = deque(None for _ in self._answers)
        elif self._record.unread is None:
            words = split_request_line(raw[: raw.find(b"\n") + 1])
            self._record.unread = self._record.open(raw if words else b"", self._up)
            self._expect(words[0] if words else b"GET", self._record.unread)
        self._route.warn(f"connection {self._record.unread} is not recorded from here on: the {who} sent {what}")
        if direction:
            self._forward_requests(self._requests.give_up("what follows an answer that was not read"))

    # To the upstream.

    def _dial_once(self) -> None:
        if self._dialing is None and not self._over:
            self._dialing = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        route = self._route
        try:
            await dial(route.upstream, lambda: Side(1, self._begin_upstream), route.context, route.dial_timeout_s)
        except DialError as error:
            self.refuse(error.status, str(error))

    def _begin_upstream(self, transport: asyncio.Transport) -> Exchange:
        if self._over:
            transport.abort()
        else:
            self.upstream = transport
            self._up.open(transport)
        return self

    def refuse(self, status: int, reason: str, *, in_http2: bool = False) -> None:
        """Answer in the upstream's place, and close."""
        if self._over or self._refused:
            return
        self._refused = True
        head, body = text_answer(status, f"wsreplay: {reason}\n")
        for connection in self._answers:
            if connection is not None:
                self._record.accept(head, connection, self._down)
                self._record.end(connection, "proxy", reason)
        if self._unfinished == len(self._answers):  # else an answer is half written
            self._down.write(http2_goaway(reason) if in_http2 else head + body)
        self._answers.clear()
        self._down.do(self._close_both)

    # From the upstream.

    def upstream_data(self, data: bytes) -> None:
        if self._over or self._refused:
            return
        self._timeouts.move(self._loop.time())
        for piece in self._responses.feed(data):
            self._forward_answer_piece(piece)
        self._throttle()

    def _forward_answer_piece(self, piece: Piece) -> None:
        if isinstance(piece, ResponseHead):
            self._forward_answer(piece)
        elif isinstance(piece, Opaque):
            self._forward_unread(1, piece.raw)
        else:
            self._down.write(piece.raw)
            if isinstance(piece, MessageEnd):
                self._answered()

    def _answered(self) -> None:
        self._unfinished = max(0, self._unfinished - 1)
        if self._record.unread is not None and not self._answers:
            self._responses.give_up("what follows the answer to a request that was not read")
        if self._client_ended and not self._unfinished:
            self._down.do(self._end_upstream)

    def _forward_answer(self, answer: ResponseHead) -> None:
        final = answer.switched or answer.status >= 200
        connection = self._answers.popleft() if final and self._answers else None
        if final and self._on_their_way:
            self._route.loops.leave(self._on_their_way.popleft())
        if answer.switched:
            self._become_tunnel(answer, connection)
            return
        if connection is not None:
            self._record.accept(answer.raw, connection, self._down)
        self._down.write(answer.raw)
        if connection is not None and connection != self._record.unread:
            if self._last_request is not None:
                self._route.explain_refusal(self._last_request, answer.status)
            self._record.end(connection, "server", None)
            held = self._requests.held
            self._forward_requests(self._requests.resume())
            if self._client_ended and held and not self._requests.paused:
                self._end_requests()

    def _become_tunnel(self, answer: ResponseHead, connection: int | None) -> None:
        """A 101 to a WebSocket has come. It need not have been asked for in a way that was understood."""
        assert self.upstream is not None
        request, route = self._last_request, self._route
        if connection is None:
            connection = next((asked for asked in self._answers if asked is not None), self._record.unread)
        if connection is None:
            connection = self._record.open(request.raw if request else b"", self._up)
        self._record.accept(answer.raw, connection, self._down)
        self._down.write(answer.raw)
        if self._requests.opaque or self._answers or (request is not None and request.has_body):
            # Where the frames of the client begin is not certain.
            reason = self._requests.opaque or "where the client's frames begin is not certain"
            self._record.tell_unread(connection, 0, reason, self._up)
        self._finish()
        tunnel = route.make_tunnel(connection, self._record.recording.recorder, self.client, self.upstream, self._tunnel_closed)
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
        self._record.recording.ended()

    def upstream_eof(self) -> None:
        self._upstream_ended = True
        for piece in self._responses.finish():
            self._forward_answer_piece(piece)
        self._down.do(self._end_client)

    def _end_client(self) -> None:
        if self._client_ended or not self.client.can_write_eof():
            self._close_both()
        elif not self.client.is_closing():
            self.client.write_eof()

    # The end.

    def check(self, now: float) -> None:
        """End it where it has taken longer than it may."""
        if self._over or self._refused or self._requests.opaque or self._responses.opaque:
            return
        limits = self._route.limits
        timeout = self._timeouts.exceeded(
            now,
            unanswered=self._unfinished > 0,
            upgrading=self._requests.paused and self.upstream is not None,
            stuck=self._requests.in_body or self._full[0],
        )
        if timeout is Timeout.HEAD:
            self.refuse(408, f"the request's head was not complete within {limits.head_s:g} s")
        elif timeout is Timeout.UPGRADE:
            self.refuse(504, f"{self._route.upstream.url} did not answer the upgrade request within {limits.upgrade_s:g} s")
        elif timeout is Timeout.IDLE:
            self._close_both()

    def lost(self, direction: int, error: Exception | None) -> None:
        """The client's (0) or the upstream's (1) connection is over."""
        if self._over:
            return
        who = "server" if direction else "client"
        for connection in self._answers:
            if connection is not None and connection != self._record.unread:
                self._record.end(connection, who, f"{who}: closed the connection before the upgrade was answered")
        if self._record.unread is not None:
            self._record.end(self._record.unread, who, self._why_unread)
        self._finish()
        if self._dialing is not None and who == "client":
            self._dialing.cancel()
        for transport in (self.client, self.upstream):
            if transport is not None:
                if error is not None and not transport.get_write_buffer_size():
                    reset(transport)
                else:
                    transport.close()

    def _close_both(self) -> None:
        self.client.close()
        if self.upstream is not None:
            self.upstream.close()

    def _finish(self) -> None:
        self._over = True
        self._route.exchanges.discard(self)
        while self._on_their_way:
            self._route.loops.leave(self._on_their_way.popleft())

    def close(self) -> None:
        """The proxy stops."""
        if self._dialing is not None and self.upstream is None:
            self._dialing.cancel()
        self._close_both()


def client_protocol(route: Route) -> asyncio.Protocol:
    """What the event loop tells of a client that is about to connect."""
    return Side(0, lambda transport: _begin(route, transport))


def _begin(route: Route, client: asyncio.Transport) -> Exchange:
    full = route.is_full()
    exchange = Exchange(route, client)
    if route.stopped:
        client.abort()
    elif full:
        exchange.refuse(503, "too many connections are open")
    return exchange


def _read(transport: asyncio.Transport, on: bool) -> None:
    if not transport.is_closing():
        (transport.resume_reading if on else transport.pause_reading)()

