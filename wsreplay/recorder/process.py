"""The recorder process: reads records from a socket, commits them in batches, says what is committed.

It does nothing else, so that its one thread keeps up; it ignores Ctrl-C, which is the relay's business. When the relay dies it
drains the socket, commits and closes the file.

    state      when                               reads the socket                      says
    starting   until HELLO was carried out        no                                    ready, or error
    recording  usually                            yes, and applies what it reads        committed, after each batch
    stalled    a batch cannot be committed        yes, up to 64 MiB that wait unread    stalled, twice a second
    careful    up to the record of the HELLO      yes, a batch for each record          applying, committed
    orphaned   the relay is gone                  to its end, then closes the file      nothing: nobody listens
    failed     an error that nobody expects       no: it ends, a new one is started     failed, and at which record

What one batch holds is bounded: by frames, by bytes from the socket, and by bytes they inflate to. A chunk that inflates to
more is committed in parts, and what is left of it stands in the file as a tail, so that a new recorder goes on with it.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import select
import signal
import socket
import sys
import time
import traceback
from collections import deque
from pathlib import Path

import msgspec

import wsreplay
from wsreplay.errors import CorruptRecording, NewerSchema, NotARecording, RecordingError, WsreplayError
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, RecordKind, RecordReader, Report
from wsreplay.recorder.recorder import Recorder
from wsreplay.recorder.recover import recover
from wsreplay.recorder.salvage import salvage
from wsreplay.store import lock
from wsreplay.store.header import HeaderWatch
from wsreplay.store.writer import RowRefused, Writer, WriteStalled

COMMIT_EVERY_S = 0.05
COMMIT_ROWS = 10_000
COMMIT_BYTES = 8 * 2**20
READ = 2**20
# While nothing can be committed, so much is read on. The relay stops at the same bound.
READ_AHEAD = 64 * 2**20
# After a small read others are given time to add to the next one: fewer wake-ups beside a latency-bound relay. The nap is over
# before one that passes 50,000 small messages a second, a kilobyte of kernel memory each, fills a quarter of the socket.
NAP_BELOW = 32 * 2**10
NAP_PER_BUFFER_BYTE_S = 0.25 / (50_000 * 1024)
# Between attempts to commit: what failed once may be well at once, a full disk takes its time.
RETRY_S = (0.005, 0.02, 0.05, 0.1, 0.2)
# How often a recorder that is stalled says so: it is alive.
SAY_STALLED_EVERY_S = 0.5
EXIT_FAILED = 70
CHECK_HEADER_EVERY_S = 0.25
# What says that the file is not as a recorder has written it.
DAMAGE = (CorruptRecording, NotARecording, NewerSchema)
# A batch holds many objects and hardly a cycle: looking for some at every 700 objects costs 6 %.
GC_THRESHOLD = 100_000
# How long a recorder whose relay is gone waits for a full disk or a locked file before it gives up.
ORPHAN_PATIENCE_S = 60.0

_encode = msgspec.json.Encoder().encode
_BYE = int(RecordKind.BYE)  # looked up for every record


class _ApplyFailed(Exception):
    """A record cannot be applied, for a reason that nobody expects."""

    def __init__(self, number: int) -> None:
        self.number = number


class RecorderProcess:
    """One recorder over one socket."""

    def __init__(self, sock: socket.socket, lock_descriptors: tuple[int, ...]) -> None:
        self._sock = sock
        self._lock = lock_descriptors
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._reader = RecordReader()
        # What was read while nothing could be committed; b"" is the relay's end.
        self._read_ahead: deque[bytes] = deque()
        self._read_ahead_bytes = 0
        # None until HELLO has come.
        self._recorder: Recorder | None = None
        self._careful = 0  # up to this record each is committed for itself
        self._header: HeaderWatch | None = None
        self._check_at = 0.0  # when to look at it next (monotonic, s)
        # Whether the relay has closed its end of the socket.
        self._relay_gone = False
        self._deadline: float | None = None  # when the batch is committed, however small it is
        # Of records since the last commit; and how long to wait for more of them (s).
        self._pending_bytes = 0
        self._nap_s = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) * NAP_PER_BUFFER_BYTE_S

    def run(self) -> int:
        """Record until BYE or the relay's end; return the exit code."""
        try:
            self._record()
        except Exception as error:
            if isinstance(error, WsreplayError) and not isinstance(error, RowRefused):
                damaged = isinstance(error, DAMAGE)
                self._say(Report(error=str(error), exit_code=error.exit_code, damaged=damaged))
                return error.exit_code
            # The relay starts another one, and leaves a record out that they all fail at.
            number = error.number if isinstance(error, _ApplyFailed) else None
            self._say(Report(failed=_describe(error.__cause__ or error), applying=number))
            return EXIT_FAILED
        return 0

    def _record(self) -> None:
        while data := self._next_data():
            if self._apply(data):
                self._finish(clean=True)
                if self._hung_up():
                    self._release_lock()
                return
            self._pending_bytes += len(data)
            self._commit_when_due()
            if len(data) < NAP_BELOW and not self._read_ahead:
                self._nap()
        if self._recorder is not None:
            self._finish(clean=False)
            self._release_lock()

    def _hung_up(self) -> bool:
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in self._poll.poll(0))

    def _release_lock(self) -> None:
        """Nobody else does it: the relay is gone."""
        assert self._recorder is not None
        lock.Lock(self._recorder.writer.path, self._lock).release()

    def _next_data(self) -> bytes:
        """What comes next from the relay; b"" at its end."""
        if not self._read_ahead and not self._relay_gone:
            self._wait()  # a commit that is due meanwhile may stall, and what is read ahead then comes first
        if self._read_ahead:
            data = self._read_ahead.popleft()
            self._read_ahead_bytes -= len(data)
            return data
        return b"" if self._relay_gone else self._receive()

    def _wait(self) -> None:
        while self._deadline is not None:
            if self._poll.poll(self._until_commit() * 1000):
                return
            self._commit_when_due()
            if self._read_ahead or self._relay_gone:
                return
        self._poll.poll()

    def _until_commit(self) -> float:
        return COMMIT_EVERY_S if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _nap(self) -> None:
        time.sleep(min(self._nap_s, self._until_commit()))

    def _receive(self) -> bytes:
        try:
            data = self._sock.recv(READ)
        except OSError:
            # ECONNRESET: the relay died with words of ours unread. What it sent before was delivered.
            data = b""
        self._relay_gone = not data
        return data

    def _apply(self, data: bytes) -> bool:
        """Apply the records that these bytes complete; whether BYE is among them. Raises _ApplyFailed."""
        recorder = self._recorder
        try:
            for record in self._reader.feed(data):
                if record.kind == _BYE:
                    return True
                if recorder is None:
                    recorder = self._begin(msgspec.json.decode(record.body, type=Hello))
                elif recorder.processed < self._careful:
                    self._say(Report(applying=recorder.processed + 1))
                    recorder.apply(record)
                    self._commit_parts(recorder)
                elif recorder.apply(record):
                    self._commit_parts(recorder)
        except Exception as error:
            if recorder is None or (isinstance(error, WsreplayError) and not isinstance(error, RowRefused)):
                raise
            raise _ApplyFailed(recorder.processed) from error.__cause__ or error
        if self._deadline is None:
            self._deadline = time.monotonic() + COMMIT_EVERY_S
        return False

    def _commit_parts(self, recorder: Recorder) -> None:
        """The batch is full, perhaps in the middle of a record."""
        self._commit(recorder)
        while recorder.go_on():
            self._commit(recorder)

    def _begin(self, hello: Hello) -> Recorder:
        if hello.run_id is None:
            recover(hello.path)
        elif hello.damaged:
            salvage(hello)
        self._recorder = recorder = Recorder(hello)
        self._careful = hello.careful
        self._header = HeaderWatch(recorder.writer.path)
        self._say(
            Report(
                ready=recorder.processed,
                run_id=recorder.run_id,
                start_ns=recorder.start_ns,
                first_connection=recorder.first_connection,
                frames=recorder.writer.last_frame_id,
            )
        )
        return recorder

    def _commit_when_due(self) -> None:
        recorder = self._recorder
        if recorder is None or self._deadline is None:
            return
        if recorder.writer.waiting >= COMMIT_ROWS or self._pending_bytes >= COMMIT_BYTES or time.monotonic() >= self._deadline:
            self._commit(recorder)

    def _commit(self, recorder: Recorder) -> None:
        self._check_header()
        recorder.flush()
        self._persist(recorder.writer)
        self._deadline = None
        self._pending_bytes = 0
        self._report_progress(recorder)

    def _check_header(self) -> None:
        now = time.monotonic()
        if self._header is not None and now >= self._check_at:
            self._check_at = now + CHECK_HEADER_EVERY_S
            self._header.check()

    def _persist(self, writer: Writer) -> None:
        """Commit, and where that cannot be done now say why and try again: what is read meanwhile waits."""
        give_up = time.monotonic() + ORPHAN_PATIENCE_S
        said_at = 0.0
        for attempt in itertools.count():
            try:
                writer.commit()
                break
            except WriteStalled as stalled:
                reason = str(stalled)
            if time.monotonic() - said_at >= SAY_STALLED_EVERY_S:
                said_at = time.monotonic()
                self._say(Report(stalled=reason))
            self._receive_ahead(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            if self._relay_gone and time.monotonic() > give_up:
                raise RecordingError(f"gave up writing: {reason}")

    def _receive_ahead(self, seconds: float) -> None:
        """Read what comes within this time, so that traffic goes on while it can be kept."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._relay_gone or self._read_ahead_bytes >= READ_AHEAD:
                time.sleep(left)
            elif self._poll.poll(left * 1000):
                data = self._receive()
                self._read_ahead.append(data)
                self._read_ahead_bytes += len(data)

    def _finish(self, *, clean: bool) -> None:
        recorder = self._recorder
        assert recorder is not None
        if self._header is not None and not self._relay_gone:  # else nobody is there to go on in another file
            self._header.check()
        recorder.end(clean=clean)
        self._persist(recorder.writer)
        self._report_progress(recorder)  # to build the index of a large recording takes its time
        recorder.writer.close()
        unwritten.remove(recorder.writer.path)
        self._report_progress(recorder, closed=True)

    def _report_progress(self, recorder: Recorder, closed: bool = False) -> None:
        opened, ended = recorder.news()
        self._say(
            Report(
                committed=recorder.processed,
                frames=recorder.writer.last_frame_id,
                events=recorder.total_events(),
                opened=opened,
                ended=ended,
                closed=closed,
            )
        )

    def _say(self, report: Report) -> None:
        # A relay that is gone needs no report.
        with contextlib.suppress(OSError):
            self._sock.sendall(_encode(report) + b"\n")


def _describe(error: BaseException) -> str:
    """An error that nobody expects: its type and where it was raised. Its text may hold what a peer has sent."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    file = Path(frames[-1].filename)
    package = Path(wsreplay.__file__).parent
    name = file.relative_to(package.parent) if file.is_relative_to(package) else file.name
    return f"{type(error).__name__} in {name}, line {frames[-1].lineno}"


def main(descriptor: int, *lock_descriptors: int) -> int:
    """Record what comes over an inherited socket, holding an inherited lock."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    with socket.socket(fileno=descriptor) as sock:
        sock.setblocking(True)
        return RecorderProcess(sock, lock_descriptors).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
