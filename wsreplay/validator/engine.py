"""The engine: events in, findings out; online, one pass, the same for a stored trace and for one that grows.

The clock advances only by times in the trace. What is due is decided before the first event that is later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

import orjson

from wsreplay.contract.model import Bind, Confine, Contract, Declare, Format, Latency, Rule, Schema, Span, Unique, Unknown
from wsreplay.contract.model import Sequence as SequenceRule
from wsreplay.model import Connection, Ending, Hold, Message
from wsreplay.trace.sessions import plain_path, resumable
from wsreplay.trace.stream import Closed, Fragments, Lifecycle, Lost, Opened, Row, Truncated
from wsreplay.validator import checks
from wsreplay.validator.declare import COMPLETE, TRUNCATED, Group, Monitor, monitor
from wsreplay.validator.findings import Finding, Judgement, Verdict
from wsreplay.validator.handler import fit, operand_roles
from wsreplay.validator.keys import scalar
from wsreplay.validator.program import Program
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.spans import Accounts, SpanMonitor
from wsreplay.validator.state import NEVER, Clock, ConnectionState, Instance, Seen, Sequence, SessionState, Slice, new_slice
from wsreplay.validator.verdicts import judgement

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MOST_SLICES = 100_000
_IDLE_NS = 600_000_000_000


class Engine:
    """Judges one trace by one contract.

    Feed it `Opened`, `Closed`, `Truncated`, `Tick` and `Message` values in order, then `finish`; or whole rows with `run`.
    `findings` holds what was found so far, `judgement()` the verdict so far.
    """

    def __init__(self, contract: Contract, *, inline: bool = True) -> None:
        self.contract, self.clock = contract, Clock()
        self.reporter = Reporter(contract.name)
        self.counts = {rule.id: Counts(rule, order) for order, rule in enumerate(contract.rules)}
        self.connections: dict[int, ConnectionState | None] = {}  # None: not judged by this contract
        self.sessions: dict[int, SessionState] = {}
        self.events = self.untyped = self.matched = self.skipped = 0  # untyped: text messages that are no events
        self.finished = False
        self.partial = False  # others judge the rest of the recording
        self.now = 0
        self.upcoming: deque[Lifecycle] = deque()
        self.cut_frames: frozenset[int] = frozenset()
        self._fragments = Fragments()
        self._resumes: deque[tuple[int, SessionState]] = deque()
        self._build_rules()
        self._build_spans()
        self._build_groups()
        self.program = Program(self, contract, inline)
        self.decode = self.program.shape.decoder()
        self._handlers: tuple[dict[str, Callable[..., None]], dict[str, Callable[..., None]]] = ({}, {})
        self._pseudo = self._pseudo_roles()
        self._swept = 0

    # Building.

    def _monitors(self, kind: type[Rule], make: Callable[..., Any]) -> list[Any]:
        return [make(rule, self.counts[rule.id], self.reporter) for rule in self.contract.of(kind)]

    def _build_rules(self) -> None:
        self.formats = self._monitors(Format, checks.FormatMonitor)
        self.sequences = self._monitors(SequenceRule, checks.SequenceMonitor)
        self.uniques = self._monitors(Unique, checks.UniqueMonitor)
        self.binds = self._monitors(Bind, checks.BindMonitor)
        self.confines = self._monitors(Confine, checks.ConfineMonitor)
        self.schemas = self._monitors(Schema, checks.SchemaMonitor)
        self.unknown = next(iter(self._monitors(Unknown, checks.UnknownMonitor)), None)
        self.latencies = [
            checks.LatencyMonitor(rule, index, self.counts[rule.id], self.reporter)
            for index, rule in enumerate(self.contract.of(Latency))
        ]
        envelope_id = self.contract.envelope.id
        self.ids_kept_by_unique = [number for number, each in enumerate(self.uniques) if each.rule.field == envelope_id]

    def _build_spans(self) -> None:
        """Spans, each after the one that it is inside of."""
        self.spans: list[SpanMonitor] = []
        self.span_numbers: dict[str, int] = {}
        wanted = self.contract.spans

        def add(span: Span) -> None:
            if span.id in self.span_numbers:
                return
            above = None
            if span.inside is not None:
                add(wanted[span.inside])
                above = self.spans[self.span_numbers[span.inside]]
            self.span_numbers[span.id] = len(self.spans)
            self.spans.append(SpanMonitor(span, len(self.spans), self.counts[span.id], self.reporter, above, self.clock))

        for span in wanted.values():
            add(span)
        self.accounts = Accounts()
        run = self.contract.run_span
        if run is not None:
            self.spans[self.span_numbers[run.id]].accounts = self.accounts
        for bind in self.binds:
            for key in bind.rule.keys:
                self._release_with_span(bind, key)

    def _release_with_span(self, bind: checks.BindMonitor, key: str) -> None:
        """A key's binding falls with the span of the same name."""
        if key not in self.span_numbers:
            return
        span = self.spans[self.span_numbers[key]]
        if key not in span.span.by:
            return
        position, single = span.span.by.index(key), len(span.span.by) == 1
        to_user = bind.rule.to == "conn.user"

        def release(instance: Instance) -> None:
            if to_user and instance.names is span.names:
                bind.release(key, instance.key if single else instance.key[position], instance.conn.user)

        def in_use(_key: str) -> Iterable[tuple[Any, Any]]:
            for session in self.sessions.values():
                for instance in session.spans[span.index].values():
                    if instance.names is span.names:
                        values = (instance.key,) if single else instance.key
                        if _key in span.names:
                            yield values[span.names.index(_key)], instance.conn.user

        span.releases.append(release)
        bind.in_use = in_use

    def _build_groups(self) -> None:
        self.groups: list[Group] = []
        self.monitors: list[Monitor] = []
        found: dict[tuple[Any, ...], Group] = {}
        bits: dict[int, int] = {}
        for index, rule in enumerate(self.contract.of(Declare)):
            shape = (rule.inside, rule.by, rule.across_user)
            if shape not in found:
                found[shape] = Group(len(self.groups), *shape)
                self.groups.append(found[shape])
                self._attach(found[shape])
            group = found[shape]
            new = monitor(rule, index, self.counts[rule.id], self.reporter, self.clock)
            bits[group.index] = group.add(new, bits.get(group.index, 1))
            self.monitors.append(new)
        for span in self.spans:
            if span.group is not None and span.group.on_begin:
                span.begins = span.group
        self.user_slices: list[dict[Any, Slice]] = [{} for _ in self.groups]
        self.connection_groups = [
            group for group in self.groups if group.inside is None and not group.by and not group.across_user
        ]
        self.bounded = [each for each in self.monitors if each.rule.within_ns is not None]

    def _attach(self, group: Group) -> None:
        if group.inside is not None:
            span = self.spans[self.span_numbers[group.inside]]
            if group.by:
                span.refined.append(group)
            else:
                span.group = group

    def _pseudo_roles(self) -> dict[str, list[Any]]:
        """For each pseudo-event the monitors and spans that name it."""
        found: dict[str, list[Any]] = {}
        for name in ("ws.open", "ws.close", "ws.drop", "ws.ping", "ws.pong"):
            rules = [
                (group, each) for group in self.groups for each in group.monitors if fit(operand_roles(each.rule), None, name)
            ]
            spans = [span for span in self.spans if fit([(span.span.end_patterns, 1)], None, name)]
            found[name] = [rules, spans]
        return found

    def is_known(self, direction: int, type_: str) -> bool:
        """Whether the contract names the type, in whatever rule."""
        if any(pattern.fits(direction, type_) for pattern in self.contract.known):
            return True
        return self.is_named(direction, type_)

    def is_named(self, direction: int, type_: str) -> bool:
        """Whether a span or a template names the type other than by a bare `*`."""
        named = [pattern for span in self.contract.spans.values() for pattern in span.named()]
        named += [pattern for rule in self.contract.of(Declare) for pattern in rule.named()]
        named += [pattern for rule in self.contract.of(Schema) for pattern, _ in rule.schemas]
        return any(pattern.type != "*" and pattern.fits(direction, type_) for pattern in named)

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
                self.run([(item.id, item.connection_id, item.t_ns, item.direction, item.opcode, item.payload)])
            else:
                self.advance(item.t_ns)
                self._apply(item)

    def tick(self, t_ns: int) -> None:
        """The trace is known to reach `t_ns`: decide what was due before."""
        self.advance(t_ns)

    def run(self, rows: Iterable[Row]) -> None:
        """Take whole messages. What befalls connections meanwhile stands in `upcoming`."""
        clock, connections = self.clock, self.connections
        client, server = self._handlers
        decode, unfinished = self.decode, self._fragments.open
        events, t = 0, self.now
        for fid, cid, t, direction, opcode, payload in rows:
            if t > clock.due:
                self.advance(t)
            conn = connections.get(cid)
            if conn is None:
                conn = self._connection(cid, t)
                if conn is None:
                    continue
            if unfinished and 0 < opcode < _CLOSE:
                unfinished.pop((cid, direction), None)
            if opcode != _TEXT:
                self._other(conn, (fid, cid, t, direction, opcode, payload))
                continue
            try:
                message = decode(payload)
                type_ = message.kind
                handle = (server if direction else client)[type_]
                if not payload.isascii():
                    payload.decode()
            except (ValueError, LookupError, TypeError, RecursionError):
                found = self._unusual(conn, fid, t, direction, payload)
                if found is None:
                    continue
                message, handle = found
                type_ = message.kind
            events += 1
            handle(message, conn, fid, t, payload, type_)
        self.events += events
        self.now = max(self.now, t)

    def _unusual(self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes) -> Any:
        """A message that is no JSON, no object, without a type, or of a type not seen before."""
        form = self.formats[0] if self.formats else None
        self.untyped += 1
        try:
            plain = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            if form is not None:
                form.broken(conn, payload, str(error), fid, t, direction, fid in self.cut_frames)
            return None
        if plain.__class__ is not dict:
            if form is not None:
                form.not_object(conn, plain, fid, t, direction)
            return None
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
            return self.program.shape.from_plain(plain)

    def _handler(self, direction: int, type_: str) -> Callable[..., None]:
        table = self._handlers[direction]
        if type_ not in table:
            if len(table) > 10_000:  # types that nobody names, without end
                table.clear()
            handle = self.program.handler(direction, type_)
            table[type_] = handle
            self.matched += self.is_named(direction, type_)
        return table[type_]

    def _other(self, conn: ConnectionState, row: Row) -> None:
        """What is no whole text message."""
        fid, _, t, direction, opcode, _ = row
        if opcode < 0:
            whole = self._fragments.join(row)
            if whole is not None:
                self.run([whole])
        elif opcode in (_PING, _PONG):
            self._pseudo_event(conn, "ws.ping" if opcode == _PING else "ws.pong", fid, t, direction, {})

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
        if t - self._swept >= _IDLE_NS:
            self._sweep(t)

    def _next(self) -> tuple[int, Callable[[], None] | None]:
        """What is due first."""
        due, act = NEVER, None
        if self.upcoming and self.upcoming[0].t_ns < due:
            due, act = self.upcoming[0].t_ns, self._apply_next
        for span in self.spans:
            queue = span.queue
            while queue and not queue[0].open:
                queue.popleft()
            if queue and queue[0].t + (span.within_ns or 0) < due:
                due, act = queue[0].t + (span.within_ns or 0), lambda span=span: span.expire(span.queue.popleft())
        for each in self.bounded:
            waiting = each.queue
            while waiting and waiting[0].done:
                waiting.popleft()
            if waiting and waiting[0].due < due:
                due, act = waiting[0].due, lambda each=each: each.expire(each.queue.popleft())
        while self._resumes and (self._resumes[0][1].connections or self._resumes[0][1].over):
            self._resumes.popleft()
        if self._resumes and self._resumes[0][0] < due:
            due, act = self._resumes[0][0], self._end_session
        return due, act

    def _end_session(self) -> None:
        due, session = self._resumes.popleft()
        if session.ended_ns + self.contract.resume_within_ns == due:
            self._close_session(session, due, COMPLETE, "scope_close")

    def _sweep(self, t: int) -> None:
        """Forget slices that had no event for ten minutes."""
        self._swept = t
        for session in self.sessions.values():
            for table in session.uniques:
                for key in [key for key, seen in table.items() if t - seen.t >= _IDLE_NS]:
                    self.reporter.forget("ids", len(table.pop(key).now))
            for group, slices in zip(self.groups, session.tables, strict=True):
                for key in [key for key, part in slices.items() if t - part.t >= _IDLE_NS]:
                    self._forget_slice(group, slices.pop(key), t)

    def _forget_slice(self, group: Group, part: Slice, t: int) -> None:
        self.reporter.forget("slices")
        group.close(part, t, TRUNCATED)
        part.open = False

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
                conn.blind = True

    def _connection(self, cid: int, t: int) -> ConnectionState | None:
        """The connection of a message that comes in the moment in which it opens."""
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
        session = self.sessions.get(item.session)
        if session is None:
            session = self.sessions[item.session] = SessionState(
                item.session, len(self.spans), len(self.groups), len(self.sequences), len(self.uniques)
            )
        conn = ConnectionState(connection, session, len(self.latencies))
        conn.resumed = session.last is not None
        conn.sequences = [self._sequence_pair(session, number, conn) for number in range(len(self.sequences))]
        session.connections += 1
        session.last = conn
        self.connections[connection.id] = conn
        for group in self.connection_groups:
            group.begin(conn.slice)
        self._pseudo_event(conn, "ws.open", None, item.t_ns, None, {})

    def _sequence_pair(self, session: SessionState, number: int, conn: ConnectionState) -> tuple[Sequence, Sequence]:
        by = self.sequences[number].rule.by
        key = session.key if by == ("conn.session",) else conn.key
        return session.sequences[number].setdefault(key, (Sequence(), Sequence()))

    def _closed(self, connection: Connection, t: int) -> None:
        conn = self.connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.info = connection
        session = conn.session
        message = {"code": connection.close_code, "reason": connection.close_reason, "by": connection.closed_by}
        self._pseudo_event(conn, "ws.close" if connection.ending is Ending.CLEAN else "ws.drop", None, t, None, message)
        conn.open = False
        session.connections -= 1
        session.ended_ns = t
        for group in self.connection_groups:
            group.close(conn.slice, t, COMPLETE)
        self.connections[connection.id] = None
        if session.connections:
            return
        if connection.user is None or not resumable(connection):
            self._close_session(session, t, COMPLETE, "scope_close")
        else:
            due = t + self.contract.resume_within_ns
            self._resumes.append((due, session))
            self.clock.at(due)

    def _close_session(self, session: SessionState, t: int, how: int, by: str) -> None:
        session.over = True
        for span in self.spans:
            for instance in list(session.spans[span.index].values()):
                while instance is not None:
                    if how == TRUNCATED:
                        span.truncate(instance, t)
                    else:
                        span.connection_lost(instance, t, by)
                    instance = instance.outer  # type: ignore[assignment]
        for group, slices in zip(self.groups, session.tables, strict=True):
            for part in slices.values():
                group.close(part, t, how, by=by)
                part.open = False
        for table in session.spans:
            table.clear()
        session.tables = [{} for _ in self.groups]
        session.sequences, session.uniques, session.ids = [], [], Seen(t)

    def _truncated(self, connection: Connection, t: int) -> None:
        conn = self.connections.get(connection.id)
        if conn is None or not conn.open:
            return
        conn.open = False
        conn.session.connections -= 1
        for group in self.connection_groups:
            group.close(conn.slice, t, TRUNCATED)
        self.connections[connection.id] = None
        if not conn.session.connections and not conn.session.over:
            conn.session.undecided = True
            self._close_session(conn.session, t, TRUNCATED, "trace_end")
        for group, slices in zip(self.groups, self.user_slices, strict=True):
            for key in [key for key in slices if group.across_user and _user_of(key) == conn.user]:
                group.close(slices.pop(key), t, TRUNCATED)

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
        for session in self.sessions.values():
            if not session.over:
                self._close_session(session, reached, COMPLETE, "trace_end")
        for group, slices in zip(self.groups, self.user_slices, strict=True):
            for part in slices.values():
                group.close(part, reached, COMPLETE, by="trace_end")
        self.finished = True

    def judgement(self) -> Judgement:
        """The verdict: of the whole trace after `finish`, else so far."""
        return judgement(self)

    # Pseudo-events.

    def _pseudo_event(
        self, conn: ConnectionState, name: str, fid: int | None, t: int, direction: int | None, message: Any
    ) -> None:
        rules, spans = self._pseudo[name]
        for group, each in rules:
            found = fit(operand_roles(each.rule), None, name)
            roles = found.certain
            for pattern, bit in found.conditional:
                roles |= bit if all(path.find(message) in wanted for path, wanted in pattern.where) else 0
            if group.across_user and conn.user is None and name == "ws.open":
                continue  # an anonymous connection continues nothing; that it was lost still cannot be judged
            if roles:
                for part in self._open_slices(group, each, conn, t):
                    each.event(part, roles, fid, t, conn, name, direction)
        for span in spans:
            self._pseudo_end(span, conn, name, fid, t, message)

    def _pseudo_end(self, span: SpanMonitor, conn: ConnectionState, name: str, fid: int | None, t: int, message: Any) -> None:
        for end, patterns in span.span.ends:
            fits = any(
                pattern.fits(None, name) and all(path.find(message) in wanted for path, wanted in pattern.where)
                for pattern in patterns
            )
            if not fits:
                continue
            for instance in list(conn.session.spans[span.index].values()):
                if instance.conn is conn:
                    span.end(instance, end, t, fid, name)

    def _open_slices(self, group: Group, each: Monitor, conn: ConnectionState, t: int) -> list[Slice]:
        if group.across_user:
            if conn.user is None:
                self.lacks(each.counts, ("conn.user",), conn, None, t, "the connection")
                return []
            if not group.by:
                return [self.user_slice(group.index, conn.user, conn, t, None)]
            return [part for key, part in self.user_slices[group.index].items() if key[0] == conn.user]
        if group.inside is not None:
            number = self.span_numbers[group.inside]
            instances = list(conn.session.spans[number].values())
            if not group.by:
                return list(instances)
            return [part for instance in instances for part in (instance.parts or {}).get(group.index, {}).values()]
        return list(conn.session.tables[group.index].values()) if group.by else [conn.slice]

    # What generated source calls.

    def lacks(self, counts: Counts, keys: tuple[str, ...], conn: ConnectionState, fid: int | None, t: int, type_: str) -> None:
        """An event that a rule names lacks the rule's key: said once per rule, counted always."""
        if counts.errors:
            counts.errors += 1
            return
        self.reporter.report(
            counts,
            conn=conn,
            kind="key",
            verdict=Verdict.ERROR,
            message=f"{type_} lacks a key: {', '.join(keys)}",
            frames=() if fid is None else (fid,),
            activation=fid,
            seen=type_,
            decided_by="event",
            decided_at=t,
        )

    def resent(self, conn: ConnectionState, value: Any) -> bool:
        """Whether this session has seen the id before it reconnected: history that is sent again."""
        if value.__class__ is not str and value.__class__ is not int:
            return False
        if self.ids_kept_by_unique:
            tables = [conn.session.uniques[number] for number in self.ids_kept_by_unique]
            return any(value in seen.now or value in seen.old for table in tables for seen in table.values())
        return value in conn.session.ids.now or value in conn.session.ids.old

    def remember(self, conn: ConnectionState, value: Any) -> None:
        ids = conn.session.ids
        ids.now[value] = 0
        if len(ids.now) >= 10_000:
            ids.old, ids.now = ids.now, {}

    def sequence(self, conn: ConnectionState, number: int, key: Any) -> tuple[Sequence, Sequence]:
        table = conn.session.sequences[number]
        found = table.get(key)
        if found is None:
            if len(table) >= _MOST_SLICES:
                del table[next(iter(table))]
                self.reporter.forget("counters")
            found = table[key] = (Sequence(), Sequence())
        return found

    def unique(self, conn: ConnectionState, number: int, key: Any, t: int) -> Seen:
        table = conn.session.uniques[number]
        if len(table) >= _MOST_SLICES:
            self.reporter.forget("ids", len(table.pop(next(iter(table))).now))
        found = table[key] = Seen(t)
        return found

    def plain_id(self, value: Any, number: int, payload: bytes) -> Any:
        """An id that is no text: as it can be compared."""
        found = scalar(value, self.uniques[number].rule.field, payload)
        return found if found is not None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def keyed_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        group, table = self.groups[number], conn.session.tables[number]
        found = table.get(key)
        if found is None:
            if len(table) >= _MOST_SLICES:
                self._forget_slice(group, table.pop(next(iter(table))), t)
            found = table[key] = new_slice(group.by, key, conn, t)
            found.fid = fid
            group.begin(found)
        found.t = t
        return found

    def user_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int | None) -> Slice:
        group, table = self.groups[number], self.user_slices[number]
        found = table.get(key)
        if found is None:
            found = table[key] = new_slice(("user", *group.by), key, conn, t)
            found.fid = fid
            group.begin(found)
        found.conn = conn
        return found

    def part(self, instance: Instance, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        if instance.parts is None:
            instance.parts = {}
        table = instance.parts.setdefault(number, {})
        found = table.get(key)
        if found is None:
            found = table[key] = new_slice(self.groups[number].by, key, conn, t)
            found.parent, found.fid = instance, fid
            self.groups[number].begin(found)
        return found


def _user_of(key: Any) -> Any:
    return key[0] if key.__class__ is tuple else key
