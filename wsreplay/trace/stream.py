"""A recording as one stream: openings, messages and ends of connections in the order in which they are to be judged.

Messages keep the recorder's order. What befalls connections is merged in by time: at one and the same time a connection's
opening goes before its messages and its end after them, and the end of one connection before the opening of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wsreplay.model import Connection, Ending, Run, Session


class Opened(NamedTuple):
    """A connection opens; `session` is the number of the session it belongs to."""

    t_ns: int
    connection: Connection
    session: int


class Closed(NamedTuple):
    """A connection ended; how, its last state says."""

    t_ns: int
    connection: Connection


class Truncated(NamedTuple):
    """The recording ends before the connection does."""

    t_ns: int
    connection: Connection


class Lost(NamedTuple):
    """From here on frames of the connection are missing from the recording."""

    t_ns: int
    connection: Connection


class Tick(NamedTuple):
    """The trace is known to reach this time."""

    t_ns: int


Lifecycle = Opened | Closed | Truncated | Lost | Tick


def lifecycle(
    connections: Iterable[Connection],
    sessions: Iterable[Session],
    runs: Iterable[Run] = (),
    losses: Mapping[int, int] | None = None,
) -> list[Lifecycle]:
    """What befalls connections, in order. Connections that were refused never open. `losses` says since when (ns) frames of
    a connection are missing.

    A truncated connection ends with its run of `record`, if a later run follows; else with the trace, which is for the
    engine's `finish` to say.
    """
    numbers = {connection.id: session.id for session in sessions for connection in session.connections}
    ends = _truncations(list(runs))
    events: list[tuple[int, int, Lifecycle]] = []
    for connection in connections:
        if connection.ending is Ending.REFUSED:
            continue
        opened = connection.opened_ns
        events.append((opened, 1, Opened(opened, connection, numbers[connection.id])))
        if losses and connection.id in losses:
            events.append((max(opened, losses[connection.id]), 2, Lost(max(opened, losses[connection.id]), connection)))
        if connection.ending in (Ending.TRUNCATED, Ending.OPEN):
            at = ends.get(connection.recording_id)
            if at is not None:
                events.append((max(at, opened), 2, Truncated(max(at, opened), connection)))
        elif connection.closed_ns is not None:
            at = max(connection.closed_ns, opened)
            events.append((at, 0 if at > opened else 2, Closed(at, connection)))
    events.sort(key=lambda entry: entry[:2])
    return [item for _, _, item in events]


def _truncations(runs: list[Run]) -> dict[int, int]:
    """Where the runs end that a later one follows."""
    return {run.id: run.reached_ns if run.ended_ns is None else run.ended_ns for run in runs[:-1]}
