"""Handing bytes over to the recorder before they are forwarded, and keeping it alive.

A record counts as handed over when the kernel has it: then it reaches the recorder even if this process is killed. What the
socket does not take waits here with its forwarding, and so does everything behind it. Records are kept until the recorder has
committed them; a recorder that dies is started again and is sent the rest. The record that recorders die at is left out in the
end (poison_record.py).

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

Never are there two: another is started only after the last one was reaped. What a recorder is asked and what becomes of a
silent one: watchdog.py. What the user is told while nothing can be written: outage.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from wsreplay.errors import RecordingError, UsageError, WsreplayError
from wsreplay.proxy.callbacks import Callbacks, Leftover
from wsreplay.proxy.outage import Outage
from wsreplay.proxy.poison_record import CAREFUL_RECORDS, DEATHS, PoisonRecordDetector, leave_out
from wsreplay.proxy.record_queue import KEEP_BYTES, RecordQueue
from wsreplay.proxy.recording_files import RecordingFiles, Relocated
from wsreplay.proxy.spawned_recorder import COMMAND, SOCKET_BUFFER, DescriptorReserve, RecorderRefused, SpawnedRecorder
from wsreplay.proxy.threads import run_beside
from wsreplay.proxy.watchdog import RecorderSilence, Watchdog
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, RecordKind, Report
from wsreplay.store import lock
from wsreplay.units import SECOND, duration_text

# Before it can write, a recorder may have to read a large recording once.
START_TIMEOUT_S = 300.0
# How long the end waits for one that was killed and may hang in the kernel.
KILL_PATIENCE_S = 1.0


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
        # The recorder that lives, or None; and the one before it, until it is reaped.
        self._spawned: SpawnedRecorder | None = None
        self._dying: SpawnedRecorder | None = None
        self._poison = PoisonRecordDetector()
        # Why nothing is written at the moment, if so.
        self._outage = Outage(self._callbacks, self._reserve)
        self._watchdog = Watchdog(self._look)
        # What is waited for: the recorder's `ready`, its `closed`, and another one instead of it.
        self._ready: asyncio.Future[Report] | None = None
        self._closed: asyncio.Future[Report] | None = None
        self._restarting: asyncio.Task[None] | None = None
        # How many frames the file had at first; and what could not be recorded in the time that `hurry` had.
        self._frames_before = 0
        self.leftover: Leftover | None = None

    async def start(self) -> Report:
        """Take the recording's lock, start the recorder, wait until it can write. Raises WsreplayError."""
        try:
            self._lock = lock.acquire(self._hello.path)
        except OSError as error:
            raise UsageError(f"{self._hello.path} cannot be written: {error.strerror}") from error
        self._files.hold_recording()
        self.origin_ns = time.monotonic_ns()
        self._watchdog.start()
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
        self._spawned = spawned
        self._watchdog.hear()
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(spawned.socket, self._read_reports)
        careful = self._first_kept + CAREFUL_RECORDS if self._poison.careful else 0
        spawned.greet(msgspec.structs.replace(self._hello, careful=careful, first=self._first_kept))
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
                reports = spawned.receive()
            except BlockingIOError:
                return
            except EOFError:
                self._on_death()
                return
            for report in reports:
                self._on_report(report)

    def _on_report(self, report: Report) -> None:
        self._watchdog.hear()
        self._poison.hears(report.applying)
        if report.ready is not None:
            self._poison.ready(time.monotonic())
            self._hello = msgspec.structs.replace(self._hello, run_id=report.run_id)
            self._ready_in = self._hello.path
            self._resolve(self._ready, report)
        elif report.failed is not None:
            self._poison.died(time.monotonic(), failed=True)
            why = f"the recorder failed: {report.failed}"
            if not self._resolve(self._ready, RecordingError(why)):
                self._tell_outage(why, 0)
        elif report.error is not None:
            # A new file that is damaged at once is not the file's fault.
            self._damaged = report.damaged and self._ready_in == self._hello.path
            if not self._resolve(self._ready, RecorderRefused(report.error, report.exit_code)):
                self._tell_outage(report.error, 0)
        elif report.stalled is not None:
            self._tell_outage(report.stalled, KEEP_BYTES)
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
        if self._outage.reason is not None:
            self._outage.end(self._hello.path)
        self._send_waiting()

    def _tell_outage(self, reason: str, keeps: int) -> None:
        """Say why nothing is written; `keeps` bytes of traffic are kept before it waits."""
        if self._outage.begin(reason, keeps, self._hello, self._first_kept) and self._waiting:
            self._outage.tell_waiting()

    def _look(self) -> None:
        """See for ourselves how the recorder does, whatever the event loop has reported."""
        self._read_reports()
        self._send_waiting()
        spawned = self._spawned
        if spawned is not None and spawned.dead:
            self._on_death()
            return
        now = time.monotonic()
        silence = self._watchdog.silence(spawned, now, connected=self._sock is not None, due=bool(self._kept))
        if silence is RecorderSilence.ABSENT:
            self._tell_outage(self._outage.reason or "the recorder died and is being started again", 0)
        elif silence is not None and spawned is not None:
            self._on_silence(spawned, silence, now)

    def _on_silence(self, spawned: SpawnedRecorder, silence: RecorderSilence, now: float) -> None:
        if silence is RecorderSilence.STOPPED:
            reason = f"the recorder (process {spawned.pid}) is stopped: kill -CONT {spawned.pid} continues it"
            self._tell_outage(reason, SOCKET_BUFFER if self._sock else 0)
        elif silence is RecorderSilence.MUTE:
            self._tell_outage(f"the recorder (process {spawned.pid}) does not answer", SOCKET_BUFFER)
        else:
            self._poison.died(now, failed=True)
            spawned.kill()

    def _on_death(self) -> None:
        """The recorder died, or has closed its socket, which is the same."""
        self._drop_socket()
        if not self._apart:  # else we have killed it
            self._poison.died(time.monotonic())
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

    async def _restart(self) -> None:
        """Start the recorder anew, as often as it takes, and send again what it had not committed."""
        pauses = self._poison.pauses()
        while self._sock is None:
            await asyncio.sleep(next(pauses))
            if self._dying is not None:
                await self._dying.reap()
            self._leave_out()
            try:
                await self._mend_files()
                await self._leave_damaged()
                report = await self._launch()
            except Exception as error:  # whatever it is: told, and tried again, since the records are kept
                self._drop_socket()
                self._tell_outage(str(error) if isinstance(error, WsreplayError) else repr(error), 0)
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
            self._damaged = False  # a recorder that started meanwhile found half of it
            self._ready_in = str(relocated.now)  # the same contents: what is damaged there was damaged before
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
        if self._outage.reason is not None:
            self._outage.note(self._hello, self._first_kept)
        self.on_relocated(relocated)
        self._callbacks.relocated(relocated)

    def _leave_out(self) -> None:
        """Put a gap in the place of the record that recorders die at."""
        poison = self._poison.found()
        if poison is None:
            return
        number, before = poison
        record = self._kept_record(number)
        if record is None:
            return
        replacement, what = leave_out(record, whole=before > 0)
        self._replace(number, replacement)
        self._callbacks.left_out(f"the recorder failed {DEATHS} times at {what}: left out, with a gap in the recording")

    def _on_wait(self) -> None:
        if self._outage.reason is not None:
            self._outage.tell_waiting()

    def end(self) -> None:
        """Take no more records."""
        self.check_files()
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
            self.record(RecordKind.BYE)
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
        works = self._spawned is not None and self._outage.reason is None and not self._spawned.stopped
        goes_on = works and self._sock is not None and not self._waiting
        records, size, reason = len(self._kept), self._kept_bytes, self._outage.reason_text
        saved = None
        if not goes_on:
            if self._restarting is not None:
                self._restarting.cancel()
            self._drop_socket()
            if self._dying is not None:
                self._dying.kill()
            saved = self._outage.save(self._hello, self._first_kept, self._kept)
        self.leftover = Leftover(Path(self._hello.path), reason, records, size, goes_on, saved)
        self._resolve(self._closed, Report(frames=self.totals.frames, events=self.totals.events))

    def abandon(self) -> None:
        """This process ends at once. A recorder that works has what was handed over; else note that something is missing."""
        if self._kept and (self._outage.reason is not None or self._waiting):
            self._outage.note(self._hello, self._first_kept)
            if self._spawned is not None and self._spawned.stopped:
                self._spawned.kill()

    async def _let_go(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
        self._watchdog.cancel()
        self._reserve.release()
        self._drop_socket()
        leftover = self.leftover
        if self._dying is not None and leftover is None:
            await self._dying.reap()
        elif self._dying is not None and leftover is not None and not leftover.goes_on:
            await self._dying.reap(0.0, KILL_PATIENCE_S)
        self._files.close()
        if self._lock is not None:
            if self._dying is None or self._dying.dead:
                self._lock.release()
            else:
                self._lock.leave()  # the recorder has it too
            self._lock = None
