"""The engine: events in, findings out; online, one pass, the same for a stored trace and for one that grows.

The clock advances only by times in the trace. What is due is decided before the first event that is later.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from wsreplay.contract.model import Contract
from wsreplay.contract.unseen import EventType
from wsreplay.model import UNFINISHED, Connection, Hold, Message, Opcode, Row, Run, lane_of, start_ns_of
from wsreplay.store.fragments import Fragments
from wsreplay.trace.sessions import plain_path
from wsreplay.trace.stream import Closed, Lifecycle, Lost, Opened, Truncated
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.fast_paths import Decode, Handlers
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.message_reader import MessageReader
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.pseudo import PseudoEvents
from wsreplay.validator.reporting import LogClaim, Reporter
from wsreplay.validator.rules.template import COMPLETE, TRUNCATED
from wsreplay.validator.span_log import SpanLog
from wsreplay.validator.state.clock import NEVER
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import TraceEvent, end_event
from wsreplay.validator.trace_state import SWEEP_NS, TraceState
from wsreplay.validator.verdicts import Reached, anonymous_sessions, judgement


class Engine:
    """Judges one trace by one contract.

    Feed it `Opened`, `Closed`, `Truncated`, `Tick` and `Message` values in order, then `finish`; or tell it what befalls
    connections with `expect`, and give it whole rows with `run`. `findings` holds what was found so far, `judgement()` the
    verdict so far. `on_finding` hears of each finding as it is decided, `on_amended` of one as it was and is. All spans go into
    `span_log`, where one is given. With `inline` false all rules take their slow paths (see `emit`).
    """

    def __init__(
        self,
        contract: Contract,
        *,
        inline: bool = True,
        on_finding: Callable[[Finding], None] | None = None,
        on_amended: Callable[[Finding, Finding], None] | None = None,
        span_log: SpanLog | None = None,
    ) -> None:
        self.contract, self.reporter = contract, Reporter(contract.name, on_finding, on_amended, contract.map.name_of)
        self.reporter.on_awaited = self._await_frame
        self.monitors = Monitors(contract, self.reporter, span_log)
        self.trace_state, self._clock = TraceState(self.monitors), self.monitors.clock
        # connections by id; None: not judged by this contract, or over
        self._connections: dict[int, ConnectionState | None] = {}
        # events; connections that the contract does not judge
        self.events = self.skipped = 0
        # these connections, by session
        self.passed_by: dict[int, Counter[str]] = {}
        # nothing more comes
        self._finished = False
        # others judge the rest of the recording
        self._partial = False
        # how far the trace is known to reach (ns)
        self.now = 0
        # what is known to befall connections, in the order of time
        self._upcoming: deque[Lifecycle] = deque()
        # frames whose payload the recording does not hold as it was
        self._cut_frames: frozenset[int] = frozenset()
        self._fragments = Fragments[Row]()
        # when sessions and slices are next looked through (ns)
        self._next_sweep = SWEEP_NS
        # sessions without a connection, and when they are over unless one comes back (ns)
        self._resumes: deque[tuple[int, SessionState]] = deque()
        self._happen = PseudoEvents(self.monitors, self.trace_state).happen
        # what handlers name
        self._globals = Globals(contract, inline, labels=span_log is not None)
        self._globals.add({"trace": self.trace_state, **self.monitors.globals()})
        self.monitors.spans_emitter.resolve_by(self._globals.keys.resolver)
        # what makes events of messages, and has the handlers
        self._reader = MessageReader(contract, self._globals, self.monitors, self.trace_state, self._forget_lanes)
        # lanes of whole messages, which are nearly all there is
        self._lanes: dict[int, tuple[ConnectionState, Decode, Handlers]] = {}

    @property
    def types(self) -> frozenset[EventType]:
        """Each (direction, type) that came, under the contract's name; no more than MOST_TYPES."""
        return frozenset(self._reader.types)

    @property
    def untyped(self) -> int:
        """Text messages that are no events."""
        return self._reader.untyped

    @property
    def undecodable(self) -> int:
        """Messages that may be events and could not be decoded."""
        return self._reader.undecodable

    @property
    def matched(self) -> int:
        """Types that came and that the contract names."""
        return self._reader.matched

    # Feeding.

    @property
    def findings(self) -> list[Finding]:
        """All findings so far, in the order in which they were decided."""
        return self.reporter.findings

    def set_holds(self, holds: Iterable[Hold]) -> None:
        """When the recorder held traffic back: bounds are inconclusive meanwhile."""
        self.reporter.set_holds(list(holds))

    def set_epochs(self, runs: Iterable[Run]) -> None:
        """At what time of the wall clock the runs of the recorder began."""
        self._clock.epochs.update({run.id: start_ns_of(run) for run in runs})

    def set_cut_frames(self, frames: Iterable[int]) -> None:
        """Frames whose payload the recording does not hold as it was."""
        self._cut_frames = frozenset(frames)
        self._reader.set_cut_frames(self._cut_frames)

    def set_decoders(self, names: Mapping[int, str]) -> None:
        """What connections are read by: decoders by connection, told before their messages come; the others are plain JSON.

        Raises UsageError.
        """
        self._reader.set_decoders(names)

    def expect(self, items: Iterable[Lifecycle]) -> list[Lifecycle]:
        """What befalls connections from now on, in the order of time: it happens when the clock comes to it. What was expected
        so far and has not happened is expected no longer, and returned."""
        dropped = list(self._upcoming)
        self._upcoming = deque(items)
        self._clock.look_now()
        return dropped

    def judge_part(self, log: LogClaim) -> None:
        """Others judge the rest of the recording: tell `log` of each id that somebody may own."""
        self._partial = True
        self.log_claims(log)

    def log_claims(self, log: LogClaim) -> None:
        """Tell `log` of each id that somebody may own."""
        for observer in self.monitors.observers:
            observer.log_claims(log)

    def handler_source(self, direction: int, type_: str) -> str:
        """The source of the function that handles events of a direction and type."""
        return self._reader.source(direction, type_)

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

    def run(self, rows: Sequence[Row]) -> None:
        """Take frames. What befalls connections meanwhile was told to `expect`."""
        clock, lanes = self._clock, self._lanes
        events, t = len(rows), self.now
        for fid, t, lane, payload in rows:
            if t > clock.due:
                self.advance(t)
            try:
                conn, decode, handlers = lanes[lane]
            except KeyError:
                events -= 1
                self._other((fid, t, lane, payload))
                continue
            try:
                message = decode(payload)
                type_ = message.kind
                handle = handlers[type_]
                if not payload.isascii():
                    payload.decode()
            except (ValueError, LookupError, TypeError, RecursionError):
                conn.look_at(fid)
                events += self._reader.read(conn, fid, t, lane, payload) - 1
                conn.pass_frame()
                continue
            conn.frame = fid
            handle(message, conn, fid, t, payload, type_)
            conn.last_frame = fid
        self.events += events
        self.now = max(self.now, t)

    def _other(self, row: Row) -> None:
        """What is no whole message, or comes where nothing has come yet."""
        fid, t, lane, payload = row
        number, direction, opcode = lane >> 6, lane >> 5 & 1, lane & UNFINISHED - 1
        conn = self._connections.get(number) or self._connection(number, t)
        if conn is None:
            return
        self.reporter.frame_came(conn.session.id, fid)
        conn.look_at(fid)
        self._take(conn, row, direction, opcode)
        conn.pass_frame()
        if opcode == Opcode.CLOSE and (ended := conn.closing.see(conn.info, direction, fid, t, payload)) is not None:
            self._closed(ended, t)  # nothing can come any more, however long its TCP connection stays

    def _take(self, conn: ConnectionState, row: Row, direction: int, opcode: int) -> None:
        fid, t, lane, _ = row
        number = lane >> 6
        if lane & UNFINISHED or opcode == Opcode.CONTINUATION:
            self._forget_lanes(number, direction)  # a whole message may now be an interruption
            parts = self._fragments.add(lane >> 5, row, opcode, final=not lane & UNFINISHED)
            if parts is None:
                return
            row = fid, t, parts[0][2] & ~UNFINISHED, b"".join(part[3] for part in parts)
            opcode = row[2] & UNFINISHED - 1
            if not self._cut_frames.isdisjoint(part[0] for part in parts):
                self.set_cut_frames(self._cut_frames | {fid})
        elif opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments.interrupt(lane >> 5)
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            usual = self._reader.lane(number, direction)
            if usual is not None:
                self._lanes[row[2]] = conn, *usual
                self.run([row])
            else:
                self.events += self._reader.read(conn, row[0], t, row[2], row[3])
        elif opcode in (Opcode.PING, Opcode.PONG):
            self._happen(TraceEvent(conn, fid, t, "ws.ping" if opcode == Opcode.PING else "ws.pong", direction))

    # Time.

    def advance(self, t: int) -> None:
        """Decide what was due before `t`, in the order of time."""
        while True:
            due, act = self._next()
            self._clock.set(due)
            if due >= t or act is None:
                break
            act()
        self.now = max(self.now, t)

    def _next(self) -> tuple[int, Callable[[], None] | None]:
        """What is due first."""
        due, act = NEVER, None
        if self._upcoming and self._upcoming[0].t_ns < due:
            due, act = self._upcoming[0].t_ns, self._apply_next
        for monitor in self.monitors.timed:
            deadline = monitor.next_due()
            if deadline is not None and deadline < due:
                due, act = deadline, monitor.expire_next
        while self._resumes and (self._resumes[0][1].connections or self._resumes[0][1].over):
            self._resumes.popleft()
        if self._resumes and self._resumes[0][0] < due:
            due, act = self._resumes[0][0], self._end_session
        if self._next_sweep < due:
            due, act = self._next_sweep, self._sweep_now
        return due, act

    def _sweep_now(self) -> None:
        """Once a minute of the trace, whoever looks and when: what is forgotten must not depend on that."""
        self.trace_state.sweep(self._next_sweep)
        self._next_sweep += SWEEP_NS
        if self._upcoming and not any(self._connections.values()):
            self._next_sweep = max(self._next_sweep, self._upcoming[0].t_ns // SWEEP_NS * SWEEP_NS)

    def _end_session(self) -> None:
        due, session = self._resumes.popleft()
        if session.ended_ns + self.contract.resumption.within_ns == due:
            self.trace_state.close_session(session, due, COMPLETE, "scope_close")

    # Connections and sessions.

    def _apply_next(self) -> None:
        self._apply(self._upcoming.popleft())

    def _apply(self, item: Lifecycle) -> None:
        if isinstance(item, Opened):
            self._open(item)
        elif isinstance(item, Closed):
            self._closed(item.connection, item.t_ns)
        elif isinstance(item, Truncated):
            self._truncated(item.connection, item.t_ns)
        elif isinstance(item, Lost) and (conn := self._connections.get(item.connection.id)) is not None:
            self.trace_state.lose(conn)

    def _connection(self, cid: int, t: int) -> ConnectionState | None:
        """The connection of a message that comes in the moment in which it opens."""
        if cid in self._connections:
            return self._connections[cid]
        while cid not in self._connections and self._upcoming and self._upcoming[0].t_ns <= t:
            self._apply_next()
        self._clock.set(self._next()[0])
        return self._connections.get(cid)

    def _open(self, item: Opened) -> None:
        connection = item.connection
        path = plain_path(connection.path)
        if not self.contract.applies_to.covers(path, connection.subprotocol):
            self._connections[connection.id] = None
            self.skipped += 1
            self.passed_by.setdefault(item.session, Counter())[f"connection to {path}"] += 1
            return
        conn = self._connections[connection.id] = self.trace_state.connect(connection, item.session)
        conn.read_by(self._reader.decoder_of(connection.id))
        self._happen(TraceEvent(conn, None, item.t_ns, "ws.open", None))

    def _closed(self, connection: Connection, t: int) -> None:
        conn = self._connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.learn(connection)
        session = conn.session
        self.events += self._reader.finish(conn, t)
        self._happen(end_event(conn, t))
        conn.end()
        session.leave(t)
        for group in self.monitors.connection_groups:
            group.close(conn.slice, t, COMPLETE)
        self._leave(connection.id)
        if session.connections:
            return
        resumption = self.contract.resumption
        if connection.user is None or not resumption.may_follow(connection):
            self.trace_state.close_session(session, t, COMPLETE, "scope_close")
        else:
            due = t + resumption.within_ns
            self._resumes.append((due, session))
            self._clock.at(due)

    def _await_frame(self, session: SessionState) -> None:
        """The reporter is to be told of whatever comes next in a session: none of its frames is a usual one until then."""
        if session.last is not None:
            self._leave_lanes(session.last.id)

    def _leave(self, cid: int) -> None:
        """Nothing more is awaited of a connection."""
        self._connections[cid] = None
        self._reader.leave(cid)
        self._leave_lanes(cid)

    def _leave_lanes(self, cid: int) -> None:
        for direction in (0, 1):
            self._forget_lanes(cid, direction)

    def _forget_lanes(self, cid: int, direction: int) -> None:
        for opcode in (Opcode.TEXT, Opcode.BINARY):
            self._lanes.pop(lane_of(cid, direction, opcode), None)

    def _truncated(self, connection: Connection, t: int) -> None:
        conn = self._connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.end()
        conn.session.lose_sight()
        for group in self.monitors.connection_groups:
            group.close(conn.slice, t, TRUNCATED)
        self._leave(connection.id)
        if not conn.session.connections and not conn.session.over:
            conn.session.doubt()
            self.trace_state.close_session(conn.session, t, TRUNCATED, "trace_end")
        self.trace_state.leave_user(conn.user, t)

    def finish(self, reached_ns: int) -> None:
        """The trace ends; it is known to reach `reached_ns`."""
        if self._finished:
            return
        reached = max(reached_ns, self.now)
        self.advance(reached)
        while self._upcoming:
            self._apply_next()
        for conn in list(self._connections.values()):
            if conn is not None and conn.open:
                self._truncated(conn.info, reached)
        self.trace_state.end(reached)
        self._finished = True

    @property
    def anonymous(self) -> int:
        """How many sessions have no user, where rules ask whose something is."""
        return anonymous_sessions(self.contract, self.trace_state)

    def judgement(self) -> Judgement:
        """The verdict: of the whole trace after `finish`, else so far."""
        reached = Reached(
            self.events, self.untyped, self.matched, self.skipped, self.undecodable, self.now, self._finished, self._partial,
            self.types,
        )  # fmt: skip
        return judgement(self.contract, self.monitors, self.trace_state, self._globals, reached, self.passed_by)
