"""What all connections of a proxy share: where they go, what they may cost, and who is there."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wsreplay.display import visible
from wsreplay.proxy.loop_guard import LoopGuard
from wsreplay.proxy.recording import OutputRecording
from wsreplay.proxy.tunnel import Tunnel
from wsreplay.proxy.upstream import DIAL_TIMEOUT_S, Upstream
from wsreplay.wire.heads import RequestHead
from wsreplay.wire.origins import MOST_TOLD, OriginGate, OriginRule
from wsreplay.wire.targets import leaves_prefix, path_of

# Descriptors that are not for connections: the recorder and its restarts, the event loop, files.
RESERVED_DESCRIPTORS = 64
CHECK_EVERY_S = 0.5
# How often the user is told that there are too many connections.
TELL_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may cost before its WebSocket is open; times in seconds."""

    # Together with the upstream connections behind them, what the limit of descriptors allows goes before this.
    connections: int = 10_000
    # From a head's first byte to its last.
    head_s: float = 30.0
    # From an upgrade request to its answer.
    upgrade_s: float = 120.0
    # Nothing moves: between requests, within a request's body, towards a client that does not read its answer.
    idle_s: float = 120.0


class OpenExchange(Protocol):
    """A client connection that speaks HTTP."""

    def check(self, now: float) -> None:
        """End it where it has taken longer than it may."""

    def close(self) -> None:
        """The proxy stops."""


@dataclass
class Route:
    """`recording` is where new connections are recorded; `warn` tells the user what must be known."""

    recording: OutputRecording
    upstream: Upstream
    context: ssl.SSLContext | None
    # Whether a request's Host stays as it is.
    keep_host: bool = False
    # What requests get on their way to the upstream; how long dialling it may take; what a client may cost.
    set_headers: Sequence[tuple[str, str]] = ()
    dial_timeout_s: float = DIAL_TIMEOUT_S
    limits: Limits = field(default_factory=Limits)
    warn: Callable[[str], None] = lambda text: None
    # Which web pages may come.
    origins: OriginGate = field(default_factory=lambda: OriginGate(OriginRule(), lambda text: None))
    # What notices that the upstream leads back here; and how a tunnel is made: with faults, where some are planned.
    loops: LoopGuard = field(default_factory=LoopGuard)
    make_tunnel: Callable[..., Tunnel] = Tunnel
    # Connections that speak HTTP, and those that have become WebSockets.
    exchanges: set[OpenExchange] = field(default_factory=set)
    tunnels: set[Tunnel] = field(default_factory=set)
    # Requests that asked for no WebSocket.
    http_requests: int = 0
    # Nobody is let in any more.
    stopped: bool = False
    # When the user was last told that there are too many connections (loop time), and how many were refused since.
    _told_full: float | None = None
    _refused: int = 0
    # What the user was told of a loop, and of origins that the upstream refuses, each once.
    _told: set[str] = field(default_factory=set)

    async def check(self) -> None:
        """End what takes longer than it may; runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            now = loop.time()
            for exchange in list(self.exchanges):
                exchange.check(now)

    def refusal(self, request: RequestHead, local: str) -> tuple[int, str] | None:
        """Why a request does not go to the upstream, as a status and a reason. `local` is the address it came in at."""
        if request.method == b"CONNECT":
            return 405, f"this is not a forward proxy: connect to it in place of {self.upstream.url}, without proxy settings"
        if request.method == b"PRI":
            return 505, "this port speaks HTTP/1.1, not HTTP/2"
        if self.loops.has_come_round(request):
            reason = f"{self.upstream.url} leads back to this proxy itself: give the address of the backend"
            self._tell_once("loop", f"refused with 508: {reason}")
            return 508, reason
        path = path_of(request.target) if self.upstream.prefix else None
        if path is not None and leaves_prefix(path):
            return 400, f"the path leads out of {self.upstream.prefix}"
        foreign = self.origins.refusal(request.headers, local)
        return None if foreign is None else (403, foreign)

    def explain_refusal(self, request: RequestHead, status: int) -> None:
        """The upstream has refused a WebSocket: where that may be for its origin, the user is told what to do."""
        origin = next((value.decode("latin-1") for name, value in request.headers if name.lower() == b"origin"), None)
        if status != 403 or origin is None:
            return
        ways = [f"let it allow {visible(origin)}"]
        if not self.keep_host:
            ways.append("--keep-host shows it the Host that the page uses")
        scheme = "https" if self.upstream.tls else "http"
        ways.append(f"-H 'Origin: {scheme}://{self.upstream.host_header}' sends an origin that is its own")
        text = f"{self.upstream.url} refused a page of {visible(origin)} with 403, as backends do that check Origin"
        self._tell_once(f"upstream {origin}", f"{text}: {'; '.join(ways)}")

    def _tell_once(self, key: str, text: str) -> None:
        if key not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(key)
            self.warn(text)

    def headers_for(self, request: RequestHead, marked: bool) -> list[tuple[str, str]]:
        """The headers that a request gets on its way to the upstream."""
        headers = list(self.set_headers)
        authorization = self.upstream.authorization
        if authorization is not None and not any(name.lower() == b"authorization" for name, _ in request.headers):
            headers += [] if any(name.lower() == "authorization" for name, _ in headers) else [("Authorization", authorization)]
        return [*headers, self.loops.header] if marked else headers

    def watch(self, recording: OutputRecording) -> None:
        """While a recording's recorder is far behind, what is recorded into it is not read."""
        recorder = recording.recorder

        def crowd(crowded: bool) -> None:
            for tunnel in self.tunnels:
                if tunnel.recorder is recorder:
                    tunnel.crowd(crowded)

        recorder.on_crowded = crowd

    def is_full(self) -> bool:
        """Whether there are as many connections as there may be; the user is told."""
        count = len(self.exchanges) + len(self.tunnels)
        limit = min(self.limits.connections, _connections_that_descriptors_allow())
        if count < limit:
            return False
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if self._told_full is None or now - self._told_full >= TELL_EVERY_S:
            clients = "1 client was" if self._refused == 1 else f"{self._refused:,} clients were"
            self.warn(f"{count:,} connections are open, and the limit is {limit:,}: {clients} refused with 503")
            self._told_full, self._refused = now, 0
        return True


def raise_descriptor_limit() -> None:
    """Two descriptors a connection: take as many as this user may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _connections_that_descriptors_allow() -> int:
    """Each takes two: the client's and the upstream's."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else max(1, (soft - RESERVED_DESCRIPTORS) // 2)
