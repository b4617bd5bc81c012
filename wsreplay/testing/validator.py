"""Events judged by a contract as a test receives them, without a proxy between.

    validator = EventValidator("agent-chat")
    for event in what_the_backend_sent:
        validator.record(event)
    assert validator.validate() == "satisfied", validator.report()
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

import wsreplay
from wsreplay.contract import Contract, load
from wsreplay.contract.rules.questions import Questions
from wsreplay.formats.jsonl_export import default_wire_length
from wsreplay.model import FIN, MASKED, Connection, Direction, Ending, Message, Opcode
from wsreplay.report import FileResult, exit_code, render
from wsreplay.store.creation import new_recording
from wsreplay.store.writer import Writer
from wsreplay.testing.capture import EventCapture
from wsreplay.testing.event import event_of
from wsreplay.trace.events import event_type
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import Closed, Lifecycle, Opened
from wsreplay.validator import Engine, SpanLog
from wsreplay.validator.findings import Finding, Judgement, Verdict
from wsreplay.validator.judge import decoder_names

Event = Mapping[str, Any] | str | bytes

WIDTH = 110  # of the report, in cells
NORMAL, ABNORMAL = 1000, 1006  # RFC 6455, section 7.4.1


class Stream:
    """One user's connection for a validator. A ChatClient fills one that is given as its `observe`."""

    def __init__(self, validator: EventValidator, user: str | None, path: str) -> None:
        self._validator, self._user, self._path = validator, user, path
        # the one that is open
        self._connection: Connection | None = None

    def open(self, at: float | None = None) -> None:
        """The user connects or reconnects. The first event does this implicitly."""
        if self._connection is None:
            self._connection = self._validator._open(self._user, self._path, at)

    def receive(self, event: Event, at: float | None = None) -> None:
        """The server sent an event."""
        self._message(Direction.SERVER_TO_CLIENT, event, at)

    def send(self, event: Event, at: float | None = None) -> None:
        """The client sent an event."""
        self._message(Direction.CLIENT_TO_SERVER, event, at)

    def _message(self, direction: Direction, event: Event, at: float | None) -> None:
        self.open(at)
        assert self._connection is not None
        self._validator._message(self._connection, direction, event, at)

    def close(self, code: int | None = NORMAL, at: float | None = None) -> None:
        """The connection ended with this close code, or without one (None, 1006)."""
        if self._connection is not None:
            self._validator._close(self._connection, code, at)
            self._connection = None

    def drop(self, at: float | None = None) -> None:
        """The connection was lost."""
        self.close(None, at)


def _of_what_is_recorded(contract: Contract) -> Contract:
    """A test need not record what the client asked: that a run came unasked is not said."""
    rules = (replace(rule, warns_of_unasked=False) if isinstance(rule, Questions) else rule for rule in contract.rules)
    return replace(contract, rules=tuple(rules))


class EventValidator:
    """Validates events against a contract (a name, a file, or a Contract) while they come.

    `user` owns the events for which `record` names no user. With `strict`, warnings, rules that never applied and rules that
    could not be decided count as violations. The time of an event is that of the call, or `at`, in seconds since the
    validator was made. Raises ContractError.
    """

    def __init__(
        self, contract: str | Path | Contract = "agent-chat", strict: bool = False, *, user: str | None = None
    ) -> None:
        self._user = user
        self.contract = contract if isinstance(contract, Contract) else load(str(contract))
        self.strict = strict
        self.capture = EventCapture()
        self._began, self._began_at = time.monotonic_ns(), datetime.now(UTC)
        # the latest time so far, in ns since it began
        self._reached = 0
        # by id, as they are by now
        self._connections: dict[int, Connection] = {}
        # all messages, and together with openings and ends of connections, in order
        self._frames: list[Message] = []
        self._items: list[Lifecycle | Message] = []
        # the ids of all connections, by user and path
        self._by_user: dict[tuple[str | None, str], list[int]] = {}
        self._sessions: dict[int, int] = {}  # by their first connection
        # those that `record` fills, by user and path
        self._streams: dict[tuple[str | None, str], Stream] = {}
        self._engine = Engine(_of_what_is_recorded(self.contract))
        # connections whose first message has told what they are read by
        self._read: set[int] = set()

    # What happens.

    def stream(self, user: str | None = None, path: str = "/ws") -> Stream:
        """Another connection: several connections of one user are several tabs, or reconnects."""
        return Stream(self, user, path)

    def record(self, event: Event, *, user: str | None = None, sent: bool = False, at: float | None = None) -> None:
        """An event that this user has received, or sent: a dict, or a raw message."""
        user = user or self._user
        if (user, "/ws") not in self._streams:
            self._streams[user, "/ws"] = self.stream(user)
        stream = self._streams[user, "/ws"]
        (stream.send if sent else stream.receive)(event, at)

    def _now(self, at: float | None) -> int:
        """Time never goes back: what comes later is judged as later."""
        now = time.monotonic_ns() - self._began if at is None else round(at * 1e9)
        self._reached = max(self._reached, now)
        return self._reached

    def _open(self, user: str | None, path: str, at: float | None) -> Connection:
        connection = Connection(len(self._connections) + 1, 1, self._now(at), user=user, path=path, status=101)
        self._connections[connection.id] = connection
        self._feed(Opened(connection.opened_ns, connection, self._session(connection)))
        return connection

    def _session(self, connection: Connection) -> int:
        """The number of the session that a new connection continues, or begins."""
        mine = self._by_user.setdefault((connection.user, connection.path), [])
        mine.append(connection.id)
        chains = stitch((self._connections[connection_id] for connection_id in mine), self.contract.resumption)
        chain = next(chain for chain in chains if chain.connections[-1].id == connection.id)
        first = chain.connections[0].id
        return self._sessions.setdefault(first, len(self._sessions) + 1)

    def _message(self, connection: Connection, direction: Direction, event: Event, at: float | None) -> None:
        text = orjson.dumps(event) if isinstance(event, Mapping) else event
        payload = text.encode() if isinstance(text, str) else bytes(text)
        opcode = Opcode.BINARY if isinstance(event, bytes) else Opcode.TEXT
        kind = event_type(payload) if opcode is Opcode.TEXT else None
        number, now = len(self._frames) + 1, self._now(at)
        message = Message(number, connection.id, number, now, direction, opcode, kind, payload, number)
        self._frames.append(message)
        if connection.id not in self._read:
            self._read.add(connection.id)
            self._engine.set_decoders(decoder_names(self.contract, [connection], [message]))
        if direction and (received := event if isinstance(event, Mapping) else event_of(payload)):
            self.capture.capture(received, now / 1e9)
        self._feed(message)

    def _close(self, connection: Connection, code: int | None, at: float | None) -> None:
        dropped = code in (None, ABNORMAL)
        ended = connection._replace(
            closed_ns=self._now(at), ending=Ending.DROPPED if dropped else Ending.CLEAN,
            close_code=None if dropped else code,
        )
        self._connections[connection.id] = ended
        self._feed(Closed(self._reached, ended))

    def _feed(self, item: Lifecycle | Message) -> None:
        self._items.append(item)
        self._engine.feed([item])

    # The verdict.

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings so far."""
        self._engine.tick(self._now(None))
        return tuple(self._engine.findings)

    def judgement(self) -> Judgement:
        """The verdict as if no more events came, and all open connections were closed now. More events may follow."""
        engine = Engine(_of_what_is_recorded(self.contract), span_log=SpanLog())
        engine.set_decoders(decoder_names(self.contract, list(self._connections.values()), self._frames))
        engine.feed(self._items)
        now = self._now(None)
        for connection in self._connections.values():
            if connection.ending is Ending.OPEN:
                closed = connection._replace(closed_ns=now, ending=Ending.CLEAN, closed_by="client", close_code=NORMAL)
                engine.feed([Closed(now, closed)])
        engine.finish(now)
        return engine.judgement()

    def validate(self) -> Verdict:
        """The final verdict: `satisfied` or `violated`; `vacuous` if no event fits the contract.

        If a rule could not be decided it is `inconclusive`, with `strict` `violated`.
        """
        judgement = self.judgement()
        failed = exit_code([FileResult("", judgement)], strict=self.strict) == 1
        return Verdict.VIOLATED if failed else judgement.verdict

    def assert_valid(self) -> None:
        """Raises AssertionError with the report, unless the verdict is `satisfied` or, without `strict`, `inconclusive`."""
        __tracebackhide__ = True
        verdict = self.validate()
        if verdict not in (Verdict.SATISFIED, Verdict.INCONCLUSIVE):
            raise AssertionError(f"{self.contract.name}: {verdict}\n{self.report()}")

    def report(self, format: str = "text") -> str:
        """The report as text, or in another format of `wsreplay validate`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.db"
            self.save(path)
            text = render(format, [FileResult(str(path), self.judgement())], width=WIDTH)
        if format == "text":
            text = text.partition("\n  look closer: ")[0] + "\n"  # there is no file to look into
        return text.replace(str(path), "recorded events")

    def save(self, path: str | Path) -> Path:
        """Save the events as a new recording, for `wsreplay tui`. Raises UsageError if the file exists."""
        path = Path(path)
        with new_recording(path) as writer:
            self._write(writer)
        return path

    def _write(self, writer: Writer) -> None:
        started = self._began_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        run = writer.insert_run(
            started_at=started, start_ns=0, upstream="", listen="", version=wsreplay.__version__, options={"source": "test"}
        )
        writer.update_run(run, reached_ns=self._reached, ended_ns=self._reached)
        for connection in self._connections.values():
            still = connection.ending is Ending.OPEN
            writer.insert_connection(connection._replace(closed_ns=self._reached, ending=Ending.CLEAN) if still else connection)
        writer.add_frames(self._rows())

    def _rows(self) -> list[tuple[int, int, int, int, int, int, int, int, str | None, bytes]]:
        """The messages as unfragmented, uncompressed frames."""
        rows, seqs, offsets = [], dict.fromkeys(self._connections, 0), dict[tuple[int, int], int]()
        for frame in self._frames:
            masked = frame.direction == Direction.CLIENT_TO_SERVER
            place, length = (frame.connection_id, frame.direction), default_wire_length(len(frame.payload), masked)
            offset = offsets.get(place, 0)
            offsets[place] = offset + length
            seqs[frame.connection_id] += 1
            flags = FIN | (MASKED if masked else 0)
            rows.append((
                frame.connection_id, seqs[frame.connection_id], frame.t_ns, frame.direction, frame.opcode, flags, length,
                offset, frame.type, frame.payload,
            ))  # fmt: skip
        return rows
