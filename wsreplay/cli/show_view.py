"""What `wsreplay show` shows, in the order it happened: frames, the faults injected among them, what no frame tells."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from itertools import takewhile

from wsreplay.cli.options import connections_of
from wsreplay.cli.show_lines import Note
from wsreplay.contract.decoding import key_readers
from wsreplay.contract.model import Contract
from wsreplay.contract.users import ConnectionUsers
from wsreplay.model import Connection, Fault, Frame, Gap, Session
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.endings import ending_text
from wsreplay.trace.gaps import gap_text
from wsreplay.trace.reading import Reading
from wsreplay.validator.findings import Judgement

POLL_S = 0.1
Item = Frame | Fault | Note
# Of what has one time: a fault comes before the frames it was put in, an ending after the last frame.
_BEFORE, _FRAME, _BEHIND = range(3)


class Showing:
    """The frames that are asked for, and what is known of their connections. Notes are left out where a filter asks."""

    def __init__(
        self, recording: Recording, session: int | None, chosen: filters.Filter, filtered: bool, reading: Reading,
        contract: Contract | None, judge: Callable[[], Judgement], users: ConnectionUsers,
    ) -> None:  # fmt: skip
        # Finds what filters by findings ask for; and what was found last.
        self._judge = judge
        self.judgement: Judgement | None = None
        # Whose connections are.
        self._users = users
        self.reading = reading
        self._name_of = contract.map.name_of if contract is not None else None
        # What reads threads and runs, where the contract says where they stand.
        self._keys = key_readers(contract)
        self._recording = recording
        self._session = session
        self._filter = chosen
        self._filtered = filtered
        # Connections of which a frame was shown, and the faults held back until then.
        self._shown: set[int] = set()
        self._held: dict[int, list[Fault]] = {}
        # How far faults, endings and gaps were read.
        self._last_fault = 0
        self._ended: set[int] = set()
        self._gaps: set[Gap] = set()
        # What is due between frames: time, order, a number that makes each different, the item; and the last number.
        self._waiting: list[tuple[int, int, int, Fault | Note]] = []
        self._number = 0
        # By connection, as they were read last: as they were recorded, and with their users.
        self._recorded: dict[int, Connection] = {}
        self.connections: dict[int, Connection] = {}
        self.sessions: dict[int, Session] = {}

    def contract_name(self, type_: str | None) -> str | None:
        """What the contract calls an event of the product's, where that is another name."""
        name = self._name_of(type_) if self._name_of is not None and type_ is not None else type_
        return None if name == type_ else name

    def items(self, follow: bool) -> Iterator[Item]:
        """All there is; with `follow` also what comes, until the recording ends."""
        last = -1
        while True:
            live = follow and self._recording.live
            end = self._recording.last_id()
            # After the end is known, so that the connection of every frame before it is.
            if end > last or self._recording.changed_connections(self._recorded):
                self._refresh()
            matches = self._filter.predicate(self._context)
            wanted = None if self._wanted is None else {connection.id for connection in self._wanted}
            self._take_faults(wanted)
            if not self._filtered:
                self._take_notes(wanted)
            for frame in self._candidates(last, end, wanted):
                self.reading.observe(frame)
                yield from self._due(frame.t_ns)
                if matches(frame):
                    self._shown.add(frame.connection_id)
                    yield from self._held.pop(frame.connection_id, ())
                    yield frame
            yield from self._due()
            if not live:
                return
            last = end
            time.sleep(POLL_S)

    def why_empty(self) -> str:
        """What is said where nothing is shown."""
        if not self._recording.last_id():
            return "nothing was recorded in it: `wsreplay help troubleshooting` lists the usual reasons"
        return "no frame matches the filter" if self._filtered else "nothing was recorded in this session"

    def _refresh(self) -> None:
        connections = self._recording.connections()
        self._recorded = {connection.id: connection for connection in connections}
        sessions = self._users.stitch(self._recording, connections)
        self.sessions = {connection.id: session for session in sessions for connection in session.connections}
        self.connections = {connection.id: connection for session in sessions for connection in session.connections}
        self.reading.refresh(connections)
        self.judgement = self._judge() if self._filter.needs_judgement else None
        self._context = filters.Context.of_sessions(sessions, self.judgement, reader=self.reading, **self._keys)
        self._wanted = connections_of(self._recording, self._session, sessions)

    def _candidates(self, after_id: int, end: int, wanted: set[int] | None) -> Iterator[Frame]:
        """The frames up to `end` that the filter may let through; SQLite hands over no other, unless a session is asked for."""
        if wanted is None:
            return self.reading.candidates(self._filter.where(self._context), after_id, end)
        return takewhile(lambda frame: frame.id <= end, self._recording.frames(after_id=after_id, connections=wanted))

    # What stands between the frames.

    def _take_faults(self, wanted: set[int] | None) -> None:
        new = self._recording.faults(after_id=self._last_fault)
        self._last_fault = max((fault.id for fault in new), default=self._last_fault)
        if any(fault.connection_id not in self.connections for fault in new):
            self._refresh()
        for fault in new:
            if wanted is None or fault.connection_id is None or fault.connection_id in wanted:
                self._await(_BEFORE, fault)

    def _take_notes(self, wanted: set[int] | None) -> None:
        for connection in self.connections.values():
            if (wanted is None or connection.id in wanted) and connection.id not in self._ended:
                if connection.closed_ns is not None and (text := ending_text(connection)):
                    self._await(_BEHIND, Note(connection.closed_ns, connection.id, text))
                if connection.closed_ns is not None:
                    self._ended.add(connection.id)
        for gap in self._recording.gaps():
            if gap not in self._gaps and gap.connection_id in self.connections and (
                wanted is None or gap.connection_id in wanted
            ):  # fmt: skip
                self._gaps.add(gap)
                self._await(_BEHIND, self._note_of(gap))

    def _note_of(self, gap: Gap) -> Note:
        opened_ns = self.connections[gap.connection_id].opened_ns
        t_ns = self._recording.frame(gap.after_frame_id).t_ns if gap.after_frame_id else opened_ns
        return Note(t_ns, gap.connection_id, gap_text(gap), gap)

    def _await(self, order: int, item: Fault | Note) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (item.t_ns, order, self._number, item))

    def _due(self, until_ns: int | None = None) -> Iterator[Fault | Note]:
        """What stands before a frame of this time; with a filter faults are held until a frame of their connection is shown."""
        while self._waiting and (until_ns is None or self._waiting[0][:2] < (until_ns, _FRAME)):
            item = heapq.heappop(self._waiting)[3]
            if not self._filtered or item.connection_id is None or item.connection_id in self._shown:
                yield item
            elif isinstance(item, Fault):
                self._held.setdefault(item.connection_id, []).append(item)
