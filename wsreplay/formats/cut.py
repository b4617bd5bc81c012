"""A part of a recording as a recording of its own, small enough for a bug report."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from wsreplay.model import Frame
from wsreplay.store.creation import new_recording
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.frame_redaction import WITHHELD, FrameRedactor
from wsreplay.trace.redaction import Redactor

_BATCH = 10_000  # frames
_BATCH_BYTES = 8 * 2**20  # of payloads


def cut(recording: Recording, connections: Collection[int], out: Path, redactor: Redactor | None = None) -> None:
    """Copy some connections with all that is known of them. Times, seqs and connection ids stay; frames are numbered anew.

    With a redactor that hides payloads, they are redacted as when recording. Raises UsageError where `out` exists.
    """
    with new_recording(out) as writer, recording.snapshot():
        _Cut(recording, set(connections), writer, redactor).copy()


class _Cut:
    def __init__(self, recording: Recording, connections: set[int], writer: Writer, redactor: Redactor | None) -> None:
        self._recording, self._connections, self._writer = recording, connections, writer
        self._redactor = FrameRedactor(redactor) if redactor is not None and redactor.hides_payloads else None

    def copy(self) -> None:
        self._copy_runs()
        for connection in self._recording.connections():
            if connection.id in self._connections:
                self._writer.insert_connection(connection)
                if self._redactor is not None:
                    self._redactor.open(connection.id, connection.path, connection.subprotocol)
        ids = self._recording.frame_ids(sorted(self._connections))
        new_ids = {old: new for new, old in enumerate(ids, 1)}
        waiting = 0
        for frame in self._payloads(self._recording.frames_by_id(ids)):
            self._writer.add_frames([frame[1:]])
            waiting += len(frame.payload)
            if self._writer.waiting >= _BATCH or waiting >= _BATCH_BYTES:
                self._writer.commit()
                waiting = 0
        self._copy_notes(new_ids)

    def _copy_runs(self) -> None:
        for run in self._recording.runs():
            id = self._writer.insert_run(
                started_at=run.started_at, start_ns=run.start_ns, upstream=run.upstream, listen=run.listen,
                version=run.version, options=run.options,
            )  # fmt: skip
            self._writer.update_run(id, reached_ns=run.reached_ns, ended_ns=run.ended_ns)
            self._writer.commit()

    def _payloads(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        if self._redactor is None:
            return frames
        redactor = self._redactor
        return (self._redacted(frame, redactor) for frame in frames)

    def _redacted(self, frame: Frame, redactor: FrameRedactor) -> Frame:
        payload, withheld = redactor.payload(frame)
        if withheld:
            self._writer.add_gap(frame.connection_id, frame.direction, self._writer.last_frame_id + 1, WITHHELD, withheld)
        return frame._replace(payload=payload)

    def _copy_notes(self, new_ids: dict[int, int]) -> None:
        recording, writer = self._recording, self._writer
        kept = sorted(new_ids)
        for gap in recording.gaps():
            if gap.connection_id in self._connections:
                after = new_ids.get(gap.after_frame_id, sum(1 for old in kept if old <= gap.after_frame_id))
                writer.add_gap(gap.connection_id, gap.direction, after, gap.reason, gap.bytes)
        for hold in recording.holds():
            writer.add_hold(hold.start_ns, hold.end_ns)
        for mark in recording.marks():
            if mark.frame_id is None or mark.frame_id in new_ids:
                writer.add_mark(mark.t_ns, mark.note, None if mark.frame_id is None else new_ids[mark.frame_id])
        for fault in recording.faults():
            if fault.connection_id is None or fault.connection_id in self._connections:
                frame = None if fault.frame_id is None else new_ids.get(fault.frame_id)
                writer.add_fault(fault.t_ns, fault.kind, fault.detail, fault.connection_id, fault.direction, frame)
        if self._redactor is None:
            for connection_id, direction, offset, t_ns, data in recording.tails():
                if connection_id in self._connections:
                    writer.add_tail(connection_id, direction, offset, t_ns, data)
