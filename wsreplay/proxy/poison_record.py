"""The poison record: one that recorders die at, which is left out in the end.

A death says nothing about a record: memory may be short, somebody may have sent a signal. The second one in quick succession
makes the next recorder careful: it commits each record for itself and says before which one it is. A recorder that dies after
such words, and before it has said anything else, died at this record; one that fails with an exception says so itself.

    deaths in a row    what follows
    1                  a recorder as usual
    2                  careful recorders, until one lives on
    3 at one record    first its payloads are left out, then, after three more, all of it
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from wsreplay.recorder.protocol import Record, RecordKind, Skipped

DEATHS = 3
# Between attempts to start a recorder (s).
RESTART_PAUSE_S = (0.0, 0.1, 0.2, 0.4, 0.8, 2.0)
# So many recorders that die in quick succession are replaced at once: the record they die at is known by then.
HASTY_RESTARTS = 8
# Who lives longer than this was not killed by what it was sent first.
QUICK_S = 5.0
# A careful recorder takes a fraction of a millisecond a record; a batch holds at most so many.
CAREFUL_RECORDS = 10_000


@dataclass
class PoisonRecordDetector:
    """What is known of deaths so far. Times are monotonic, in s."""

    quick_deaths: int = 0  # in a row
    careful: bool = False  # the next recorder is to be
    # when the recorder came to work; None: none is at work
    _ready_at: float | None = None
    _applying: int | None = None  # the record that the recorder said it is at, if it has said nothing since
    _number: int = 0  # the record that the last ones died at
    _deaths: int = 0  # there, in a row; 0 once it was left out
    _times_left_out: dict[int, int] = field(default_factory=dict)  # of each record

    def ready(self, now: float) -> None:
        """A recorder is at work."""
        self._ready_at, self._applying = now, None

    def hears(self, applying: int | None) -> None:
        """It is at this record; None: it has said something else."""
        self._applying = applying

    def died(self, now: float, *, failed: bool = False) -> None:
        """It has died; `failed`: of an exception, which it has told."""
        if self._ready_at is None:
            return
        quick = now - self._ready_at < QUICK_S
        self.quick_deaths = self.quick_deaths + 1 if quick else 1
        self.careful = self.quick_deaths > 1 or failed
        if self._applying is not None:
            self._deaths = self._deaths + 1 if self._applying == self._number else 1
            self._number = self._applying
        self._ready_at = None

    def pauses(self) -> Iterator[float]:
        """How long to wait before each attempt to start another recorder, in s, without end."""
        for attempt in itertools.count(max(0, self.quick_deaths - HASTY_RESTARTS)):
            yield RESTART_PAUSE_S[min(attempt, len(RESTART_PAUSE_S) - 1)]

    def found(self) -> tuple[int, int] | None:
        """The record to leave out now, and how often that was done before; asked once."""
        if self._deaths < DEATHS:
            return None
        self._deaths = 0
        before = self._times_left_out.get(self._number, 0)
        self._times_left_out[self._number] = before + 1
        return self._number, before


def leave_out(record: Record, *, whole: bool) -> tuple[Record, str]:
    """The record that stands for one that is left out, and the words for what is: its payloads, or `whole` all of it."""
    kind, direction, connection, t_ns, body = record
    if kind == RecordKind.SKIPPED:
        note, _, body = body.partition(b"\n")
        kind = msgspec.json.decode(note, type=Skipped).kind
    note = msgspec.json.encode(Skipped(kind, len(body), f"the recorder failed at it {DEATHS} times", again=whole))
    if kind == RecordKind.CHUNK and not whole:
        note += b"\n" + body  # its frames may do without their payloads
    what = f"a record {RecordKind(kind).name}"
    if kind == RecordKind.CHUNK:
        what = f"{len(body):,} bytes of connection {connection}"
    return Record(RecordKind.SKIPPED, direction, connection, t_ns, note), what
