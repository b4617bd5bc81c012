"""The tables that a recording becomes. Times are wall-clock times in UTC, and nanoseconds on the recording's own axis.

Every table begins with `day` (of the recording's start) and `recording` (its name); in Parquet they are folders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

import pyarrow as pa

from wsreplay.contract import Contract
from wsreplay.contract.decoding import messages_of
from wsreplay.contract.users import sessions_of
from wsreplay.model import FIN, MASKED, Direction, EventNumber, Opcode, start_ns_of
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Judgement
from wsreplay.validator.judge import judge
from wsreplay.validator.preview import broken_rules
from wsreplay.validator.select import select_contracts
from wsreplay.validator.span_log import SpanLog

BATCH = 20_000  # rows
BATCH_BYTES = 32 << 20  # of payloads and documents
MOST_SPANS = 2_000_000

_TEXTS = pa.list_(pa.string())
_SLICE = pa.map_(pa.string(), pa.string())
_TIME = pa.timestamp("us", tz="UTC")  # nanoseconds are read by few


class TableSource:
    """One recording, as tables see it. `name` is what it is called in them; without a contract the one that fits judges.

    `judged` gives a judgement with all spans that somebody has already, or None.
    """

    def __init__(
        self, recording: Recording, name: str, contract: Contract | None = None,
        judged: Callable[[], Judgement | None] = lambda: None,
    ) -> None:  # fmt: skip
        self.recording, self.name, self._contract, self._judged = recording, name, contract, judged
        self._runs = recording.runs()
        self._starts = [run.start_ns for run in self._runs]
        self._anchors = [start_ns_of(run) for run in self._runs] or [0]
        self.sessions = sessions_of(recording, contract)
        pairs = sorted((connection.id, session, connection) for session in self.sessions for connection in session.connections)
        self.connections = {id: connection for id, _, connection in pairs}
        self.session_of = {id: session.id for id, session, _ in pairs}

    @property
    def day(self) -> date:
        """When it was begun, in UTC."""
        return datetime.fromtimestamp(self._anchors[0] / 1e9, UTC).date()

    def wall_us(self, t_ns: int) -> int:
        """A time of the recording in microseconds since 1970, by the anchor of its run."""
        return (t_ns + self._anchors[max(0, bisect_right(self._starts, t_ns) - 1)]) // 1_000

    @cached_property
    def contract(self) -> Contract:
        """What judges it."""
        return self._contract or select_contracts(self.recording)[0]

    @cached_property
    def judgement(self) -> Judgement:
        """With all its spans."""
        return self._judged() or judge(self.recording, self.contract, span_log=SpanLog(most=MOST_SPANS))

    def user_of(self, session: int | None, connection: int | None = None) -> str | None:
        """Whose a session is: as its handshake says, else as a message does."""
        known = self.connections.get(connection or 0)
        if known is not None and known.user is not None:
            return known.user
        return self._users.get(session or 0) or self.judgement.users.get(session or 0)

    @cached_property
    def _users(self) -> dict[int, str | None]:
        return {session.id: session.user for session in self.sessions}


class TableKind(NamedTuple):
    """One table: its columns behind the partitions, and its rows, each a tuple of these columns."""

    name: str
    columns: tuple[tuple[str, Any], ...]
    rows: Callable[[TableSource], Iterator[tuple[Any, ...]]]

    @property
    def file_schema(self) -> Any:
        """As it stands in a file, whose folder says day and recording."""
        return pa.schema([pa.field(name, kind) for name, kind in self.columns])

    @property
    def schema(self) -> Any:
        """With day and recording."""
        return pa.schema([pa.field("day", pa.date32()), pa.field("recording", pa.string()), *self.file_schema])


def batches(kind: TableKind, source: TableSource) -> Iterator[Any]:
    """The table of a recording in record batches of bounded size, as it stands in a file."""
    rows = kind.rows(source)
    while chunk := list(_bounded(rows)):
        columns = zip(*chunk, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, kind.file_schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=kind.file_schema)


def _bounded(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    room = BATCH_BYTES
    for row in islice(rows, BATCH):
        yield row
        room -= len(row[-1]) if isinstance(row[-1], str | bytes) else 0
        if room <= 0:
            return


def whole_batches(kind: TableKind, source: TableSource) -> Iterator[Any]:
    """The same with the columns day and recording before the others."""
    for batch in batches(kind, source):
        days = pa.array([source.day] * len(batch), pa.date32())
        names = pa.array([source.name] * len(batch), pa.string())
        yield pa.RecordBatch.from_arrays([days, names, *batch.columns], schema=kind.schema)


def table(kind: TableKind, sources: Iterable[TableSource]) -> Any:
    """The table of some recordings, in memory, as a pyarrow.Table."""
    parts = chain.from_iterable(whole_batches(kind, source) for source in sources)
    return pa.Table.from_batches(parts, schema=kind.schema)


# Rows, one function a table.


def _sessions(source: TableSource) -> Iterator[tuple[Any, ...]]:
    judgement, broken = source.judgement, broken_rules(source.judgement.findings)
    tallies = source.recording.tallies()
    for session in source.sessions:
        frames = sum(tallies.get(connection.id, (0, 0))[0] for connection in session.connections)
        verdict = judgement.session_verdicts.get(session.id)
        yield (
            session.id, source.user_of(session.id), session.path, source.wall_us(session.opened_ns), session.opened_ns,
            session.closed_ns, str(session.ending), len(session.connections), frames, judgement.contract,
            None if verdict is None else str(verdict), list(broken.get(session.id, ())),
        )  # fmt: skip


def _connections(source: TableSource) -> Iterator[tuple[Any, ...]]:
    for connection in source.connections.values():
        yield (
            connection.id, source.session_of[connection.id], connection.user, connection.path, connection.subprotocol,
            connection.peer, connection.status, source.wall_us(connection.opened_ns), connection.opened_ns,
            connection.closed_ns, str(connection.ending), connection.closed_by, connection.close_code,
            connection.close_reason, connection.error,
        )  # fmt: skip


def _frames(source: TableSource) -> Iterator[tuple[Any, ...]]:
    for frame in source.recording.frames():
        connection = source.connections[frame.connection_id]
        yield (
            frame.id, frame.connection_id, source.session_of[connection.id], connection.user, frame.seq,
            source.wall_us(frame.t_ns), frame.t_ns, Direction(frame.direction).short, frame.opcode,
            bool(frame.flags & FIN), frame.flags >> 1 & 7, bool(frame.flags & MASKED), frame.wire_length, frame.offset,
            frame.type, len(frame.payload), frame.payload,
        )  # fmt: skip


def _events(source: TableSource) -> Iterator[tuple[Any, ...]]:
    for message in messages_of(source.recording, source.contract).messages():
        if message.opcode == Opcode.TEXT or (message.type is not None and message.opcode == Opcode.BINARY):
            connection = source.connections[message.connection_id]
            number = message.id
            place = number.place if isinstance(number, EventNumber) else 0
            yield (
                int(number), place, connection.id, source.session_of[connection.id], connection.user,
                source.wall_us(message.t_ns), message.t_ns, Direction(message.direction).short, message.type,
                len(message.payload), message.payload.decode("utf-8", "replace"),
            )  # fmt: skip


def _spans(source: TableSource) -> Iterator[tuple[Any, ...]]:
    for record in source.judgement.spans:
        lasted = None if record.end_ns is None else record.end_ns - record.start_ns
        yield (
            record.id, record.parent, record.span, record.label or None, record.state, record.session, record.connection,
            source.user_of(record.session, record.connection), source.judgement.contract, source.wall_us(record.start_ns),
            record.start_ns, record.end_ns, lasted, record.start_frame, record.end_frame, len(record.events), record.implied,
            list(record.owes), record.until_ns, list(record.slice), record.detail,
        )  # fmt: skip


def _findings(source: TableSource) -> Iterator[tuple[Any, ...]]:
    judgement = source.judgement
    for finding in judgement.findings:
        user = None if finding.session is None else source.user_of(finding.session, finding.connection)
        yield (
            finding.id, finding.rule, finding.kind, str(finding.verdict), str(finding.severity), finding.session,
            finding.connection, user, judgement.contract, finding.file or judgement.contract, finding.line,
            source.wall_us(finding.decided_at), finding.decided_at, finding.at_ns, finding.late_by, list(finding.frames),
            finding.after, finding.before, finding.count, list(finding.expected), finding.seen, finding.blame,
            finding.caused_by, list(finding.slice), finding.fingerprint, finding.message,
        )  # fmt: skip


_T, _I, _B = pa.string(), pa.int64(), pa.bool_()

TABLES: dict[str, TableKind] = {
    kind.name: kind
    for kind in (
        TableKind("sessions", (
            ("session", _I), ("user", _T), ("path", _T), ("time", _TIME), ("opened_ns", _I), ("closed_ns", _I), ("ending", _T),
            ("connections", _I), ("frames", _I), ("contract", _T), ("verdict", _T), ("broken", _TEXTS),
        ), _sessions),
        TableKind("connections", (
            ("connection", _I), ("session", _I), ("user", _T), ("path", _T), ("subprotocol", _T), ("peer", _T), ("status", _I),
            ("time", _TIME), ("opened_ns", _I), ("closed_ns", _I), ("ending", _T), ("closed_by", _T), ("close_code", _I),
            ("close_reason", _T), ("error", _T),
        ), _connections),
        TableKind("frames", (
            ("frame", _I), ("connection", _I), ("session", _I), ("user", _T), ("seq", _I), ("time", _TIME), ("t_ns", _I),
            ("direction", _T), ("opcode", _I), ("fin", _B), ("rsv", _I), ("masked", _B), ("wire_length", _I), ("offset", _I),
            ("type", _T), ("size", _I), ("payload", pa.binary()),
        ), _frames),
        TableKind("events", (
            ("frame", _I), ("place", _I), ("connection", _I), ("session", _I), ("user", _T), ("time", _TIME), ("t_ns", _I),
            ("direction", _T), ("type", _T), ("size", _I), ("document", _T),
        ), _events),
        TableKind("spans", (
            ("id", _T), ("parent", _T), ("span", _T), ("label", _T), ("state", _T), ("session", _I), ("connection", _I),
            ("user", _T), ("contract", _T), ("time", _TIME), ("start_ns", _I), ("end_ns", _I), ("lasted_ns", _I),
            ("start_frame", _I), ("end_frame", _I), ("events", _I), ("implied", _B), ("owes", _TEXTS), ("until_ns", _I),
            ("slice", _SLICE), ("detail", _T),
        ), _spans),
        TableKind("findings", (
            ("id", _T), ("rule", _T), ("kind", _T), ("verdict", _T), ("severity", _T), ("session", _I), ("connection", _I),
            ("user", _T), ("contract", _T), ("contract_file", _T), ("line", _I), ("time", _TIME), ("decided_ns", _I),
            ("at_ns", _I), ("late_by_ns", _I), ("frames", pa.list_(_I)), ("after_frame", _I), ("before_frame", _I),
            ("count", _I), ("expected", _TEXTS), ("seen", _T), ("blame", _T), ("caused_by", _T), ("slice", _SLICE),
            ("fingerprint", _T), ("message", _T),
        ), _findings),
    )
}  # fmt: skip
