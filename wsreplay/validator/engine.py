"""The engine: events in, findings out; online, one pass, the same for a stored trace and for one that grows.

The clock advances only by times in the trace. What is due is decided before the first event that is later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

import orjson

from wsreplay.contract.model import Contract
from wsreplay.model import UNFINISHED, Connection, Ending, Hold, Message, Opcode, Row, lane_of
from wsreplay.trace.sessions import plain_path, resumable
from wsreplay.trace.stream import Closed, Fragments, Lifecycle, Lost, Opened, Truncated
from wsreplay.validator.emit.namespace import Namespace
from wsreplay.validator.emit.repeated_names import strict
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.memory import SWEEP_NS, Memory
from wsreplay.validator.messages import why_unread
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.program import Program
from wsreplay.validator.pseudo import PseudoEvents
from wsreplay.validator.rules.template import COMPLETE, TRUNCATED
from wsreplay.validator.state.state import NEVER, ConnectionState, SessionState
from wsreplay.validator.verdicts import Reached, judgement

Handlers = dict[str, Callable[..., None]]
"""What handles an event of a type, by type."""


class Engine:
    """Judges one trace by one contract.

    Feed it `Opened`, `Closed`, `Truncated`, `Tick` and `Message` values in order, then `finish`; or whole rows with `run`.
    `findings` holds what was found so far, `judgement()` the verdict so far.
    """

    def __init__(self, contract: Contract, *, inline: bool = True) -> None:
        self.contract, self.monitors = contract, Monitors(contract)
        self.memory, self.clock, self.reporter = Memory(self.monitors), self.monitors.clock, self.monitors.reporter
        self.connections: dict[int, ConnectionState | None] = {}  # None: not judged by this contract
        self.events = self.untyped = self.matched = self.skipped = 0  # untyped: text messages that are no events
        self.unread = 0  # that may be events
        self.finished = False
        self.partial = False  # others judge the rest of the recording
        self.now = 0
        self.upcoming: deque[Lifecycle] = deque()
        self.cut_frames: frozenset[int] = frozenset()
        self._fragments = Fragments()
        self._next_sweep = self.clock.due = SWEEP_NS
        self._resumes: deque[tuple[int, SessionState]] = deque()
        self._happened = PseudoEvents(self.monitors, self.memory).happened
        self._names = Namespace(contract, self.monitors, self.memory, inline)
        self._program = Program(self._names)
        self.decode = self._names.shape.decoder()
        if any(form.rule.names_unique for form in self.monitors.formats):
            self.decode = strict(self.decode)
        self._handlers: tuple[Handlers, Handlers] = ({}, {})  # by direction
        self._lanes: dict[int, tuple[ConnectionState, Handlers]] = {}  # of whole text messages, which are nearly all there is

    # Feeding.

    @property
    def findings(self) -> list[Finding]:
        return self.reporter.findings

    def set_holds(self, holds: Iterable[Hold]) -> None:
        self.reporter.set_holds(list(holds))

    def set_cut_frames(self, frames: Iterable[int]) -> None:
        """Frames whose payload the recording does not hold as it was."""
        self.cut_frames = frozenset(frames)

    def feed(self, items: Iterable[Lifecycle | Message]) -> None:
        """Take the next items of the trace."""
        for item in items:
            if isinstance(item, Message):
                self.run([item.row()])
            else:
                self.advance(item.t_ns)
                self._apply(item)

    def tick(self, t_ns: int) -> None:
        """The trace is known to reach `t_ns`: decide what was due before."""
        self.advance(t_ns)

    def run(self, rows: Iterable[Row]) -> None:
        """Take frames. What befalls connections meanwhile stands in `upcoming`."""
        clock, lanes, decode = self.clock, self._lanes, self.decode
        events, t = 0, self.now
        for fid, t, lane, payload in rows:
            if t > clock.due:
                self.advance(t)
            found = lanes.get(lane)
            if found is None:
                self._other((fid, t, lane, payload))
                continue
            conn, handlers = found
            try:
                message = decode(payload)
                type_ = message.kind
                handle = handlers[type_]
                if not payload.isascii():
                    payload.decode()
            except (ValueError, LookupError, TypeError, RecursionError):
                direction = lane >> 5 & 1
                unusual = self._unusual(conn, fid, t, direction, payload)
                if unusual is None:
                    continue
                message, handle = unusual
                type_ = message.kind
            events += 1
            handle(message, conn, fid, t, payload, type_)
        self.events += events
        self.now = max(self.now, t)

    def _unusual(self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes) -> Any:
        """A message that is no JSON, no object, without a type, or of a type not seen before."""
        form = next(iter(self.monitors.formats), None)
        self.untyped += 1
        try:
            plain = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            why = why_unread(payload, fid in self.cut_frames)
            if why is not None:
                self.unread += 1
                self.memory.not_read(conn, direction, fid, t)
                if form is not None:
                    form.unread(conn, why, fid, t, direction)
            elif form is not None:
                form.broken(conn, str(error), fid, t, direction)
            return None
        if plain.__class__ is not dict:
            if form is not None:
                form.not_object(conn, plain, fid, t, direction)
            return None
        if form is not None:
            form.names(conn, payload, fid, t, direction)
        message = self._decoded(payload, plain)
        type_ = message.kind
        if type_.__class__ is not str:
            if form is not None:
                form.untyped(conn, type_, fid, t, direction)
            return None
        self.untyped -= 1
        return message, self._handler(direction, type_)

    def _decoded(self, payload: bytes, plain: dict[str, Any]) -> Any:
        try:
            return self.decode(payload)
        except (ValueError, RecursionError):
            return self._names.shape.from_plain(plain)

    def _handler(self, direction: int, type_: str) -> Callable[..., None]:
        table = self._handlers[direction]
        if type_ not in table:
            if len(table) > 10_000:  # types that nobody names, without end
                table.clear()
            handle = self._program.handler(direction, type_)
            table[type_] = handle
            self.matched += self.monitors.is_named(direction, type_)
        return table[type_]

    def _other(self, row: Row) -> None:
        """What is no whole text message, or comes where nothing has come yet."""
        fid, t, lane, _ = row
        number, direction, opcode = lane >> 6, lane >> 5 & 1, lane & UNFINISHED - 1
        conn = self.connections.get(number) or self._connection(number, t)
        if conn is None:
            return
        if lane & UNFINISHED or opcode == Opcode.CONTINUATION:
            self._lanes.pop(lane_of(number, direction, Opcode.TEXT), None)  # a whole message may now be an interruption
            whole = self._fragments.join(row)
            if whole is None:
                return
            row, frames = whole
            opcode = row[2] & UNFINISHED - 1
            if not self.cut_frames.isdisjoint(frames):
                self.cut_frames |= {fid}
        elif opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments.interrupt(lane)
        if opcode == Opcode.TEXT:
            self._lanes[row[2]] = conn, self._handlers[direction]
            self.run([row])
        elif opcode in (Opcode.PING, Opcode.PONG):
            self._happened(conn, "ws.ping" if opcode == Opcode.PING else "ws.pong", fid, t, direction, {})

    # Time.

    def advance(self, t: int) -> None:
        """Decide what was due before `t`, in the order of time."""
        clock = self.clock
        while True:
            due, act = self._next()
            clock.due = due
            if due >= t or act is None:
                break
            act()
        self.now = max(self.now, t)

    def _next(self) -> tuple[int, Callable[[], None] | None]:
        """What is due first."""
        due, act = NEVER, None
        if self.upcoming and self.upcoming[0].t_ns < due:
            due, act = self.upcoming[0].t_ns, self._apply_next
        for span in self.monitors.spans:
            queue = span.queue
            while queue and not queue[0].open:
                queue.popleft()
            if queue and queue[0].t + (span.within_ns or 0) < due:
                due, act = queue[0].t + (span.within_ns or 0), lambda span=span: span.expire(span.queue.popleft())
        for each in self.monitors.bounded:
            waiting = each.queue
            while waiting and waiting[0].done:
                waiting.popleft()
            if waiting and waiting[0].due < due:
                due, act = waiting[0].due, lambda each=each: each.expire(each.queue.popleft())
        while self._resumes and (self._resumes[0][1].connections or self._resumes[0][1].over):
            self._resumes.popleft()
        if self._resumes and self._resumes[0][0] < due:
            due, act = self._resumes[0][0], self._end_session
        if self._next_sweep < due:
            due, act = self._next_sweep, self._sweep_now
        return due, act

    def _sweep_now(self) -> None:
        """Once a minute of the trace, whoever looks and when: what is forgotten must not depend on that."""
        self.memory.sweep(self._next_sweep)
        self._next_sweep += SWEEP_NS
        if self.upcoming and not any(self.connections.values()):
            self._next_sweep = max(self._next_sweep, self.upcoming[0].t_ns // SWEEP_NS * SWEEP_NS)

    def _end_session(self) -> None:
        due, session = self._resumes.popleft()
        if session.ended_ns + self.contract.resume_within_ns == due:
            self.memory.close_session(session, due, COMPLETE, "scope_close")

    # Connections and sessions.

    def _apply_next(self) -> None:
        self._apply(self.upcoming.popleft())

    def _apply(self, item: Lifecycle) -> None:
        if isinstance(item, Opened):
            self._open(item)
        elif isinstance(item, Closed):
            self._closed(item.connection, item.t_ns)
        elif isinstance(item, Truncated):
            self._truncated(item.connection, item.t_ns)
        elif isinstance(item, Lost):
            conn = self.connections.get(item.connection.id)
            if conn is not None:
                self.memory.lost(conn)

    def _connection(self, cid: int, t: int) -> ConnectionState | None:
        """The connection of a message that comes in the moment in which it opens."""
        if cid in self.connections:
            return self.connections[cid]
        while cid not in self.connections and self.upcoming and self.upcoming[0].t_ns <= t:
            self._apply_next()
        self.clock.due = self._next()[0]
        return self.connections.get(cid)

    def _judged(self, connection: Connection) -> bool:
        applies, path = self.contract.applies_to, plain_path(connection.path)
        if applies.path and not any(fnmatchcase(path, glob) for glob in applies.path):
            return False
        return not applies.subprotocol or any(fnmatchcase(connection.subprotocol or "", glob) for glob in applies.subprotocol)

    def _open(self, item: Opened) -> None:
        connection = item.connection
        if not self._judged(connection):
            self.connections[connection.id] = None
            self.skipped += 1
            return
        conn = self.connections[connection.id] = self.memory.connect(connection, item.session)
        self._happened(conn, "ws.open", None, item.t_ns, None, {})

    def _closed(self, connection: Connection, t: int) -> None:
        conn = self.connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.info = connection
        session = conn.session
        message = {"code": connection.close_code, "reason": connection.close_reason, "by": connection.closed_by}
        self._happened(conn, "ws.close" if connection.ending is Ending.CLEAN else "ws.drop", None, t, None, message)
        conn.open = False
        session.connections -= 1
        session.ended_ns = t
        for group in self.monitors.connection_groups:
            group.close(conn.slice, t, COMPLETE)
        self._leave(connection.id)
        if session.connections:
            return
        if connection.user is None or not resumable(connection):
            self.memory.close_session(session, t, COMPLETE, "scope_close")
        else:
            due = t + self.contract.resume_within_ns
            self._resumes.append((due, session))
            self.clock.at(due)

    def _leave(self, cid: int) -> None:
        """Nothing more is awaited of a connection."""
        self.connections[cid] = None
        for direction in (0, 1):
            self._lanes.pop(lane_of(cid, direction, Opcode.TEXT), None)

    def _truncated(self, connection: Connection, t: int) -> None:
        conn = self.connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.open = False
        conn.session.connections -= 1
        for group in self.monitors.connection_groups:
            group.close(conn.slice, t, TRUNCATED)
        self._leave(connection.id)
        if not conn.session.connections and not conn.session.over:
            conn.session.undecided = True
            self.memory.close_session(conn.session, t, TRUNCATED, "trace_end")
        self.memory.leave_user(conn.user, t)

    def finish(self, reached_ns: int) -> None:
        """The trace ends; it is known to reach `reached_ns`."""
        if self.finished:
            return
        reached = max(reached_ns, self.now)
        self.advance(reached)
        while self.upcoming:
            self._apply_next()
        open_users = set()
        for conn in list(self.connections.values()):
            if conn is not None and conn.open:
                open_users.add(conn.user)
                self._truncated(conn.info, reached)
        self.memory.end(reached)
        self.finished = True

    def judgement(self) -> Judgement:
        """The verdict: of the whole trace after `finish`, else so far."""
        reached = Reached(
            self.events, self.untyped, self.matched, self.skipped, self.unread, self.now, self.finished, self.partial
        )
        return judgement(self.contract, self.monitors, self.memory, self._names, reached)
