"""What a recording says beside its messages: connections, their sessions, when it was held up, and what it does not hold.

Read once, and handed to whoever judges. Within a snapshot of the recording it is of one time, and of the time of its messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from wsreplay.contract import Contract
from wsreplay.contract.users import ConnectionUsers
from wsreplay.model import Connection, Ending, Gap, Hold, Run, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import Lifecycle, lifecycle
from wsreplay.units import count_text

_MOST_REFUSED = 5  # connections that are told one by one


@dataclass(frozen=True)
class RecordingContext:
    """Times are in ns since the recording began.

    `connections` have the users that a contract finds, those in `named` by their messages; `losses` says since when frames of a
    connection are missing, `cut_frames` of which frames not all of the payload is there, `reached_ns` how far the recording is
    known to reach.
    """

    connections: Sequence[Connection]
    sessions: Sequence[Session]
    runs: Sequence[Run]
    holds: Sequence[Hold]
    losses: Mapping[int, int]
    cut_frames: frozenset[int]
    reached_ns: int
    named: frozenset[int] = frozenset()

    @classmethod
    def read(cls, recording: Recording, contract: Contract, users: ConnectionUsers | None = None) -> Self:
        """That of a recording, as it stands now; `users` knows those that were found at earlier looks. Raises the errors of the
        RecordingError family."""
        users = users or ConnectionUsers(contract)
        connections = users.identify(recording, recording.connections())
        gaps = recording.gaps()
        return cls(
            connections=connections,
            sessions=stitch(connections, contract.resumption),
            runs=recording.runs(),
            holds=recording.holds(),
            losses=_losses(recording, gaps, connections),
            cut_frames=frozenset(gap.after_frame_id for gap in gaps if _is_cut(gap)),
            reached_ns=recording.reached_ns(),
            named=users.named_by_message(),
        )

    def among(self, chosen: Collection[int]) -> Self:
        """The same for some connections; their sessions keep their numbers."""
        return replace(self, connections=[connection for connection in self.connections if connection.id in chosen])

    def before(self, limit_ns: int) -> Self:
        """The same as far as it is settled: of what opened before a time."""
        connections = [connection for connection in self.connections if connection.opened_ns < limit_ns]
        return replace(self, connections=connections, reached_ns=min(self.reached_ns, limit_ns))

    def lifecycle(self) -> list[Lifecycle]:
        """What befalls the connections, in the order of time."""
        return lifecycle(self.connections, self.sessions, self.runs, self.losses)

    def unsettled_ns(self) -> int | None:
        """When the first connection opened of which it is not known yet whether it was accepted or refused."""
        undecided = (
            connection for connection in self.connections if connection.status is None and connection.ending is Ending.OPEN
        )
        return min((connection.opened_ns for connection in undecided), default=None)

    def refusals(self) -> list[str]:
        """What became of connections that never were WebSockets: no rule judges them, and yet nobody was served."""
        refused = [connection for connection in self.connections if connection.ending is Ending.REFUSED]
        lines = [
            f"connection {connection.id} was refused"
            + (f" with status {connection.status}" if connection.status else "")
            + (f": {connection.error}" if connection.error else "")
            for connection in refused[:_MOST_REFUSED]
        ]
        if len(refused) > _MOST_REFUSED:
            lines.append(f"and {count_text(len(refused) - _MOST_REFUSED, 'more connection')} likewise")
        return lines


def _is_cut(gap: Gap) -> bool:
    """The frame is there, but not all of its payload: it came, but cannot be read."""
    return gap.reason.startswith(("payload cut", "withheld: no JSON"))


def _is_unfinished(gap: Gap) -> bool:
    """The last message of a connection never came whole: nobody received it."""
    return gap.reason.removeprefix("withheld: ") == "unfinished"


def _losses(recording: Recording, gaps: Iterable[Gap], connections: Iterable[Connection]) -> dict[int, int]:
    """For each connection with frames missing the time of the last one before the first gap, or when it opened."""
    opened = {connection.id: connection.opened_ns for connection in connections}
    first: dict[int, int] = {}
    for gap in gaps:
        if gap.connection_id in opened and not _is_cut(gap) and not _is_unfinished(gap):
            first[gap.connection_id] = min(gap.after_frame_id, first.get(gap.connection_id, gap.after_frame_id))
    times = {frame.id: frame.t_ns for frame in recording.frames_by_id(sorted(first.values()))} if first else {}
    return {connection: times.get(frame, opened[connection]) for connection, frame in first.items()}
