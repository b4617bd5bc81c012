"""Records on their way to the recorder: numbered, sent in order, kept until they are committed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass

from wsreplay.recorder.protocol import HEAD_LENGTH, Record, RecordKind, RecordReader, head

KEEP_BYTES = 64 * 2**20
# A shorter hold is scheduling, not something a bound in a contract could notice.
HOLD_WORTH_NOTING_NS = 20_000_000

_CHUNK = int(RecordKind.CHUNK)  # looking it up in its class takes longer than packing a head
Forward = Callable[[], None]


@dataclass(slots=True)
class PendingRecord:
    """A record that the socket has not taken whole, and what is to be done once it has."""

    record: bytes
    # None where nothing waits for it
    forward: Forward | None = None


@dataclass
class Totals:
    """What the recorder has committed, and what it has not yet; `faults` are those that were put on record."""

    # of what is committed
    frames: int = 0
    events: int = 0
    # that peers have sent, and those of records that are not committed
    bytes: int = 0
    waiting_bytes: int = 0
    # of the recorder
    restarts: int = 0
    faults: int = 0

    @classmethod
    def sum(cls, totals: Iterable[Totals]) -> Totals:
        """Those of several runs together."""
        return cls(*map(sum, zip(*map(astuple, totals), strict=True)))


class RecordQueue:
    """The records of one run, and how far they have come: waiting, sent, committed.

    At most KEEP_BYTES are sent and not committed; the next records wait, and so does the traffic they stand for.
    """

    # CPython finds up to 30 attributes of an instance without a look-up; with those of RecorderClient there are more.
    __slots__ = (
        "_held_since", "_kept", "_kept_bytes", "_number", "_over", "_partly", "_sock", "_waiting", "_waiting_bytes",
        "crowded", "on_crowded", "origin_ns", "totals",
    )  # fmt: skip

    def __init__(self) -> None:
        # To the recorder, while it takes records.
        self._sock: socket.socket | None = None
        # Records that the socket has not taken, their bytes, and how many bytes of the first one it took.
        self._waiting: deque[PendingRecord] = deque()
        self._waiting_bytes = 0
        self._partly = 0
        # Records that are not committed; the newest is number `_number`, and none is missing between.
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._number = 0
        # There is as much as may be kept: whoever hands over is to read no more until `on_crowded` says so.
        self.crowded = False
        self.on_crowded: Callable[[bool], None] = lambda crowded: None
        # Since when traffic is held back (monotonic, ns); None: it is not.
        self._held_since: int | None = None
        # Nothing is taken any more: what passes is not recorded.
        self._over = False
        self.totals = Totals()
        # When the recording's time began (monotonic, ns).
        self.origin_ns = 0

    @property
    def uncommitted(self) -> bool:
        """Whether the recorder has not committed everything yet."""
        return bool(self._kept)

    @property
    def lag_ns(self) -> int:
        """How long ago the oldest record was handed over that is not committed yet; 0 where all are."""
        oldest = self._kept_record(self._first_kept) if self._kept else None
        return 0 if oldest is None else max(0, self.now() - oldest[3])

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
                asyncio.get_running_loop().add_writer(self._sock, self._send_waiting)
        self._waiting.append(PendingRecord(record))
        self._waiting_bytes += len(record)
        self._on_wait()

    def _on_wait(self) -> None:
        """A record has to wait."""

    def _send_waiting(self) -> None:
        """Send what waits, while the socket takes it and no more than KEEP_BYTES are on their way to be committed."""
        sock = self._sock
        if sock is None or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        waiting = self._waiting
        while waiting:
            first = waiting[0]
            uncommitted = self._kept_bytes - self._waiting_bytes
            if uncommitted and uncommitted + len(first.record) > KEEP_BYTES:
                loop.remove_writer(sock)
                return
            try:
                self._partly += sock.send(memoryview(first.record)[self._partly :])
            except BlockingIOError:
                loop.add_writer(sock, self._send_waiting)
                return
            except OSError:
                loop.remove_writer(sock)
                return
            if self._partly < len(first.record):
                continue
            waiting.popleft()
            self._partly = 0
            self._waiting_bytes -= len(first.record)
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
            self.record(RecordKind.HOLD, (since - self.origin_ns).to_bytes(8, "little"))

    def _resend(self, sock: socket.socket, committed: int) -> None:
        """Send what was sent and not committed to a new recorder, and what waits. Forwarding is done once."""
        self._forget(committed)
        self._sock = sock
        self._partly = 0
        waiting = list(self._waiting)
        sent = list(self._kept)[: max(0, len(self._kept) - len(waiting))]
        self._waiting = deque([*(PendingRecord(record) for record in sent), *waiting])
        self._waiting_bytes = self._kept_bytes
        self._send_waiting()

    def _forget(self, committed: int) -> None:
        """Keep only the records behind this number."""
        kept = self._kept
        while kept and self._number - len(kept) < committed:
            self._kept_bytes -= len(kept.popleft())
        if self.crowded and self._kept_bytes <= KEEP_BYTES // 2:
            self.crowded = False
            self.on_crowded(False)

    def _kept_record(self, number: int) -> Record | None:
        """A record that is kept, by its number."""
        index = number - self._first_kept
        if not 0 <= index < len(self._kept):
            return None
        (record,) = RecordReader().feed(self._kept[index])
        return record

    def _replace(self, number: int, record: Record) -> None:
        """Put another record in the place of one that was sent and is kept."""
        index = number - self._first_kept
        kind, direction, connection, t_ns, body = record
        self._kept_bytes += HEAD_LENGTH + len(body) - len(self._kept[index])
        self._kept[index] = head(kind, len(body), t_ns, connection, direction) + body

    @property
    def _first_kept(self) -> int:
        return self._number - len(self._kept) + 1
