"""Handing bytes over to the recorder before they are forwarded, and keeping it alive.

A record counts as handed over when the kernel has it: then it reaches the recorder even if this process is killed. What the
socket does not take waits here with its forwarding, and so does everything behind it. Records are kept until the recorder has
committed them; a recorder that dies is started again and is sent the rest. The record that recorders die at is left out in the
end (suspect.py).

    state     what it is                       traffic                         noticed by
    ready     the recorder takes records       passes                          its `ready`
    behind    its socket is full, or 64 MiB    waits until the socket takes    send, the bytes kept
              are kept and not committed       more, or some are committed
    stalled   it cannot commit: full disk,     passes while 64 MiB can be      its `stalled`
              locked file                      kept, then waits
    silent    it has said nothing for 1 s      passes while the socket takes   the watchdog
              though something is due          it, then waits
    dead      it has ended, and is reaped      waits                           the socket's end, waitpid
              before another is started
    starting  HELLO was sent                   waits                           -
    ended     no record is taken any more      waits                           `end`

The watchdog does not rely on what the event loop reports: four times a second it reads, writes, and asks whether the process
lives. A recorder that is stopped (SIGSTOP) is told of and left alone: when it goes on, nothing has happened. One that is silent
for a minute without being stopped is killed. Never are there two: another is started only after the last one was reaped.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from wsreplay.errors import RecordingError, UsageError, WsreplayError
from wsreplay.proxy.callbacks import Callbacks, Leftover
from wsreplay.proxy.record_queue import KEEP_BYTES, RecordQueue
from wsreplay.proxy.recording_files import RecordingFiles, Relocated
from wsreplay.proxy.spawned_recorder import COMMAND, SOCKET_BUFFER, DescriptorReserve, SpawnedRecorder
from wsreplay.proxy.suspect import CAREFUL_RECORDS, DEATHS, Suspect
from wsreplay.proxy.threads import run_beside
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, Kind, Record, Report, Skipped, head
from wsreplay.recorder.unwritten import Unwritten
from wsreplay.store import lock
from wsreplay.trace.redaction import Redactor
from wsreplay.units import SECOND, duration_text

READ = 2**16
# Between attempts to start a recorder.
RESTART_PAUSE_S = (0.0, 0.1, 0.5, 1.0, 2.0)
# So many recorders that die in quick succession are replaced at once: the record they die at is known by then.
HASTY_RESTARTS = 8
# Before it can write, a recorder may have to read a large recording once.
START_TIMEOUT_S = 300.0
WATCH_EVERY_S = 0.25
SILENT_AFTER_S = 1.0
HOPELESS_AFTER_S = 60.0
# How long a recorder may live on that has closed its socket.
REAP_PATIENCE_S = 5.0
REAP_EVERY_S = 0.01
# How long the end waits for one that was killed and may hang in the kernel.
KILL_PATIENCE_S = 1.0

_decode = msgspec.json.Decoder(Report).decode


class RecorderClient(RecordQueue):
    """One run of the recorder process, over all its lives."""

    def __init__(self, hello: Hello, callbacks: Callbacks | None = None, command: Sequence[str] = COMMAND) -> None:
        super().__init__()
        self._hello = hello
        self._callbacks = callbacks or Callbacks()
        self._command = command
        # The lock of the recording, shared with every recorder.
        self._lock: lock.Lock | None = None
        # Where the recording's files are, and whether they were found apart while the recorder lived.
        self._files = RecordingFiles(Path(hello.path))
        self._apart = False
        # Whether the recording turned out to be damaged, and in which file a recorder was ready last.
        self._damaged = False
        self._ready_in = ""
        # Told besides the user of a recording that is elsewhere.
        self.on_relocated: Callable[[Relocated], None] = lambda relocated: None
        self._reserve = DescriptorReserve()
        # The recorder that lives, or None; what of a report has come.
        self._spawned: SpawnedRecorder | None = None
        self._lines = b""
        # The one before it, until it is reaped.
        self._dying: SpawnedRecorder | None = None
        self._suspect = Suspect()
        # Why nothing is written, as the user was told; whether it was said that traffic waits.
        self._trouble: str | None = None
        self._waiting_told = False
        # Since when (monotonic, s) the recorder has said nothing though something is due.
        self._quiet_since: float | None = None
        self._was_stopped = False
        self._watchdog: asyncio.TimerHandle | None = None
        # What is waited for: the recorder's `ready`, its `closed`, and another one instead of it.
        self._ready: asyncio.Future[Report] | None = None
        self._closed: asyncio.Future[Report] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._frames_before = 0
        self.leftover: Leftover | None = None

    # Life and death of the process.

    async def start(self) -> Report:
        """Take the recording's lock, start the recorder, wait until it can write. Raises WsreplayError."""
        try:
            self._lock = lock.acquire(self._hello.path)
        except OSError as error:
            raise UsageError(f"{self._hello.path} cannot be written: {error.strerror}") from error
        self._files.hold_recording()
        self.origin_ns = time.monotonic_ns()
        self._watch()
        try:
            report = await self._launch()
        except BaseException:
            await self._let_go()
            raise
        assert self._spawned is not None
        self._files.hold()
        self._frames_before = report.frames
        self._sock = self._spawned.socket
        return report

    async def _launch(self) -> Report:
        """Start a recorder and wait until it is ready. Raises WsreplayError."""
        assert self._lock is not None
        self._reserve.release()
        try:
            spawned = SpawnedRecorder(self._lock.descriptors, self._command)
        except (OSError, subprocess.SubprocessError) as error:
            raise RecordingError(f"the recorder cannot be started: {error}") from error
        finally:
            self._reserve.fill()
        self._spawned, self._lines, self._quiet_since = spawned, b"", None
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(spawned.socket, self._read_reports)
        careful = self._first_kept + CAREFUL_RECORDS if self._suspect.careful else 0
        hello = msgspec.structs.replace(self._hello, careful=careful, first=self._first_kept)
        body = msgspec.json.encode(hello)
        with contextlib.suppress(OSError):  # died at once: the end of the socket says so
            spawned.socket.send(head(Kind.HELLO, len(body), 0) + body)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):  # wait_for may swallow the cancellation that the end brings
                return await self._ready
        except TimeoutError:
            spawned.kill()
            raise RecordingError(f"the recorder did not start within {duration_text(START_TIMEOUT_S * SECOND)}") from None

    def _read_reports(self) -> None:
        """Read until there is nothing more: an event loop may call only once for a report and the end behind it."""
        while (spawned := self._spawned) is not None:
            try:
                data = spawned.socket.recv(READ)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._on_death()
                return
            *lines, self._lines = (self._lines + data).split(b"\n")
            for line in lines:
                self._on_report(_decode(line))

    def _on_report(self, report: Report) -> None:
        self._quiet_since = None
        self._suspect.hears(report.applying)
        if report.ready is not None:
            self._suspect.ready(time.monotonic())
            self._hello = msgspec.structs.replace(self._hello, run_id=report.run_id)
            self._ready_in = self._hello.path
            self._resolve(self._ready, report)
        elif report.failed is not None:
            self._suspect.died(time.monotonic(), failed=True)
            why = f"the recorder failed: {report.failed}"
            if not self._resolve(self._ready, RecordingError(why)):
                self._tell_trouble(why, 0)
        elif report.error is not None:
            # A new file that is damaged at once is not the file's fault.
            self._damaged = report.damaged and self._ready_in == self._hello.path
            if not self._resolve(self._ready, _Refused(report.error, report.exit_code)):
                self._tell_trouble(report.error, 0)
        elif report.stalled is not None:
            self._tell_trouble(report.stalled, KEEP_BYTES)
        for opened in report.opened:
            self._callbacks.opened(opened)
        for ended in report.ended:
            self._callbacks.ended(ended)
        if report.committed is not None:
            self._on_commit(report)
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

    def _on_commit(self, report: Report) -> None:
        self.totals.frames = report.frames - self._frames_before
        self.totals.events = report.events
        self._forget(report.committed or 0)
        self.totals.waiting_bytes = self._kept_bytes
        if self._trouble is not None:
            self._end_trouble()
        if self._waiting:
            self._send_waiting()

    def _tell_trouble(self, reason: str, keeps: int) -> None:
        """Say why nothing is written, once, and leave a note beside the recording in case both processes are killed."""
        if reason == self._trouble:
            return
        self._trouble = reason
        self._callbacks.stalled(reason, keeps)
        self._reserve.release()
        unwritten.mark(self._hello.path, self._about(None))
        self._reserve.fill()
        if self._waiting:
            self._tell_waiting()

    def _tell_waiting(self) -> None:
        if not self._waiting_told:
            self._waiting_told = True
            self._callbacks.waiting()

    def _end_trouble(self) -> None:
        self._trouble, self._waiting_told = None, False
        unwritten.remove(self._hello.path)
        self._callbacks.resumed()

    def _watch(self) -> None:
        """See for ourselves how the recorder does, whatever the event loop has reported."""
        self._watchdog = asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._watch)
        self._read_reports()
        self._send_waiting()
        now = time.monotonic()
        spawned = self._spawned
        if spawned is not None and spawned.dead:
            self._on_death()
        elif not (self._kept or (spawned is not None and spawned.stopped)):
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since >= SILENT_AFTER_S:
            self._on_silence(spawned, now - self._quiet_since)

    def _on_silence(self, spawned: SpawnedRecorder | None, seconds: float) -> None:
        if spawned is not None and spawned.stopped:
            self._was_stopped = True
            reason = f"the recorder (process {spawned.pid}) is stopped: kill -CONT {spawned.pid} continues it"
            self._tell_trouble(reason, SOCKET_BUFFER if self._sock else 0)
        elif spawned is None or self._sock is None:
            self._tell_trouble(self._trouble or "the recorder died and is being started again", 0)
        elif self._was_stopped:
            self._was_stopped, self._quiet_since = False, None  # it goes on: its time to answer begins now
        elif seconds < HOPELESS_AFTER_S:
            self._tell_trouble(f"the recorder (process {spawned.pid}) does not answer", SOCKET_BUFFER)
        else:
            self._suspect.died(time.monotonic(), failed=True)
            spawned.kill()

    def _on_death(self) -> None:
        """The recorder died, or has closed its socket, which is the same."""
        self._drop_socket()
        if not self._apart:  # else we have killed it
            self._suspect.died(time.monotonic())
        if self._resolve(self._ready, RecordingError("the recorder died while it started")):
            return
        if self._closed is not None and self._closed.done():
            return
        self._held_since = self._held_since or time.monotonic_ns()
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    def _drop_socket(self) -> None:
        spawned, self._spawned, self._sock = self._spawned, None, None
        if spawned is not None:
            self._dying = spawned
            loop = asyncio.get_running_loop()
            loop.remove_reader(spawned.socket)
            loop.remove_writer(spawned.socket)
            spawned.socket.close()

    async def _reap(self, patience_s: float = REAP_PATIENCE_S, at_most_s: float = math.inf) -> None:
        """A recorder whose socket is closed ends by itself; if not in time, it is killed."""
        began = time.monotonic()
        while self._dying is not None and not self._dying.dead:
            waited = time.monotonic() - began
            if waited > at_most_s:
                return
            if waited > patience_s:
                self._dying.kill()
            await asyncio.sleep(REAP_EVERY_S)

    async def _restart(self) -> None:
        """Start the recorder anew, as often as it takes, and send again what it had not committed."""
        attempt = max(0, self._suspect.quick_deaths - HASTY_RESTARTS)
        while self._sock is None:
            await asyncio.sleep(RESTART_PAUSE_S[min(attempt, len(RESTART_PAUSE_S) - 1)])
            attempt += 1
            await self._reap()
            self._leave_out()
            try:
                await self._mend_files()
                await self._leave_damaged()
                report = await self._launch()
            except Exception as error:  # whatever it is: told, and tried again, since the records are kept
                self._drop_socket()
                self._tell_trouble(str(error) if isinstance(error, WsreplayError) else repr(error), 0)
                continue
            if self._spawned is None:
                continue  # it was ready, and has died since
            how = self._dying.how_it_ended if self._dying else "ended"
            self._dying = None
            self._files.hold()
            self.totals.restarts += 1
            if not self._apart:
                self._callbacks.restarted(f"the recorder {how} and was started again")
            self._apart = False
            self._resend(self._spawned.socket, report.ready or 0)

    def keep_lock_fresh(self) -> None:
        """Every now and then, that nobody tidies the lock's files away."""
        if self._lock is not None:
            self._lock.keep_fresh()

    def check_files(self) -> None:
        """Where somebody has moved or removed the recording's files, kill the recorder: they are mended before the next."""
        if self._closed is not None or self._sock is None or self._spawned is None or self._apart:
            return  # a recorder that closes its file removes what is beside it
        if not self._files.in_place:
            self._apart = True
            self._spawned.kill()

    async def _mend_files(self) -> None:
        """The recorder is dead: bring its files together. Raises RecordingError."""
        if self._files.in_place or self._lock is None:
            return
        relocated, self._lock = await run_beside(partial(self._files.mend, self._lock, was_open=self._apart))
        if relocated is None:
            self._callbacks.mended(self._files.path)
        else:
            self._go_on_in(relocated)

    async def _leave_damaged(self) -> None:
        """The recorder is dead: of a file that it found damaged, the next one saves what it can. Raises RecordingError."""
        if not self._damaged or self._lock is None:
            return
        relocated, self._lock = await run_beside(partial(self._files.leave_damaged, self._lock))
        self._damaged = False
        self._hello = msgspec.structs.replace(self._hello, damaged=str(relocated.was))
        self._go_on_in(relocated)

    def _go_on_in(self, relocated: Relocated) -> None:
        unwritten.remove(self._hello.path)
        self._hello = msgspec.structs.replace(self._hello, path=str(relocated.now))
        if self._trouble is not None:
            unwritten.mark(self._hello.path, self._about(None))
        self.on_relocated(relocated)
        self._callbacks.relocated(relocated)

    def _leave_out(self) -> None:
        """Put a gap in the place of the record that recorders die at."""
        convicted = self._suspect.convicted()
        if convicted is None:
            return
        number, before = convicted
        record = self._kept_record(number)
        if record is None:
            return
        kind, direction, connection, t_ns, body = record
        if kind == Kind.SKIPPED:
            note, _, body = body.partition(b"\n")
            kind = msgspec.json.decode(note, type=Skipped).kind
        reason = f"the recorder failed at it {DEATHS} times"
        note = msgspec.json.encode(Skipped(kind, len(body), reason, again=before > 0))
        if kind == Kind.CHUNK and not before:
            note += b"\n" + body  # its frames may do without their payloads
        self._replace(number, Record(Kind.SKIPPED, direction, connection, t_ns, note))
        what = f"{len(body):,} bytes of connection {connection}" if kind == Kind.CHUNK else f"a record {Kind(kind).name}"
        self._callbacks.left_out(f"the recorder failed {DEATHS} times at {what}: left out, with a gap in the recording")

    def _on_wait(self) -> None:
        if self._trouble is not None:
            self._tell_waiting()

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
            if self._files.removed and self.leftover is None:  # in the last moment
                await self._mend_files()
            return report
        finally:
            await self._let_go()

    async def hurry(self, seconds: float) -> None:
        """`close` is to return after so many seconds at most: what is not recorded then is `leftover`."""
        self.end()
        assert self._closed is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._closed), seconds)
        if self._closed.done():
            return
        works = self._spawned is not None and self._trouble is None and not self._spawned.stopped
        goes_on = works and self._sock is not None and not self._waiting
        records, size, reason = len(self._kept), self._kept_bytes, self._trouble or "the recorder has not finished"
        saved = None
        if not goes_on:
            if self._restarting is not None:
                self._restarting.cancel()
            self._drop_socket()
            if self._dying is not None:
                self._dying.kill()
            saved = self._save()
        self.leftover = Leftover(Path(self._hello.path), reason, records, size, goes_on, saved)
        self._resolve(self._closed, Report(frames=self.totals.frames, events=self.totals.events))

    def _save(self) -> Path | None:
        """Put what is kept beside the recording. Where payload fields are to be redacted, no record may be put anywhere."""
        redactor = Redactor(bytes.fromhex(self._hello.key), self._hello.redact)
        self._reserve.release()
        if self._hello.redact:
            unwritten.mark(self._hello.path, self._about(0))
            return None
        records = [unwritten.without_secrets(record, redactor) for record in self._kept]
        return unwritten.save(self._hello.path, self._about(len(records)), records)

    def _about(self, records: int | None) -> Unwritten:
        reason = self._trouble or "the recorder has not finished"
        return Unwritten(self._hello.run_id or 0, reason, self._first_kept, records)

    def abandon(self) -> None:
        """This process ends at once. A recorder that works has what was handed over; else note that something is missing."""
        if self._kept and (self._trouble is not None or self._waiting):
            self._reserve.release()
            unwritten.mark(self._hello.path, self._about(None))
            if self._spawned is not None and self._spawned.stopped:
                self._spawned.kill()

    async def _let_go(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._reserve.release()
        self._drop_socket()
        leftover = self.leftover
        if leftover is None:
            await self._reap()
        elif not leftover.goes_on:
            await self._reap(0.0, KILL_PATIENCE_S)
        self._files.close()
        if self._lock is not None:
            if self._dying is None or self._dying.dead:
                self._lock.release()
            else:
                for descriptor in self._lock.descriptors:  # the recorder has them too
                    os.close(descriptor)
            self._lock = None


class _Refused(WsreplayError):
    """The recorder says that this recording cannot be written."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
