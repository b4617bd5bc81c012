"""The recorder process: reads records from a socket, commits them in batches, says what is committed.

It does nothing else, so that its one thread keeps up; it ignores Ctrl-C, which is the relay's business. When the relay dies it
drains the socket, commits and closes the file.
"""

from __future__ import annotations

import contextlib
import gc
import select
import signal
import socket
import sys
import time

import msgspec

from wsreplay.errors import RecordingError, WsreplayError
from wsreplay.recorder.protocol import Hello, Kind, Record, RecordReader, Report
from wsreplay.recorder.recorder import Recorder
from wsreplay.store import lock
from wsreplay.store.writer import Writer, WriteStalled

COMMIT_EVERY_S = 0.05
COMMIT_ROWS = 10_000
COMMIT_BYTES = 8 * 2**20
READ = 2**20
# After a small read others are given time to add to the next one: fewer wake-ups beside a latency-bound relay. The nap is over
# before one that passes 50,000 small messages a second, a kilobyte of kernel memory each, fills a quarter of the socket.
NAP_BELOW = 32 * 2**10
NAP_PER_BUFFER_BYTE_S = 0.25 / (50_000 * 1024)
RETRY_S = 0.2
# A batch holds many objects and hardly a cycle: looking for some at every 700 objects costs 6 %.
GC_THRESHOLD = 100_000
# How long a recorder whose relay is gone waits for a full disk or a locked file before it gives up.
ORPHAN_PATIENCE_S = 60.0

_encode = msgspec.json.Encoder().encode


class RecorderProcess:
    """One recorder over one socket."""

    def __init__(self, sock: socket.socket, lock_descriptors: tuple[int, ...]) -> None:
        self._sock = sock
        self._lock = lock_descriptors
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._reader = RecordReader()
        self._recorder: Recorder | None = None
        self._relay_gone = False
        self._deadline: float | None = None
        self._pending_bytes = 0
        self._nap_s = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) * NAP_PER_BUFFER_BYTE_S

    def run(self) -> int:
        """Record until BYE or the relay's end; return the exit code."""
        try:
            while self._recorder is None or not self._relay_gone:
                self._wait()
                data = self._receive()
                if not data:
                    self._relay_gone = True
                    break
                for record in self._reader.feed(data):
                    if record.kind == Kind.BYE:
                        self._finish(clean=True)
                        return 0
                    self._apply(record)
                self._pending_bytes += len(data)
                self._commit_when_due()
                if len(data) < NAP_BELOW:
                    self._nap()
            if self._recorder is not None:
                self._finish(clean=False)
                lock.Lock(self._recorder.writer.path, self._lock).release()
        except WsreplayError as error:
            self._say(Report(error=str(error), exit_code=error.exit_code))
            return error.exit_code
        return 0

    def _wait(self) -> None:
        while self._deadline is not None:
            if self._poll.poll(self._until_commit() * 1000):
                return
            self._commit_when_due()
        self._poll.poll()

    def _until_commit(self) -> float:
        return COMMIT_EVERY_S if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _nap(self) -> None:
        time.sleep(min(self._nap_s, self._until_commit()))

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(READ)
        except OSError:
            # ECONNRESET: the relay died with words of ours unread. What it sent before was delivered.
            return b""

    def _apply(self, record: Record) -> None:
        if self._recorder is None:
            self._begin(msgspec.json.decode(record.body, type=Hello))
            return
        self._recorder.apply(record)
        if self._deadline is None:
            self._deadline = time.monotonic() + COMMIT_EVERY_S

    def _begin(self, hello: Hello) -> None:
        self._recorder = recorder = Recorder(hello)
        self._say(
            Report(
                ready=recorder.processed,
                run_id=recorder.run_id,
                start_ns=recorder.start_ns,
                first_connection=recorder.first_connection,
                frames=recorder.writer.last_frame_id,
            )
        )

    def _commit_when_due(self) -> None:
        recorder = self._recorder
        if recorder is None or self._deadline is None:
            return
        if recorder.writer.waiting >= COMMIT_ROWS or self._pending_bytes >= COMMIT_BYTES or time.monotonic() >= self._deadline:
            recorder.flush()
            self._persist(recorder.writer)
            self._deadline = None
            self._pending_bytes = 0
            self._report_progress(recorder)

    def _persist(self, writer: Writer) -> None:
        """Commit, and where that cannot be done now say why and try again: nothing more is read meanwhile."""
        give_up = time.monotonic() + ORPHAN_PATIENCE_S
        told = None
        while True:
            try:
                writer.commit()
                break
            except WriteStalled as stalled:
                if str(stalled) != told:
                    told = str(stalled)
                    self._say(Report(stalled=told))
                if self._orphaned() and time.monotonic() > give_up:
                    raise RecordingError(f"gave up writing: {told}") from stalled
                time.sleep(RETRY_S)

    def _orphaned(self) -> bool:
        return self._relay_gone or any(event & (select.POLLHUP | select.POLLERR) for _, event in self._poll.poll(0))

    def _finish(self, *, clean: bool) -> None:
        recorder = self._recorder
        assert recorder is not None
        recorder.end(clean=clean)
        self._persist(recorder.writer)
        recorder.writer.close()
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
