"""Records become the batches of a recording: the recorder without its socket."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
import orjson

from wsreplay.errors import CorruptRecording
from wsreplay.model import Connection, Ending, Headers
from wsreplay.recorder.connection import LiveConnection, Rules
from wsreplay.recorder.protocol import (
    Closing,
    ConnectionEnded,
    ConnectionOpened,
    FaultNote,
    Hello,
    Opening,
    Record,
    RecordKind,
    Skipped,
)
from wsreplay.recorder.resume import close_crashed_runs, next_start, open_connections
from wsreplay.recorder.tail import TailCodec
from wsreplay.store import resume
from wsreplay.store.writer import Writer
from wsreplay.trace.identity import UserSource, identify, parse_user_source
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.heads import parse_head

SWITCHING_PROTOCOLS = 101
_STATUS = re.compile(r"[0-9]{3}")  # RFC 9112, section 4
_CHUNK = int(RecordKind.CHUNK)  # looked up for every record


class Recorder:
    """Takes records in, and writes what they say. One run of `record`."""

    def __init__(self, hello: Hello) -> None:
        """Open the recording, begin or continue a run. Raises what `Writer` raises."""
        self.writer = Writer(hello.path, durability=hello.durability, create=hello.run_id is None)
        redactor = Redactor(bytes.fromhex(hello.key), hello.redact)
        seal = redactor.key if hello.redact else None
        self._hello = hello
        self._users = [parse_user_source(text) for text in hello.users]
        # Those that are open, by id, and of them those that have had bytes since the last `flush`.
        self._connections: dict[int, LiveConnection] = {}
        self._touched: set[LiveConnection] = set()
        # The chunk that held more than a batch may: its connection, direction and time.
        self._rest: tuple[LiveConnection, int, int] | None = None
        # The time of the last record; the events beside those that open connections count; what the next report tells of.
        self._reached = 0
        self.events = 0
        self._opened: list[ConnectionOpened] = []
        self._ended: list[ConnectionEnded] = []
        if hello.run_id is None:
            close_crashed_runs(self.writer)
            self.start_ns = next_start(self.writer, hello.started_at)
            self.run_id = self.writer.insert_run(
                started_at=hello.started_at, start_ns=self.start_ns, upstream=redactor.url(hello.upstream),
                listen=hello.listen, version=hello.version,
                options={**hello.options, "redact": hello.redact, "max_payload": hello.max_payload},
            )  # fmt: skip
            # How many records were applied, those before the first one that came included.
            self.processed = 0
        else:
            self.run_id = hello.run_id
            self.start_ns, self.processed, self._reached = self._find_run(hello.run_id)
        self._rules = Rules(redactor, TailCodec(seal), hello.max_payload)
        self.first_connection = resume.last_connection_id(self.writer) + 1
        if hello.run_id is not None:
            self._connections = open_connections(self.writer, self.run_id, self._rules)
            self.events = resume.count_events(self.writer, self.run_id)
            if self.processed < hello.first - 1:
                self._note_lost_records(hello.first - 1)
        self.writer.commit()

    def _find_run(self, run_id: int) -> resume.RunState:
        state = resume.run_state(self.writer, run_id)
        if state is None:
            raise CorruptRecording(f"{self.writer.path} has lost the run it was recording")
        return state

    def _note_lost_records(self, processed: int) -> None:
        """The file has lost what was committed to it: nobody knows where the streams of open connections are."""
        self.processed = processed
        for connection in self._connections.values():
            for direction in (0, 1):
                connection.pass_unread(direction, f"the file has lost what came before ({self.writer.path.name})")
        self.writer.add_mark(self._reached, "the file has lost what was recorded last")
        self.flush()

    def _adopt(self, connection_id: int, t_ns: int) -> LiveConnection | None:
        """A connection whose row was lost with a damaged file: its bytes are counted. None for one that was given up."""
        if not self._hello.damaged or resume.has_connection(self.writer, connection_id):
            return None
        self._open(connection_id, t_ns, Opening("", "", ()))
        connection = self._connections[connection_id]
        for direction in (0, 1):
            connection.pass_unread(direction, "the recording was damaged")
        return connection

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def apply(self, record: Record) -> bool:
        """Apply one record; `flush` and the writer's `commit` make it last.

        True: the batch is full, and must be made to last before `go_on`. It may be in the middle of the record: the file then
        holds what is left of its bytes as a tail, so that the record counts as applied.
        """
        kind, direction, connection_id, t_ns, body = record
        self.processed += 1
        t_ns += self.start_ns
        if t_ns > self._reached:
            self._reached = t_ns
        if kind == _CHUNK:
            try:
                connection = self._connections[connection_id]
            except KeyError:
                adopted = self._adopt(connection_id, t_ns)
                if adopted is None:
                    return False  # it was given up, and its gap says so
                connection = adopted
            self._touched.add(connection)
            if connection.feed(direction, t_ns, body):
                self._rest = connection, direction, t_ns
                return True
        elif kind == RecordKind.OPEN:
            self._open(connection_id, t_ns, read_opening(body, self._rules.redactor, self._users))
        elif kind == RecordKind.OPENED:
            self._open(connection_id, t_ns, msgspec.json.decode(body, type=Opening))
        elif kind == RecordKind.ACCEPT:
            self._accept(connection_id, body)
        elif kind == RecordKind.CLOSE:
            self._close(connection_id, t_ns, msgspec.json.decode(body, type=Closing))
        elif kind == RecordKind.MARK:
            self.writer.add_mark(t_ns, body.decode("utf-8", "replace"))
        elif kind == RecordKind.HOLD:
            self.writer.add_hold(int.from_bytes(body, "little") + self.start_ns, t_ns)
        elif kind == RecordKind.UNREAD:
            if connection_id in self._connections:  # else it was given up
                self._connections[connection_id].pass_unread(direction, body.decode())
        elif kind == RecordKind.FAULT:
            self._fault(connection_id, direction, t_ns, body)
        elif kind == RecordKind.SKIPPED:
            self._skip(connection_id, direction, t_ns, body)
        return False

    def go_on(self) -> bool:
        """The full batch was committed: apply what is left of the record. True: the batch is full again."""
        if self._rest is None:
            return False
        connection, direction, t_ns = self._rest
        self._touched.add(connection)
        if connection.feed(direction, t_ns, b""):
            return True
        self._rest = None
        return False

    def _skip(self, connection_id: int, direction: int, t_ns: int, body: bytes) -> None:
        """In place of a record that recorders die at: what of it can be recorded, and a gap."""
        note, _, original = body.partition(b"\n")
        skipped = msgspec.json.decode(note, type=Skipped)
        if skipped.kind in (RecordKind.OPEN, RecordKind.OPENED) and not skipped.again:
            self._open(connection_id, t_ns, Opening("", "", ()))
        connection = self._connections.get(connection_id)
        if connection is None:
            self.writer.add_mark(t_ns, f"a {RecordKind(skipped.kind).name} record is missing: {skipped.reason}")
        elif skipped.kind == RecordKind.CHUNK and original:
            connection.feed_withheld(direction, t_ns, original, skipped.reason)
            self._touched.add(connection)
        else:
            self._touched.discard(self._connections.pop(connection_id))
            self._ended.append(connection.give_up(direction, t_ns, skipped.reason, skipped.size))
            self.events += connection.events

    def _open(self, connection_id: int, t_ns: int, opening: Opening) -> None:
        connection = Connection(
            connection_id,
            self.run_id,
            t_ns,
            peer=opening.peer,
            path=opening.path,
            request_headers=opening.headers,
            user=opening.user,
        )
        self.writer.insert_connection(connection)
        opened = ConnectionOpened(connection_id, opening.path, opening.peer, opening.user)
        self._connections[connection_id] = LiveConnection(opened, t_ns, self.writer, self._rules)
        self._opened.append(opened)

    def _accept(self, connection_id: int, body: bytes) -> None:
        start, pairs = parse_head(body)
        redactor = self._rules.redactor
        status = int(start[1]) if _STATUS.fullmatch(start[1]) else 0
        extensions = ", ".join(value for name, value in pairs if name.lower() == "sec-websocket-extensions") or None
        subprotocol = next((value for name, value in pairs if name.lower() == "sec-websocket-protocol"), None)
        connection = self._connections.get(connection_id)
        if connection is None:
            return  # it was given up
        connection.answer(status)
        if status == SWITCHING_PROTOCOLS:
            connection.upgrade(extensions)
            connection.messages.accept(redactor.subprotocol(subprotocol))
        self.writer.update_connection(
            connection_id,
            status=status,
            subprotocol=redactor.subprotocol(subprotocol),
            extensions=extensions,
            response_headers=orjson.dumps(redactor.headers(tuple(pairs))).decode(),
        )

    def _close(self, connection_id: int, t_ns: int, closing: Closing) -> None:
        connection = self._connections.pop(connection_id, None)
        if connection is None:
            return  # it was given up
        self._touched.discard(connection)
        self._ended.append(connection.end(t_ns, closing))
        self.events += connection.events

    def _fault(self, connection_id: int, direction: int, t_ns: int, body: bytes) -> None:
        note = msgspec.json.decode(body, type=FaultNote)
        connection = self._connections.get(connection_id)
        frame_id = connection.last_frame_id if connection is not None else None
        self.writer.add_fault(t_ns, note.kind, note.detail, connection_id or None, direction, frame_id)

    def note_loss(self, reason: str) -> None:
        """What came last on the connections that are open is lost, for this reason."""
        for connection in self._connections.values():
            connection.note_loss(reason)
        self.writer.add_mark(self._reached, f"what passed from here to the end of this run was not recorded: {reason}")

    def news(self) -> tuple[list[ConnectionOpened], list[ConnectionEnded]]:
        """The connections opened and ended since this was last asked."""
        news = self._opened, self._ended
        self._opened, self._ended = [], []
        return news

    def total_events(self) -> int:
        """How many events were recorded, also of connections that are open."""
        return self.events + sum(connection.events for connection in self._connections.values())

    def flush(self) -> None:
        """Complete the writer's batch: with its commit, everything taken in so far is in the file."""
        for connection in self._touched:
            connection.keep()
        self._touched.clear()
        self.writer.update_run(self.run_id, processed=self.processed, reached_ns=self._reached)

    def end(self, *, clean: bool) -> None:
        """No more records will come: complete the last batch. Connections that are still open are truncated."""
        while self.go_on():
            pass
        for connection in self._connections.values():
            self._ended.append(connection.end(self._reached, Closing(), Ending.TRUNCATED))
            self.events += connection.events
        self._connections.clear()
        self._touched.clear()
        if clean:
            self.writer.update_run(self.run_id, ended_ns=self._reached)
        self.flush()


def read_opening(body: bytes, redactor: Redactor, users: Iterable[UserSource] = ()) -> Opening:
    """The body of an OPEN record, without its secrets; `users` say where connections name their users."""
    peer, _, raw = body.partition(b"\n")
    start, pairs = parse_head(raw)
    headers: Headers = tuple(pairs)
    path = start[1] if len(start) > 1 else "/"
    return Opening(peer.decode(), redactor.path(path), redactor.headers(headers), identify(path, headers, redactor, users))
