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
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from wsreplay.contract import Contract, load
from wsreplay.contract.decoding import reading_of
from wsreplay.model import Connection, Direction, Frame, Message, Session
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.reading import Reading
from wsreplay.trace.sessions import stitch
from wsreplay.validator import Finding, Judgement, SpanLog, SpanRecord, judge
from wsreplay.validator.select import select_contracts

_POLL_S = 0.1


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


class RecordingFile:
    """A recording, open for reading, also while it is being written; `open` makes one. Use it as a context manager.

    Where a `contract` is asked for, it is the name of a built-in one, a file, or a Contract; without any it is the one that
    fits what was recorded. Everything raises the errors of the RecordingError family where the file cannot be read, and
    UsageError where a filter or a contract is wrong.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._recording = Recording.open(self.path)
        # The last judgement, and by which contract: findings, spans and filters ask for the same one.
        self._judged: tuple[str, int, Judgement] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._recording.close()

    @property
    def is_live(self) -> bool:
        """Whether a recorder is writing it."""
        return self._recording.live

    @property
    def connections(self) -> list[Connection]:
        """Its WebSocket connections, in the order in which they were opened."""
        return self._recording.connections()

    @property
    def sessions(self) -> list[Session]:
        """Connections with their reconnects."""
        return stitch(self._recording.connections())

    def frames(self, filter: str = "", *, contract: str | Path | Contract | None = None) -> Iterator[Frame]:
        """The frames that a filter lets through, in the order of their arrival."""
        reading = reading_of(self._recording, None if contract is None else _contract(contract))
        yield from self._matching(filters.parse(filter), reading, 0, self._recording.last_id(), contract)

    def messages(self, session: int | None = None) -> Iterator[Message]:
        """Whole messages and control frames of a session (its number), or of all."""
        if session is None:
            return self._recording.messages()
        chosen = {connection.id for other in self.sessions if other.id == session for connection in other.connections}
        return self._recording.messages(connections=chosen)

    def events(self, filter: str = "", *, contract: str | Path | Contract | None = None) -> Iterator[RecordedEvent]:
        """The events of the frames that a filter lets through. A contract says where types stand, and what reads messages."""
        reading = reading_of(self._recording, None if contract is None else _contract(contract))
        yield from self._events(filters.parse(filter), reading, 0, self._recording.last_id(), contract)

    def follow(self, filter: str = "", *, contract: str | Path | Contract | None = None) -> Iterator[RecordedEvent]:
        """As `events`, and then what comes, until nobody writes the recording any more."""
        reading = reading_of(self._recording, None if contract is None else _contract(contract))
        chosen, last = filters.parse(filter), 0
        while True:
            live, end = self._recording.live, self._recording.last_id()
            if end > last:
                yield from self._events(chosen, reading, last, end, contract)
                last = end
            if not live:
                return
            time.sleep(_POLL_S)

    def validate(self, contract: str | Path | Contract | None = None) -> Judgement:
        """The verdict, as the recording stands now, with its findings and all spans."""
        chosen = select_contracts(self._recording)[0] if contract is None else _contract(contract)
        state = chosen.digest, self._recording.last_id()
        if self._judged is None or self._judged[:2] != state or self._recording.live:
            self._judged = *state, judge(self._recording, chosen, span_log=SpanLog())
        return self._judged[2]

    def findings(self, contract: str | Path | Contract | None = None) -> tuple[Finding, ...]:
        """What is wrong, in the order in which it was decided."""
        return self.validate(contract).findings

    def spans(self, kind: str | None = None, *, contract: str | Path | Contract | None = None) -> tuple[SpanRecord, ...]:
        """Runs, tools and whatever else the contract says has a start and an end, in the order of their starts; `kind` is the
        contract's name of one kind."""
        return tuple(record for record in self.validate(contract).spans if kind in (None, record.span))

    # How frames are read.

    def _events(
        self, chosen: filters.Filter, reading: Reading, after_id: int, end: int, contract: str | Path | Contract | None
    ) -> Iterator[RecordedEvent]:
        sessions = {connection.id: session for session in self.sessions for connection in session.connections}
        users = {connection.id: connection.user for connection in self.connections}
        for frame in self._matching(chosen, reading, after_id, end, contract):
            for event in reading.events(frame):
                session = sessions[frame.connection_id]
                yield RecordedEvent(
                    event.number.frame, event.number.place, frame.t_ns, frame.connection_id, session.id,
                    users[frame.connection_id], Direction(event.direction), event.name or None, event.document,
                )  # fmt: skip

    def _matching(
        self, chosen: filters.Filter, reading: Reading, after_id: int, end: int, contract: str | Path | Contract | None
    ) -> Iterator[Frame]:
        reading.refresh(self.connections)
        judgement = self.validate(contract) if chosen.needs_judgement else None
        context = filters.Context.of(self._recording, judgement, reader=reading)
        matches = chosen.predicate(context)
        for frame in reading.candidates(chosen.where(context), after_id, end):
            reading.observe(frame)
            if matches(frame):
                yield frame


def open(path: str | PathLike[str]) -> RecordingFile:
    """A recording, open for reading. Raises the errors of the RecordingError family."""
    return RecordingFile(path)


def validate(path: str | PathLike[str], contract: str | Path | Contract | None = None) -> Judgement:
    """The verdict of a recording by a contract, or by the one that fits: what `wsreplay validate` reports."""
    with RecordingFile(path) as recording:
        return recording.validate(contract)


def _contract(contract: str | Path | Contract) -> Contract:
    return contract if isinstance(contract, Contract) else load(str(contract))
