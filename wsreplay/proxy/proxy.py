"""The recording proxy as a whole: a listener, the exchanges and tunnels behind it, and their recorder."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Self

import msgspec

import wsreplay
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.proxy.callbacks import Callbacks, Leftover
from wsreplay.proxy.faults import FaultPlan
from wsreplay.proxy.faultspec import FaultSpec
from wsreplay.proxy.http_exchange import client_protocol
from wsreplay.proxy.listening import bind_socket_file, cannot_listen, check_not_itself, remove_socket_file, server_context
from wsreplay.proxy.record_queue import Totals
from wsreplay.proxy.recording import OutputRecording
from wsreplay.proxy.recording_files import Relocated
from wsreplay.proxy.route import Limits, Route
from wsreplay.proxy.upstream import DIAL_TIMEOUT_S, UNIX, Upstream, socket_path, tls_context
from wsreplay.recorder.protocol import Hello, RecordKind, Report
from wsreplay.store.paths import next_free, shown
from wsreplay.trace.identity import parse_user_source
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.origins import ANY, OriginGate, OriginRule

HEARTBEAT_S = 1.0
WATCH_FILES_EVERY_S = 0.25
# Between attempts to go on in a new file.
ROTATE_AGAIN_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
BACKLOG = 1024
# asyncio accepts as many clients in a row, and that many times over reports that descriptors have run out. Refused clients
# have a descriptor until the next turn of the event loop, and there are RESERVED_DESCRIPTORS for them.
ACCEPT_IN_A_ROW = 8
# How long a stopping proxy waits for what it has received to be written to the peers.
STOP_GRACE_S = 5.0
# Of the time in which it is to stop, the part for the recorders; the rest is for the peers.
RECORDERS_SHARE = 0.7


@dataclass(frozen=True)
class Options:
    """How to record. `redact` are JSON paths of payload fields, `max_payload` is in bytes of inflated payload.

    A `host` such as `unix:/run/proxy.sock` is a socket file to listen on, and `port` has no meaning.
    """

    host: str = "127.0.0.1"
    port: int = 0
    keep_host: bool | None = None  # None: where the upstream is on this machine
    insecure: bool = False
    set_headers: Sequence[tuple[str, str]] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    redact: Sequence[str] = ()
    users: Sequence[str] = ()  # where connections name their users: see `trace.identity`
    max_payload: int = 64 * 2**20
    durability: str = "normal"
    dial_timeout_s: float = DIAL_TIMEOUT_S
    limits: Limits = field(default_factory=Limits)
    allow_origins: Sequence[str] = ()  # web pages that may connect, besides this machine's and the upstream's
    faults: Sequence[FaultSpec] = ()
    seed: int = 0  # of what the faults leave to chance
    callbacks: Callbacks = field(default_factory=Callbacks)


class RecordingProxy:
    """Records what passes between clients and one upstream.

        async with RecordingProxy("ws://127.0.0.1:8000", "chat.db") as proxy:
            ...  # clients connect to proxy.url

    Raises WsreplayError on entering: a bad URL, a port in use, a file that is no recording or is being written.
    """

    def __init__(self, upstream: str, path: str | Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.path = Path(path)
        self.upstream = Upstream.parse(upstream)
        # None until `stop` has closed the recordings.
        self.summary: Report | None = None
        self.leftovers: list[Leftover] = []  # what could not be recorded in the time that `stop` had
        self._origins = self._origin_rule()
        # From entering to leaving: what listens, and what is done again and again beside it.
        self._server: asyncio.Server | None = None
        self._heart: asyncio.Task[None] | None = None
        self._limiting: asyncio.Task[None] | None = None
        self._file_watch: asyncio.Task[None] | None = None
        # The current recording, where somebody has moved it, until new connections have another.
        self._moved: Relocated | None = None
        self._rotate_at = 0.0  # not before this time (monotonic, s)
        self._rotations_failed = 0  # in a row
        self._stays_because = ""  # why not, as the user was told
        # Begun by the first `stop`; others wait for it.
        self._stopping: asyncio.Future[Report] | None = None
        # Of the redactor: the same in all recordings.
        self._key = token_hex(32)
        # Those that connections are still written into; the last one takes new ones.
        self._recordings: list[OutputRecording] = []
        self._ended = Totals()  # of recordings that are closed
        self._route: Route

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _origin_rule(self) -> OriginRule:
        options = self.options
        if ANY in options.allow_origins and (options.set_headers or self.upstream.authorization):
            what = "-H would let any web page use those headers" if options.set_headers else (
                "a user and password in UPSTREAM would let any web page use them")
            raise UsageError(f"--allow-origin '*' with {what}: name the origins")
        return OriginRule.of((options.host, self.upstream.host), options.allow_origins)

    @property
    def totals(self) -> Totals:
        """Of all recordings together."""
        return Totals.sum([self._ended, *(recording.recorder.totals for recording in self._recordings)])

    @property
    def open_connections(self) -> int:
        """How many WebSockets are open."""
        return len(self._route.tunnels)

    @property
    def unsettled(self) -> bool:
        """Whether something that has passed is not in the recording yet, or a connection is about to end."""
        uncommitted = any(recording.recorder.uncommitted for recording in self._recordings)
        return uncommitted or any(tunnel.ending for tunnel in self._route.tunnels)

    @property
    def recorder_lag_ns(self) -> int:
        """How long the recorder has been at work on what was handed over first and is not committed; 0 where all is."""
        return max((recording.recorder.lag_ns for recording in self._recordings), default=0)

    def hold(self, since: int) -> None:
        """Put on record that this process was busy since then (monotonic, ns): what came meanwhile may have been seen late."""
        self._route.recording.recorder.hold(since)

    @property
    def http_requests(self) -> int:
        """Plain HTTP requests that passed: counted, not recorded."""
        return self._route.http_requests

    @property
    def port(self) -> int:
        """0 where it listens on a socket file."""
        assert self._server is not None
        address = self._server.sockets[0].getsockname()
        return int(address[1]) if isinstance(address, tuple) else 0

    @property
    def url(self) -> str:
        """What clients connect to."""
        host = self.options.host
        if (path := socket_path(host)) is not None:
            return f"{UNIX}{path}"
        if host in ("", "0.0.0.0", "::"):
            host = "localhost"
        host = f"[{host}]" if ":" in host else host
        return f"{'wss' if self.options.tls_cert else 'ws'}://{host}:{self.port}"

    async def start(self) -> None:
        """Listen, start the recorder, accept connections once it can record. Raises WsreplayError."""
        options = self.options
        _check_redaction(options.redact)
        for user in options.users:
            parse_user_source(user)
        context = tls_context(options.insecure) if self.upstream.tls else None
        listening = server_context(options.tls_cert, options.tls_key)
        # The port is bound before the recorder writes anything, and accepts only once it can.
        self._server = await self._bind(listening)
        try:
            await check_not_itself(self.upstream, self._server.sockets)
            recording = await self._open_recording(Path.cwd() / self.path)
        except BaseException:
            self._server.close()
            raise
        self._route = Route(
            recording,
            self.upstream,
            context,
            self.upstream.keeps_host if options.keep_host is None else options.keep_host,
            options.set_headers,
            options.dial_timeout_s,
            options.limits,
            options.callbacks.warn,
            origins=OriginGate(self._origins, options.callbacks.warn),
        )
        self._route.watch(recording)
        if options.faults:
            self._route.make_tunnel = FaultPlan(options.faults, options.seed).tunnel
        try:
            await self._listen()
        except OSError as error:
            self._server.close()
            await recording.close()
            raise self._cannot_listen(error) from None
        self._heart = asyncio.create_task(self._beat())
        self._limiting = asyncio.create_task(self._route.check())
        self._file_watch = asyncio.create_task(self._watch_files())

    async def _open_recording(self, path: Path) -> OutputRecording:
        """Start a recorder for a file."""
        options, started_at = self.options, datetime.now(UTC)
        hello = Hello(
            path=str(path),
            upstream=self.upstream.url,
            listen=self.url,
            started_at=started_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            version=wsreplay.__version__,
            key=self._key,
            redact=list(options.redact),
            users=list(options.users),
            max_payload=options.max_payload,
            durability=options.durability,
        )
        recording = OutputRecording(hello, options.callbacks, self._relocated)
        await recording.start()
        self._recordings.append(recording)
        return recording

    @property
    def unused(self) -> bool:
        """Whether the current file holds no connection of this run."""
        return self._route.recording.unused

    async def rotate(self, path: str | Path) -> None:
        """Record connections that are opened from now on into another file.

        Those that are open stay where they are; their file is closed when the last of them has ended. Raises WsreplayError, and
        recording goes on as before.
        """
        before = self._route.recording
        self._route.recording = await self._open_recording(Path.cwd() / path)
        self._route.watch(self._route.recording)
        self.path = Path(path)
        before.retire()

    async def _watch_files(self) -> None:
        """See that the recordings are where they were. Of one that was moved away, new connections go into a new file."""
        while True:
            await asyncio.sleep(WATCH_FILES_EVERY_S)
            for recording in self._recordings:
                recording.recorder.check_files()
            if self._moved is not None and time.monotonic() >= self._rotate_at:
                await self._leave(self._moved)

    def _relocated(self, recording: OutputRecording, relocated: Relocated) -> None:
        if recording is self._route.recording:
            self.path = shown(relocated.now)
            self._moved = None if relocated.saved else relocated

    async def _leave(self, moved: Relocated) -> None:
        """Record new connections beside where the recording was; where that cannot be done, say so and try again soon."""
        folder = moved.was.parent if moved.was.parent.is_dir() else moved.now.parent
        path = shown(next_free(folder / moved.was.name))
        try:
            await self.rotate(path)
        except WsreplayError as error:
            if str(error) != self._stays_because:
                self._stays_because = str(error)
                self.options.callbacks.stayed(self.path, error)
            self._rotate_at = time.monotonic() + ROTATE_AGAIN_S[min(self._rotations_failed, len(ROTATE_AGAIN_S) - 1)]
            self._rotations_failed += 1
            return
        self._moved, self._rotations_failed, self._stays_because = None, 0, ""
        self.options.callbacks.rotated(path)

    async def _bind(self, context: ssl.SSLContext | None) -> asyncio.Server:
        options = self.options
        if not 0 <= options.port <= 65535:  # of a larger one, uvloop takes what is left of it
            raise UsageError(f"cannot listen on port {options.port}: a port is a number from 0 to 65535")
        loop = asyncio.get_running_loop()
        try:
            if (path := socket_path(options.host)) is not None:
                return await loop.create_unix_server(
                    lambda: client_protocol(self._route), sock=bind_socket_file(path), ssl=context, backlog=ACCEPT_IN_A_ROW,
                    start_serving=False,
                )  # fmt: skip
            return await loop.create_server(
                lambda: client_protocol(self._route),
                options.host or None,
                options.port,
                ssl=context,
                backlog=ACCEPT_IN_A_ROW,
                start_serving=False,
            )
        except OSError as error:
            raise self._cannot_listen(error) from None

    async def _listen(self) -> None:
        assert self._server is not None
        await self._server.start_serving()
        for listening_socket in self._server.sockets:
            with socket.fromfd(listening_socket.fileno(), listening_socket.family, socket.SOCK_STREAM) as same:
                same.listen(BACKLOG)

    def _cannot_listen(self, error: OSError) -> UsageError:
        where = self.options.host if socket_path(self.options.host) else f"{self.options.host}:{self.options.port}"
        return cannot_listen(where, error)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._let_go_of_closed()
            for recording in self._recordings:
                recording.recorder.keep_lock_fresh()
            self._tell_all(RecordKind.HEARTBEAT)

    def _tell_all(self, kind: RecordKind, body: bytes = b"") -> None:
        for recording in self._recordings:
            recording.recorder.record(kind, body)

    def _let_go_of_closed(self) -> None:
        closed = [recording for recording in self._recordings if recording.closed]
        self._ended = Totals.sum([self._ended, *(recording.recorder.totals for recording in closed)])
        self._recordings = [recording for recording in self._recordings if not recording.closed]

    def mark(self, note: str) -> None:
        """Leave a note at this time."""
        self._tell_all(RecordKind.MARK, note.encode("utf-8", "replace"))

    async def stop(self, within_s: float | None = None) -> Report:
        """Stop accepting, let what was received be forwarded and committed, close the recording.

        This takes as long as it takes, or `within_s` seconds: `leftovers` are then what could not be recorded in time.
        """
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop(within_s))
        return await asyncio.shield(self._stopping)

    async def _stop(self, within_s: float | None) -> Report:
        assert self._server is not None
        began = time.monotonic()
        self._server.close()
        remove_socket_file(self.options.host)
        self._route.stopped = True
        for task in (self._heart, self._limiting, self._file_watch):
            if task is not None:
                task.cancel()
        for exchange in list(self._route.exchanges):
            exchange.close()
        for tunnel in self._route.tunnels:
            tunnel.pause()
        self._tell_all(RecordKind.HEARTBEAT)
        closing = [recording.close() for recording in self._recordings]
        if within_s is not None:
            hurried = await asyncio.gather(*(recording.hurry(within_s * RECORDERS_SHARE) for recording in self._recordings))
            self.leftovers = [leftover for leftover in hurried if leftover is not None]
        reports = await asyncio.gather(*closing)
        self.summary = msgspec.structs.replace(reports[-1], events=self.totals.events)
        left = STOP_GRACE_S if within_s is None else max(0.0, began + within_s - time.monotonic())
        await self._close_tunnels(left)
        return self.summary

    def abandon(self) -> None:
        """This process ends at once: note beside the recordings what they miss."""
        for recording in self._recordings:
            recording.recorder.abandon()

    async def _close_tunnels(self, patience_s: float) -> None:
        tunnels = list(self._route.tunnels)
        for tunnel in tunnels:
            tunnel.close()
        if tunnels:
            await asyncio.wait([tunnel.closed for tunnel in tunnels], timeout=patience_s)
        for tunnel in tunnels:
            tunnel.abort()


def _check_redaction(fields: Sequence[str]) -> None:
    try:
        Redactor(b"-", fields)
    except ValueError as error:
        raise UsageError(f"--redact {error}") from None
