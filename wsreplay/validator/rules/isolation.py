"""Whose is what: no user sees what belongs to another.

`bind` is a functional dependency: each value of a key determines its owner. Its first key is the widest (a thread), each
further one lies within the one before it (a run) and belongs to whom that belongs. An id belongs to the user whose client, or
URL, named it first; until somebody has, to whom it was first shown. Where no user is known, the session stands for one. An id
that two users ask in is each of theirs: a warning. Where an event itself names its owner (`confine`), that tells a new id's
owner, too.

An event of somebody else's is judged by nothing else on the connection that got it, but its sequence number counts. One
finding says it for each id and connection, with the number of events.

State: of each bound key value → owner, since which frame, when it was last seen, and who else was shown it. A binding falls
after ten idle minutes; while a span of its name is open it is not idle. Once that span has ended another client may use the id
again, and so may another thread of its owner; to anybody else it is still a leak. Of each key the last ids that have ended are
remembered, which the verdict counts.

A span *vouches* for its events where it is found by all keys that the rule binds: they were looked at when the server started
it, and what comes within it is not looked at again, if it was a client who named them. So the bindings of an open run are as
fresh as the last sweep.

The source of its handlers, with the fast path, is written by `isolation_emit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from wsreplay.contract.rules.isolation import Bind
from wsreplay.trace.identity import is_pseudonym
from wsreplay.units import count_text, noun_text
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.findings import Severity
from wsreplay.validator.reporting import IN_A_URL, LogClaim, frames_of, short
from wsreplay.validator.rules.isolation_emit import FOREIGN, LOOSE, OWN, SHARED, BindEmitter
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.ownership import MOST_IDS, Binding, EndedIds, Leak, ids_in, may_be_the_same
from wsreplay.validator.rules.span_listeners import SpanEnd
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.clock import IDLE_NS
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent


class BindMonitor(MessageMonitor):
    """Each value of a key belongs to one owner, who alone may be shown it."""

    word = "bind"
    sees_aliens = True
    rule: Bind

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # key → value → binding
        self.owners: dict[str, dict[Any, Binding]] = {key: {} for key in self.rule.keys}
        # what URLs name → whose they are; None: several owners'
        self._urls: dict[str, Any] = {}
        # session → how often it asked without naming an id, and none has come that may be the answer
        self._unnamed: dict[int, int] = {}
        # the spans whose end releases a key, with the key
        self._releasing: list[tuple[str, SpanMonitor]] = []
        # of each key the ids whose spans have ended
        self._ended: dict[str, EndedIds] = {key: EndedIds() for key in self.rule.keys}
        # findings whose number of events has grown since it was told
        self._growing: dict[int, tuple[str, Any, Binding, Leak]] = {}
        # who is told of each id that somebody may own
        self._log: LogClaim | None = None
        # what writes its handlers
        self._emitter = BindEmitter(self.rule, self.number, self.variable)

    def globals(self) -> dict[str, Any]:
        tables = {self._emitter.table(index): self.owners[key] for index, key in enumerate(self.rule.keys)}
        return {**super().globals(), **tables}

    def link(self, spans: SpansEmitter) -> None:
        self._emitter.vouch_by(spans)
        for key in self.rule.keys:
            span = spans.named(key)
            if span is not None and key in span.names:
                self._releasing.append((key, span))
                if self.rule.to == "conn.user":
                    begin, end = self._follow(key, span)
                    span.listeners.on_begin(begin)
                    span.listeners.on_end(end)

    def _follow(self, key: str, span: SpanMonitor) -> tuple[Callable[[Instance], None], SpanEnd]:
        """What the id names begins and ends with its span."""
        table, ended, names, position = self.owners[key], self._ended[key], span.names, span.names.index(key)

        def begin(instance: Instance) -> None:
            key = instance.key
            binding = table.get(key[position] if key.__class__ is tuple else key)
            if binding is not None and binding.ended and binding.owner == instance.conn.owner:
                binding.ended = False

        def end(instance: Instance, _name: str, _t: int, _fid: int | None) -> None:
            if instance.names is not names:
                return
            key = instance.key
            value = key[position] if key.__class__ is tuple else key
            binding = table.get(value)
            if binding is None or binding.ended or binding.owner != instance.conn.owner:
                return
            binding.ended = True
            if ended.add(value):
                self._forget(ended.rotate(table))

        return begin, end

    def log_claims(self, log: LogClaim) -> None:
        self._log = log

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        if self.rule.to != "conn.user":
            return {}
        ids = ids_in(conn.info.path)
        for id_ in ids:
            if self._log is not None:
                for key in self.rule.keys:
                    self._log(key + IN_A_URL, id_, conn.owner)
            if len(self._urls) < MOST_IDS:
                self._urls[id_] = conn.owner if self._urls.get(id_, conn.owner) == conn.owner else None
        return {f"urls{self.number}": ids}

    def collect(self, globals: Globals) -> None:
        for place, (key, value, binding, leak) in self._growing.items():
            self.reporter.amend(place, count=leak.count, message=self._words(key, value, binding, leak))
        self._growing.clear()

    def emit(self, writer: HandlerWriter) -> None:
        self._emitter.emit(writer)

    # What clients name.

    def claim(self, key: str, value: Any, above: Binding | None, owner: Any, asks: bool, event: MessageEvent) -> None:
        """A client named a value of the key, within what `above` is the binding of. `asks`: it asks something in it."""
        if value is None or value.__class__ is Token:
            if asks:
                self._unnamed[event.conn.session.id] = self._unnamed.get(event.conn.session.id, 0) + 1
            return
        if self._is_shared(value):
            return
        binding = self.owners[key].get(value)
        if binding is None:
            self._bind(key, value, Binding(owner, event.fid, event.t, asked=True))
        elif binding.is_of(owner):
            binding.touch(event.t)
            binding.ask()
        elif not binding.asked or binding.ended or may_be_the_same(binding.owner, owner):
            self._pass_to(key, value, binding, owner, event.fid, event.t, silent=above is not None)
        elif asks:
            binding.share_with(owner)
            self._say_shared(key, value, binding, event)

    def _pass_to(
        self, key: str, value: Any, binding: Binding, owner: Any, fid: int, t: int, silent: bool = False
    ) -> None:
        """It belongs to whose client named it, or asked for it: whoever else was shown it got what was not theirs."""
        before = binding.shown or {}
        if self._log is not None:
            self._log(key, value, owner)
        binding.pass_to(owner, fid, asked=True)
        for leak in before.values():
            if not silent and not binding.is_of(leak.first.conn.owner) and not may_be_the_same(leak.first.conn.owner, owner):
                self._tell(key, value, binding, leak, t)

    def _answers(self, conn: ConnectionState) -> bool:
        """Whether a new id may be the answer to what this session asked without naming one; used up by that."""
        unnamed = self._unnamed.get(conn.session.id, 0)
        if unnamed:
            self._unnamed[conn.session.id] = unnamed - 1
        return unnamed > 0

    def close_session(self, session: SessionState) -> None:
        self._unnamed.pop(session.id, None)

    def _bind(self, key: str, value: Any, binding: Binding) -> Binding:
        table = self.owners[key]
        if self._log is not None:
            self._log(key, value, binding.owner)
        if len(table) >= MOST_IDS:
            self._make_room(table)
        table[value] = binding
        self.counts.activate()
        return binding

    def _make_room(self, table: dict[Any, Binding]) -> None:
        for value in oldest(table):
            del table[value]
            self.reporter.forget("bindings")
            self.counts.doubt()

    def _is_shared(self, value: Any) -> bool:
        return any(fnmatchcase(str(value), glob) for glob in self.rule.shared)

    # What is shown.

    def check(self, key: str, value: Any, above: Binding | None, owner: Any, hint: Any, event: MessageEvent) -> int:
        """An event came with a value of the key: whose it is. `above` is the binding of the key before it, `hint` what the
        event says of its owner."""
        if value is None or value.__class__ is Token:
            return OWN
        if self.rule.shared and self._is_shared(value):
            return SHARED
        if owner is None:
            self.counts.doubt()
            return OWN
        binding = self.owners[key].get(value)
        if binding is None:
            if not event.direction:
                return OWN
            if above is not None and above.asked and above.owner == owner and self._emitter.by_connection:
                self._bind(key, value, Binding(owner, event.fid, event.t, True, above.others))
                return OWN
            binding = self._bind(key, value, self._first_shown(value, above, owner, hint, event.fid, event.t))
        if binding.is_of(owner):
            binding.touch(event.t)
            if not binding.asked and above is None and binding.shown is None and self._answers(event.conn):
                binding.ask()
            if binding.asked:
                return OWN
            binding.view(event)
            return LOOSE
        if may_be_the_same(binding.owner, owner):
            binding.pass_to(owner, event.fid, binding.asked)
            return OWN if binding.asked else LOOSE
        if above is not None and above.others is not None and above.is_of(owner):
            binding.share_with(owner)
            return OWN
        if str(value) in getattr(event.conn, f"urls{self.number}", ()):
            binding.share_with(owner)
            self._say_shared(key, value, binding, event)
            return OWN
        if (binding.ended or not binding.asked) and above is not None and above.is_of(owner):
            binding.pass_to(above.owner, event.fid, above.asked)
            return OWN if binding.asked else LOOSE
        if not binding.asked and above is None and self._answers(event.conn):
            self._pass_to(key, value, binding, owner, event.fid, event.t)
            return OWN
        leak = binding.view(event)
        self._tell(key, value, binding, leak, event.t)
        return FOREIGN

    def check_all(self, values: tuple[Any, ...], owner: Any, hint: Any, event: MessageEvent) -> int:
        """An event came with a value for each key: foreign where one of them is, else loose where one is. Not for rules that
        share ids."""
        loosest, above = OWN, None
        for key, value in zip(self.rule.keys, values, strict=True):
            standing = self.check(key, value, above, owner, hint, event)
            if standing == FOREIGN:
                return FOREIGN
            if standing == LOOSE:
                loosest = LOOSE
            above = self.owners[key].get(value)
        return loosest

    def _first_shown(self, value: Any, above: Binding | None, owner: Any, hint: Any, fid: int, t: int) -> Binding:
        """Whose a new id is."""
        if above is not None and self._emitter.by_connection:
            return Binding(above.owner, fid, t, above.asked, above.others)
        named = self._urls.get(str(value))
        if named is not None:
            return Binding(named, fid, t, asked=True)
        known = isinstance(owner, str) and not is_pseudonym(owner)  # a pseudonym cannot be compared with a name
        if hint is not None and known and str(hint) != owner:
            return Binding(str(hint), fid, t, asked=True)
        return Binding(owner, fid, t, asked=not self._emitter.by_connection)

    # What there is to say.

    def _tell(self, key: str, value: Any, binding: Binding, leak: Leak, t: int) -> None:
        """An event reached somebody who does not own it: one finding for all of them."""
        if self._log is not None and leak.reported is None:
            self._log(key, value, self.owner_of(leak.first.conn))
        if leak.reported is not None:
            self._growing[leak.reported.place] = (key, value, binding, leak)
            return
        leak.report(
            self.reporter.report_message(
                self.counts,
                leak.first,
                kind="isolation",
                message=self._words(key, value, binding, leak),
                activation=binding.fid,
                frames=frames_of(binding.fid, leak.first.fid),
                decided_at=t,
                seen=leak.first.type,
                count=leak.count,
                after=leak.after,
            )
        )

    def _words(self, key: str, value: Any, binding: Binding, leak: Leak) -> str:
        events = leak.first.type if leak.count == 1 else f"{count_text(leak.count, 'event')}, {leak.first.type} first"
        viewer = self.owner_of(leak.first.conn)
        return f"{noun_text(key, short(value))} of {self._who(binding.owner)} reached {self._who(viewer)}: {events}"

    def owner_of(self, conn: ConnectionState) -> Any:
        """Who a connection belongs to, by this rule."""
        return {"conn.user": conn.owner, "conn.session": conn.session.key}.get(self.rule.to, conn.key)

    def _who(self, owner: Any) -> str:
        if isinstance(owner, SessionState):
            return noun_text("user", owner.user) if owner.user is not None else f"session {owner.id} (user unknown)"
        return str(owner) if isinstance(owner, Token) else noun_text(self.rule.to.removeprefix("conn."), str(owner))

    def _say_shared(self, key: str, value: Any, binding: Binding, event: MessageEvent) -> None:
        first, second = self._who(binding.owner), self._who(event.conn.owner)
        self.reporter.report_message(
            self.counts, event,
            kind="isolation",
            severity=Severity.WARNING,
            message=f"{first} and {second} both ask in {noun_text(key, short(value))}: taken for two ids that happen to be "
            "equal; list ids that users share under `shared`",
            activation=binding.fid,
            frames=frames_of(binding.fid, event.fid),
            seen=event.type,
            blame="client",
        )  # fmt: skip

    # Forgetting.

    def sweep(self, t: int, sessions: Iterable[SessionState]) -> None:
        """Forget ids that nobody has seen for ten minutes; one of something open has been seen."""
        for session in sessions:
            for _, span in self._releasing:
                for instance in session.spans[span.number].values():
                    if instance.names is span.names:
                        self._touch(span.names, instance, t)
        for table in self.owners.values():
            idle = [value for value, binding in table.items() if t - binding.t >= IDLE_NS]
            for value in idle:
                del table[value]
            self._forget(len(idle))

    def _forget(self, count: int) -> None:
        if count:
            self.reporter.forget("bindings", count)

    def _touch(self, names: tuple[str, ...], instance: Instance, t: int) -> None:
        """The keys of an instance, as far as they are this rule's, are in use."""
        for key, value in zip(names, instance.values(), strict=True):
            binding = self.owners.get(key, {}).get(value)
            if binding is not None and binding.is_of(instance.conn.owner):
                binding.touch(t)
