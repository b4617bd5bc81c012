"""Recordings on disk, written as a recorder writes them."""

from __future__ import annotations

from pathlib import Path

from judged_traces import NS, Trace

from wsreplay.model import FIN, Connection, Ending, Gap
from wsreplay.store.writer import Writer


class Growing:
    """A recording written as a recorder writes it: connections when they open and when they end, frames as they come."""

    def __init__(self, path: Path) -> None:
        self.path, self.writer = path, Writer(path)
        self.run = self.writer.insert_run(
            started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="0", options={}
        )
        self.writer.commit()

    def steps(self, trace: Trace) -> list[tuple[int, int, object]]:
        """What there is to write, in the order of time."""
        found: list[tuple[int, int, object]] = []
        for connection in trace.connections.values():
            found.append((connection.opened_ns, 0, connection))
            if connection.closed_ns is not None:
                found.append((connection.closed_ns, 2, connection))
        found += [(message.t_ns, 1, message) for message in trace.messages]
        return sorted(found, key=lambda step: step[:2])

    def write(self, step: tuple[int, int, object]) -> None:
        t_ns, what, value = step
        if what == 0:
            assert isinstance(value, Connection)
            opened = value._replace(ending=Ending.OPEN, closed_ns=None, closed_by=None, close_code=None, close_reason=None)
            self.writer.insert_connection(opened)
        elif what == 2:
            assert isinstance(value, Connection)
            self.writer.update_connection(
                value.id,
                closed_ns=value.closed_ns,
                ending=str(value.ending),
                closed_by=value.closed_by,
                close_code=value.close_code,
                close_reason=value.close_reason,
            )
        else:
            assert isinstance(value, tuple)
            _, connection, seq, at, direction, opcode, _, payload, _ = value
            self.writer.add_frames([(connection, seq, at, direction, opcode, FIN, len(payload) + 2, 0, None, payload)])
        self.writer.update_run(self.run, reached_ns=t_ns)

    def end(self, reached_ns: int) -> None:
        self.writer.update_run(self.run, reached_ns=reached_ns, ended_ns=reached_ns)
        self.writer.close()


def write_whole(path: Path, trace: Trace, *gaps: Gap) -> Path:
    file = Growing(path)
    for step in file.steps(trace):
        file.write(step)
    for gap in gaps:
        file.writer.add_gap(*gap)
    file.end(round((trace.now + 1) * NS))
    return path
