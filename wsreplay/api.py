"""Recordings read by programs: `import wsreplay`.

    with wsreplay.open("chat.db") as recording:
        for event in recording.events("type:tool_*"):
            print(event.t_ns, event.type, event.document)
        for span in recording.spans("tool"):
            print(span.name, span.state)

What is asked for is read when it is asked for, frame by frame; filters are those of `wsreplay show --filter`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Self

from wsreplay.contract import Contract, load
from wsreplay.contract.decoding import key_readers, reading_of
from wsreplay.contract.users import ConnectionUsers, sessions_of
from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.model import Connection, Direction, Frame, Message, Session
from wsreplay.store.condition import Condition
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.validator import Finding, Judgement, SpanLog, SpanRecord, judge
from wsreplay.validator.select import select_contracts

# How often a recording that is written is looked at (s).
POLL_S = 0.1
AnyContract = str | Path | Contract
"""The name of a built-in contract, a file, or a contract that is loaded."""


class RecordedEvent(NamedTuple):
    """One event: `frame` is the id of the frame that completes it, `place` its place among that frame's events, `t_ns` its time
    in nanoseconds since the recording began. `document` is what its message says, as plain values."""

    frame: int
    place: int
    t_ns: int
    connection: int
    session: int
    user: str | None
    direction: Direction
    type: str | None
    document: Any


class Selection:
    """The frames of a recording that a filter lets through, and their events.

    It knows the connections that were there when it was last refreshed. Frames are given to it in order, those of decoded
    connections all: what follows may answer them. Raises FilterError, or UsageError for a decoder that there is not.
    """

    def __init__(self, file: RecordingFile, filter: str, contract: AnyContract | None) -> None:
        self._file, self._contract = file, contract
        self._filter = filters.parse(filter)
        chosen = None if contract is None else read_contract(contract)
        self.reading = reading_of(file.recording, chosen)
        # what reads threads and runs, where the contract says where they stand
        self._keys = key_readers(chosen)
        # whose the connections are
        self._connection_users = ConnectionUsers(chosen)
        # By connection, as of the last refresh.
        self._sessions: dict[int, int] = {}
        self._users: dict[int, str | None] = {}
        # What the filter says of one frame.
        self._matches: Callable[[Frame], bool] = lambda frame: False

    def refresh(self) -> Condition:
        """Take in the connections, and the verdict where the filter asks for it, as they are now; the frames to be given."""
        recording = self._file.recording
        connections = recording.connections()
        self.reading.refresh(connections)
        judgement = self._file.validate(self._contract) if self._filter.needs_judgement else None
        sessions = self._connection_users.stitch(recording, connections)
        context = filters.Context.of_sessions(sessions, judgement, reader=self.reading, **self._keys)
        self._sessions, self._users = dict(context.sessions), dict(context.users)
        self._matches = self._filter.predicate(context)
        return self._filter.where(context)

    def takes(self, frame: Frame) -> bool:
        """Whether the filter lets the frame through."""
        self.reading.observe(frame)
        return self._matches(frame)

    def events(self, frame: Frame) -> Iterator[RecordedEvent]:
        """The events of a frame."""
        for event in self.reading.events(frame):
            yield RecordedEvent(
                event.number.frame, event.number.place, frame.t_ns, frame.connection_id,
                self._sessions[frame.connection_id], self._users[frame.connection_id], Direction(event.direction),
                event.name or None, event.document,
            )  # fmt: skip


class RecordingFile:
    """A recording, open for reading, also while it is being written; `open` makes one. Use it as a context manager.

    Where a `contract` is asked for, it is the name of a built-in one, a file, or a Contract; without any it is the one that
    fits what was recorded. Everything raises the errors of the RecordingError family where the file cannot be read, and
    UsageError where a filter or a contract is wrong.
    """

    def __init__(self, recording: Recording) -> None:
        self.path, self.recording = recording.path, recording
        # The last judgement, and by which contract: findings, spans and filters ask for the same one.
        self._judged: tuple[str, int, Judgement] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.recording.close()

    @property
    def is_live(self) -> bool:
        """Whether a recorder is writing it."""
        return self.recording.live

    @property
    def connections(self) -> list[Connection]:
        """Its WebSocket connections, in the order in which they were opened."""
        return self.recording.connections()

    @property
    def sessions(self) -> list[Session]:
        """Connections with their reconnects, as they were recorded."""
        return self.sessions_by()

    def sessions_by(self, contract: AnyContract | None = None) -> list[Session]:
        """The same as a contract tells users apart, and so with the numbers that its findings name."""
        return sessions_of(self.recording, None if contract is None else read_contract(contract))

    def frames(self, filter: str = "", *, contract: AnyContract | None = None) -> Iterator[Frame]:
        """The frames that a filter lets through, in the order of their arrival."""
        yield from self._frames(Selection(self, filter, contract), 0, self.recording.last_id())

    def messages(self, session: int | None = None, *, contract: AnyContract | None = None) -> Iterator[Message]:
        """Whole messages and control frames of a session (its number, as in `sessions_by`), or of all."""
        if session is None:
            return self.recording.messages()
        sessions = self.sessions_by(contract)
        chosen = {connection.id for other in sessions if other.id == session for connection in other.connections}
        return self.recording.messages(connections=chosen)

    def events(self, filter: str = "", *, contract: AnyContract | None = None) -> Iterator[RecordedEvent]:
        """The events of the frames that a filter lets through. A contract says where types stand, and what reads messages."""
        selection = Selection(self, filter, contract)
        for frame in self._frames(selection, 0, self.recording.last_id()):
            yield from selection.events(frame)

    def follow(self, filter: str = "", *, contract: AnyContract | None = None) -> Iterator[RecordedEvent]:
        """As `events`, and then what comes, until nobody writes the recording any more."""
        selection, last = Selection(self, filter, contract), 0
        while True:
            live, end = self.recording.live, self.recording.last_id()
            if end > last:
                for frame in self._frames(selection, last, end):
                    yield from selection.events(frame)
                last = end
            if not live:
                return
            time.sleep(POLL_S)

    def _frames(self, selection: Selection, after_id: int, end: int) -> Iterator[Frame]:
        wanted = selection.refresh()
        return filter(selection.takes, selection.reading.candidates(wanted, after_id, end))

    def validate(self, contract: AnyContract | None = None) -> Judgement:
        """The verdict, as the recording stands now, with its findings and all spans."""
        chosen = select_contracts(self.recording)[0] if contract is None else read_contract(contract)
        state = chosen.digest, self.recording.last_id()
        if self._judged is None or self._judged[:2] != state or self.recording.live:
            self._judged = *state, judge(self.recording, chosen, span_log=SpanLog())
        return self._judged[2]

    def findings(self, contract: AnyContract | None = None) -> tuple[Finding, ...]:
        """What is wrong, in the order in which it was decided."""
        return self.validate(contract).findings

    def spans(self, kind: str | None = None, *, contract: AnyContract | None = None) -> tuple[SpanRecord, ...]:
        """Runs, tools and whatever else the contract says has a start and an end, in the order of their starts; `kind` is the
        contract's name of one kind."""
        return tuple(record for record in self.validate(contract).spans if kind in (None, record.span))

    def to_arrow(self, table: str = "events", *, contract: AnyContract | None = None) -> Any:
        """One table of it as a pyarrow.Table: events, spans, findings, sessions, connections or frames.

        Needs the extra `parquet`; raises MissingExtra without it, and UsageError where there is no such table.
        """
        require("parquet", "pyarrow", purpose="to_arrow")
        from wsreplay.arrow import tables

        kind = tables.TABLES.get(table)
        if kind is None:
            raise UsageError(f"there is no table {table!r}; there are {', '.join(tables.TABLES)}")
        chosen = None if contract is None else read_contract(contract)
        return tables.table(kind, [tables.TableSource(self.recording, self.path.name.removesuffix(".db"), chosen)])

    def to_pandas(self, table: str = "events", *, contract: AnyContract | None = None) -> Any:
        """The same as a pandas.DataFrame. Needs the extra `pandas`."""
        require("pandas", "pandas", "pyarrow", purpose="to_pandas")
        return self.to_arrow(table, contract=contract).to_pandas()


def open(path: str | PathLike[str]) -> RecordingFile:
    """A recording, open for reading. Raises the errors of the RecordingError family."""
    return RecordingFile(Recording.open(Path(path)))


def validate(path: str | PathLike[str], contract: AnyContract | None = None) -> Judgement:
    """The verdict of a recording by a contract, or by the one that fits: what `wsreplay validate` reports."""
    with open(path) as recording:
        return recording.validate(contract)


def read_contract(contract: AnyContract) -> Contract:
    """A contract by its name or file. Raises ContractError."""
    return contract if isinstance(contract, Contract) else load(str(contract))
