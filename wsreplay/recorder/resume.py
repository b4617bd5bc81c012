"""Going on after a crash: what the file says about connections that were open when their recorder died."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import orjson

from wsreplay.model import FIN, RSV1, Ending, Opcode, start_of
from wsreplay.recorder.connection import LiveConnection, Rules
from wsreplay.recorder.direction import UNREAD, ResumePoint, Unread
from wsreplay.recorder.protocol import Closing, ConnectionOpened
from wsreplay.recorder.tail import TailCodec
from wsreplay.store import resume as rows
from wsreplay.store.resume import FrameEnd
from wsreplay.store.writer import Writer
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.deflate import WINDOW, Extensions
from wsreplay.wire.frames import MAX_PAYLOAD

SWITCHING_PROTOCOLS = 101


def next_start(writer: Writer, started_at: str) -> int:
    """Where a new run stands on the time axis: at its wall-clock distance from the first, never before the last one's end."""
    runs = rows.run_reaches(writer)
    if not runs:
        return 0
    distance = start_of(started_at) - start_of(runs[0][0])
    return max(int(distance.total_seconds() * 1e9), *(reached_ns for _, reached_ns in runs))


def open_connections(writer: Writer, run_id: int, rules: Rules) -> dict[int, LiveConnection]:
    """The connections of a run that have not ended, ready to be fed what comes next."""
    recorded = rows.open_connections(writer, run_id)
    upgraded = {row.id: row.extensions for row in recorded if row.status == SWITCHING_PROTOCOLS}
    histories = _histories(writer, run_id, rules, upgraded)
    restored = {}
    for row in recorded:
        opened = ConnectionOpened(row.id, row.path, row.peer or "", row.user)
        connection = restored[row.id] = LiveConnection(opened, row.opened_ns, writer, rules)
        connection.answer(row.status)
        connection.resume_close(row.closed_by, row.close_code, row.close_reason)
        if row.id in histories:
            _resume(writer, rules, connection, row.extensions, row.error, histories[row.id])
    for gap in rows.gaps(writer, run_id):
        if gap.reason.startswith(UNREAD):
            restored[gap.connection_id].unread[gap.direction] = Unread(gap.reason, gap.bytes, gap.bytes)
    return restored


def close_crashed_runs(writer: Writer) -> None:
    """End the connections of runs whose relay and recorder both died: they are truncated."""
    for run in rows.unended_runs(writer):
        options = orjson.loads(run.options)
        if options.get("redact"):
            drop_sealed_tails(writer, run.id)
        rules = Rules(Redactor(), TailCodec(None), options.get("max_payload", MAX_PAYLOAD))
        for connection in open_connections(writer, run.id, rules).values():
            connection.end(run.reached_ns, Closing(), Ending.TRUNCATED)


def drop_sealed_tails(writer: Writer, run_id: int) -> None:
    """Nobody has the key any more."""
    for connection_id, direction, size in rows.tail_sizes(writer, run_id):
        writer.add_gap(connection_id, direction, writer.last_frame_id, "withheld: unfinished, and its key is gone", size)
        writer.drop_tail(connection_id, direction)
    writer.commit()


def _resume(
    writer: Writer, rules: Rules, connection: LiveConnection, extensions: str | None, error: str | None,
    histories: tuple[_History, _History],
) -> None:  # fmt: skip
    connection.go_on(max(history.seq for history in histories), max(history.last_id for history in histories) or None)
    connection.resume(extensions, (histories[0].resume_point(), histories[1].resume_point()))
    if error:
        connection.resume_error(error)
    closes = [(history.close[0], direction, history.close[1]) for direction, history in enumerate(histories) if history.close]
    for _, direction, payload in sorted(closes):
        connection.saw_close(direction, payload)
    for direction in (0, 1):
        tail = list(rows.tail(writer, connection.id, direction))
        opened = ((at, t_ns, rules.tails(data, connection.id, direction, at)) for at, t_ns, data in tail)
        connection.feed_tail(direction, opened, writer.commit)


class _Reading(Enum):
    """Where the reading of a direction's rows, from the last one back, has come to."""

    START = "no data frame was seen yet"
    MESSAGE = "in a message that was not complete"
    REST = "in complete messages"


@dataclass(slots=True)
class _History:
    """What the rows of one direction tell, read from the last one back."""

    deflate: bool
    takeover: bool
    cuts: set[int]  # frames whose payload is not whole
    lost: str | None  # why the compression window cannot be known
    lost_noted: bool  # a gap says so already
    max_payload: int
    # the last frame's number, id and end in the stream; 0: there is none
    seq: int = 0
    last_id: int = 0
    end: int = 0
    close: tuple[int, bytes] | None = None  # a close frame, which can only be the last one: its id and payload
    _at: _Reading = _Reading.START
    _opcode: int = 0  # of the message in progress whose first frames are rows, since it has outgrown being held together
    _kept: int = 0  # how many bytes its rows have
    _held: list[FrameEnd] = field(default_factory=list)  # complete frames that wait for the first one of their message
    _window: list[FrameEnd] = field(default_factory=list)  # frames of compressed messages
    _size: int = 0  # bytes of their payloads

    @property
    def done(self) -> bool:
        return self._at is _Reading.REST and (not self.takeover or self.lost is not None or self._size >= WINDOW)

    def take(self, row: FrameEnd) -> None:
        """The frame before those taken so far."""
        if not self.seq:
            self.seq, self.last_id, self.end = row.seq, row.id, row.end
            if row.opcode == Opcode.CLOSE:
                self.close = row.id, row.payload
        if row.opcode > Opcode.BINARY:
            return
        if self._at is _Reading.START:
            self._at = _Reading.MESSAGE
        if row.flags & FIN or self._at is _Reading.REST:
            self._at = _Reading.REST
            self._take_complete(row)
        else:
            self._take_unfinished(row)

    def _take_unfinished(self, row: FrameEnd) -> None:
        self._kept += row.size
        if row.opcode:
            self._opcode, self._at = row.opcode, _Reading.REST
            if self.deflate and row.flags & RSV1:
                self._kept = self.max_payload
                self.lost = self.lost or "it went on in the middle of a compressed message"

    def _take_complete(self, row: FrameEnd) -> None:
        if not self.takeover or self.lost:
            return
        self._held.append(row)
        if row.opcode:  # the first frame of a message says whether it was compressed
            if row.flags & RSV1:
                self._window += self._held
                self._size += sum(len(row.payload) for row in self._held)
                if any(row.id in self.cuts for row in self._held):
                    self.lost = "cut payloads do not hold the compression window"
            self._held = []

    def resume_point(self) -> ResumePoint:
        if not self.seq:
            return ResumePoint()
        return ResumePoint(
            offset=self.end,
            window=b"" if self.lost else b"".join(row.payload for row in reversed(self._window))[-WINDOW:],
            undecodable=self.lost if self.takeover else None,
            told_undecodable=self.lost_noted,
            unfinished=(self._opcode, self._kept) if self._opcode else None,
            closed=self.close is not None,
        )


def _histories(
    writer: Writer, run_id: int, rules: Rules, connections: dict[int, str | None]
) -> dict[int, tuple[_History, _History]]:
    """What the rows tell of some connections, by their `Sec-WebSocket-Extensions`; in one pass from the last row back."""
    gaps = _gaps(writer, run_id)
    histories = {}
    for id, extensions in connections.items():
        negotiated = Extensions.parse(extensions)
        pair = []
        for direction in (0, 1):
            cuts, lost = gaps.get((id, direction), (set(), None))
            lost_noted = lost is not None
            if rules.redactor.hides_payloads:
                lost = "redacted payloads do not hold the compression window"
            takeover = negotiated.deflate and negotiated.context_takeover[direction]
            pair.append(_History(negotiated.deflate, takeover, cuts, lost, lost_noted, rules.max_payload))
        histories[id] = (pair[0], pair[1])
    pending = {(id, direction) for id in histories for direction in (0, 1)}
    if not pending:
        return histories
    for row in rows.frames_backwards(writer, run_id, WINDOW):
        place = row.connection_id, row.direction
        if place in pending:
            history = histories[row.connection_id][row.direction]
            history.take(row)
            if history.done:
                pending.discard(place)
                if not pending:
                    break
    return histories


def _gaps(writer: Writer, run_id: int) -> dict[tuple[int, int], tuple[set[int], str | None]]:
    """Per connection and direction: the frames whose payload was cut, and whether inflating had ended."""
    gaps: dict[tuple[int, int], tuple[set[int], str | None]] = {}
    for gap in rows.gaps(writer, run_id):
        place = gap.connection_id, gap.direction
        cuts, lost = gaps.get(place, (set(), None))
        if gap.reason.startswith("cannot be inflated"):
            lost = gap.reason.partition(": ")[2]
        elif gap.reason.startswith("payload cut"):
            cuts.add(gap.after_frame_id)
        gaps[place] = cuts, lost
    return gaps
