"""Handing bytes over to the recorder before they are forwarded, and keeping it alive.

A record counts as handed over when the kernel has it: then it reaches the recorder even if this process is killed. What the
socket does not take waits here with its forwarding, and so does everything behind it. Records are kept until the recorder has
committed them; a recorder that dies is started again and is sent the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

import wsreplay
from wsreplay.errors import RecordingError, UsageError, WsreplayError
from wsreplay.proxy.recording_files import RecordingFiles, Relocated
from wsreplay.recorder.protocol import HEAD_LENGTH, Ended, Hello, Kind, Opened, Report, head
from wsreplay.store import lock
from wsreplay.units import SECOND, duration_text

KEEP_BYTES = 64 * 2**20
SOCKET_BUFFER = 4 * 2**20
# A shorter hold is scheduling, not something a bound in a contract could notice.
HOLD_WORTH_NOTING_NS = 20_000_000
RESTART_PAUSE_S = (0.0, 0.1, 0.5, 1.0, 2.0)
# Before it can write, a recorder may have to read a large recording once.
START_TIMEOUT_S = 300.0
# Where this very package is found, whatever lies in the user's folder.
_PACKAGES = Path(wsreplay.__file__).parents[1]

_CHUNK = int(Kind.CHUNK)  # looking it up in its class takes longer than packing a head
_decode = msgspec.json.Decoder(Report).decode
Forward = Callable[[], None]


@dataclass(slots=True)
class PendingRecord:
    """A record that the socket has not taken whole, and what is to be done once it has."""

    record: bytes
    forward: Forward | None = None


@dataclass
class Callbacks:
    """What the user is told about the recorder and the connections. Each is called from the event loop.

    `relocated` is told of a recording that somebody has moved or removed, `mended` of one whose `-wal` or `-shm` was removed
    and is there again, `rotated` where new connections are recorded from now on, `stayed` why they go on where they were.
    """

    stalled: Callable[[str], None] = lambda reason: None
    resumed: Callable[[], None] = lambda: None
    restarted: Callable[[str], None] = lambda reason: None
    opened: Callable[[Opened], None] = lambda opened: None
    ended: Callable[[Ended], None] = lambda ended: None
    warn: Callable[[str], None] = lambda text: None
    relocated: Callable[[Relocated], None] = lambda relocated: None
    mended: Callable[[Path], None] = lambda path: None
    rotated: Callable[[Path], None] = lambda path: None
    stayed: Callable[[Path, WsreplayError], None] = lambda path, error: None


@dataclass
class Totals:
    """What the recorder has committed, and what it has not yet; `faults` are those that were put on record."""

    frames: int = 0
    events: int = 0
    bytes: int = 0
    waiting_bytes: int = 0
    restarts: int = 0
    faults: int = 0


class RecorderClient:
    """One run of the recorder process, over all its lives."""

    def __init__(self, hello: Hello, callbacks: Callbacks | None = None) -> None:
        self._hello = hello
        self._callbacks = callbacks or Callbacks()
        self._lock: lock.Lock | None = None
        # Where the recording's files are, and whether they were found apart while the recorder lived.
        self._files = RecordingFiles(Path(hello.path))
        self._apart = False
        # Told besides the user of a recording that is elsewhere.
        self.on_relocated: Callable[[Relocated], None] = lambda relocated: None
        self._channel: socket.socket | None = None  # to the recorder
        self._sock: socket.socket | None = None  # the same, once the recorder is ready for records
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[PendingRecord] = deque()
        self._partly = 0  # bytes of the first waiting record that the socket took already
        self._kept: deque[bytes] = deque()  # the newest is number `_number`, and none is missing between
        self._kept_bytes = 0
        self._number = 0
        # There is as much as may be kept: whoever hands over is to read no more until `on_crowded` says so.
        self.crowded = False
        self.on_crowded: Callable[[bool], None] = lambda crowded: None
        self._held_since: int | None = None
        self._stalled: str | None = None
        self._lines = b""
        self._ready: asyncio.Future[Report] | None = None
        self._closed: asyncio.Future[Report] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._frames_before = 0
        self._over = False
        self.totals = Totals()
        self.origin_ns = 0

    # Life and death of the process.

    async def start(self) -> Report:
        """Take the recording's lock, start the recorder, wait until it can write. Raises WsreplayError."""
        try:
            self._lock = lock.acquire(self._hello.path)
        except OSError as error:
            raise UsageError(f"{self._hello.path} cannot be written: {error.strerror}") from error
        self.origin_ns = time.monotonic_ns()
        try:
            report = await self._launch()
        except BaseException:
            await self._let_go()
            raise
        self._files.hold()
        self._frames_before = report.frames
        self._sock = self._channel
        return report

    async def _launch(self) -> Report:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        assert self._lock is not None
        inherited = [theirs.fileno(), *self._lock.descriptors]
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220 -- a fork and exec; an asyncio one needs a child watcher
                [sys.executable, "-m", "wsreplay.recorder.process", *map(str, inherited)],
                pass_fds=inherited, process_group=0, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=_PACKAGES,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise RecordingError(f"the recorder cannot be started: {error}") from error
        finally:
            theirs.close()
        self._channel, self._lines = ours, b""
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(ours, self._read_reports)
        body = msgspec.json.encode(self._hello)
        with contextlib.suppress(OSError):  # died at once: the end of the socket says so
            ours.send(head(Kind.HELLO, len(body), 0) + body)
        try:
            return await asyncio.wait_for(self._ready, START_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            raise RecordingError(f"the recorder did not start within {duration_text(START_TIMEOUT_S * SECOND)}") from None

    def _read_reports(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            self._hear(_decode(line))

    def _hear(self, report: Report) -> None:
        if report.ready is not None:
            self._hello = msgspec.structs.replace(self._hello, run_id=report.run_id)
            self._resolve(self._ready, report)
        elif report.error is not None:
            if not self._resolve(self._ready, _Refused(report.error, report.exit_code)):
                self._callbacks.stalled(report.error)
        elif report.stalled is not None:
            self._stalled = report.stalled
            self._callbacks.stalled(report.stalled)
        for opened in report.opened:
            self._callbacks.opened(opened)
        for ended in report.ended:
            self._callbacks.ended(ended)
        if report.committed is not None:
            self._committed(report)
            if report.closed:
                self._resolve(self._closed, report)

    @staticmethod
    def _resolve(future: asyncio.Future[Report] | None, outcome: Report | BaseException) -> bool:
        if future is None or future.done():
            return False
        if isinstance(outcome, Report):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
        return True

    def _committed(self, report: Report) -> None:
        self.totals.frames = report.frames - self._frames_before
        self.totals.events = report.events
        self._forget(report.committed or 0)
        self.totals.waiting_bytes = self._kept_bytes
        if self._stalled is not None:
            self._stalled = None
            self._callbacks.resumed()
        if self._waiting and self._sock is not None:
            self._flush()

    def _lost(self) -> None:
        """The recorder died."""
        self._drop_socket()
        if self._resolve(self._ready, RecordingError("the recorder died while it started")):
            return
        if self._closed is not None and self._closed.done():
            return
        self._held_since = self._held_since or time.monotonic_ns()
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    def _drop_socket(self) -> None:
        channel, self._channel, self._sock = self._channel, None, None
        if channel is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(channel)
            loop.remove_writer(channel)
            channel.close()

    async def _reap(self) -> None:
        """A recorder whose socket is closed ends by itself."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.wait)

    async def _restart(self) -> None:
        """Start the recorder anew, as often as it takes, and send again what it had not committed."""
        attempt = 0
        while self._sock is None:
            await asyncio.sleep(RESTART_PAUSE_S[min(attempt, len(RESTART_PAUSE_S) - 1)])
            await self._reap()
            attempt += 1
            try:
                await self._mend_files()
                report = await self._launch()
            except WsreplayError as error:
                self._drop_socket()
                self._stalled = str(error)
                self._callbacks.stalled(self._stalled)
                continue
            if self._channel is None:
                continue  # it was ready, and has died since
            self._files.hold()
            self.totals.restarts += 1
            if not self._apart:
                self._callbacks.restarted("the recorder died and was started again")
            self._apart = False
            self._resend(report.ready or 0)

    def keep_lock_fresh(self) -> None:
        """Every now and then, that nobody tidies the lock's files away."""
        if self._lock is not None:
            self._lock.keep_fresh()

    def check_files(self) -> None:
        """Where somebody has moved or removed the recording's files, kill the recorder: they are mended before the next."""
        if self._closed is not None or self._sock is None or self._process is None or self._apart:
            return  # a recorder that closes its file removes what is beside it
        if not self._files.in_place:
            self._apart = True
            self._process.kill()

    async def _mend_files(self) -> None:
        """The recorder is dead: bring its files together. Raises RecordingError."""
        if self._files.in_place or self._lock is None:
            return
        relocated, self._lock = await asyncio.to_thread(self._files.mend, self._lock, was_open=self._apart)
        if relocated is None:
            self._callbacks.mended(self._files.path)
        else:
            self._hello = msgspec.structs.replace(self._hello, path=str(relocated.now))
            self.on_relocated(relocated)
            self._callbacks.relocated(relocated)

    def _resend(self, committed: int) -> None:
        """Put what was sent and not committed before what still waits. Its forwarding was done before."""
        self._forget(committed)
        self._sock = self._channel
        self._partly = 0
        waiting = list(self._waiting)
        sent = list(self._kept)[: max(0, len(self._kept) - len(waiting))]
        self._waiting = deque([*(PendingRecord(record) for record in sent), *waiting])
        self._flush()

    def _forget(self, committed: int) -> None:
        """Keep only the records behind this number."""
        kept = self._kept
        while kept and self._number - len(kept) < committed:
            self._kept_bytes -= len(kept.popleft())
        if self.crowded and self._kept_bytes <= KEEP_BYTES // 2:
            self.crowded = False
            self.on_crowded(False)

    # Records.

    @property
    def uncommitted(self) -> bool:
        """Whether the recorder has not committed everything yet."""
        return bool(self._kept)

    def now(self) -> int:
        """Nanoseconds since the start of the run."""
        return time.monotonic_ns() - self.origin_ns

    def chunk(self, connection: int, direction: int, data: bytes) -> bool:
        """Hand over bytes that have just arrived. True: the kernel has them, forward them now; False: call `on_sent`."""
        self.totals.bytes += len(data)
        return self.record(_CHUNK, data, connection, direction)

    def waiting_body(self) -> memoryview:
        """The body of the record just handed over, as it is kept here; only after False."""
        return memoryview(self._waiting[-1].record)[HEAD_LENGTH:] if not self._over else memoryview(b"")

    def on_sent(self, forward: Forward) -> None:
        """What is to be done once the record just handed over has really gone; only after False."""
        if not self._over:
            self._waiting[-1].forward = forward

    def record(self, kind: int, body: bytes = b"", connection: int = 0, direction: int = 0) -> bool:
        """Hand over a record; as `chunk`."""
        record = head(kind, len(body), time.monotonic_ns() - self.origin_ns, connection, direction) + body
        if self._over:
            return False  # what is not recorded is not forwarded
        self._number += 1
        self._kept.append(record)
        self._kept_bytes += len(record)
        sock = self._sock
        if self._waiting or sock is None or self._kept_bytes > KEEP_BYTES:
            self._wait(record, 0)
            return False
        try:
            sent = sock.send(record)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The recorder died; its end of the socket will say so.
            sent = 0
        if sent < len(record):
            self._wait(record, sent)
            return False
        return True

    def _wait(self, record: bytes, sent: int) -> None:
        if self._kept_bytes > KEEP_BYTES and not self.crowded:
            self.crowded = True
            self.on_crowded(True)
        if not self._waiting:
            self._partly = sent
            if self._held_since is None:
                self._held_since = time.monotonic_ns()
            if self._sock is not None and self._kept_bytes <= KEEP_BYTES:
                asyncio.get_running_loop().add_writer(self._sock, self._flush)
        self._waiting.append(PendingRecord(record))

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        loop = asyncio.get_running_loop()
        waiting = self._waiting
        while waiting:
            first = waiting[0]
            try:
                self._partly += sock.send(memoryview(first.record)[self._partly :])
            except BlockingIOError:
                loop.add_writer(sock, self._flush)
                return
            except OSError:
                loop.remove_writer(sock)
                return
            if self._partly < len(first.record):
                continue
            waiting.popleft()
            self._partly = 0
            if first.forward is not None:
                first.forward()
        loop.remove_writer(sock)
        self._note_hold()

    def _note_hold(self) -> None:
        since, self._held_since = self._held_since, None
        if since is not None:
            self.hold(since)

    def hold(self, since: int) -> None:
        """Put on record that what came since then (monotonic, ns) may have been seen late."""
        if time.monotonic_ns() - since >= HOLD_WORTH_NOTING_NS:
            self.record(Kind.HOLD, (since - self.origin_ns).to_bytes(8, "little"))

    # The end.

    def end(self) -> None:
        """Take no more records."""
        self.check_files()
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
            self.record(Kind.BYE)
            self._over = True

    async def close(self) -> Report:
        """Everything was handed over: have it committed and the file closed. Raises RecordingError."""
        self.end()
        assert self._closed is not None
        try:
            report = await self._closed
            if self._files.removed:  # in the last moment
                await self._mend_files()
            return report
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
        self._drop_socket()
        await self._reap()
        self._files.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class _Refused(WsreplayError):
    """The recorder says that this recording cannot be written."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

