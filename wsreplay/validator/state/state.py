"""What is kept of a trace while it is judged: sessions, their connections, slices. Bounded by what is open.

A *slice* is the events that belong together for some rules (trace slicing: Rosu and Chen, "Parametric trace slicing"); an
*instance* is the slice of one span, from its start to its end. What a single kind of rule keeps is that rule's own
(`rules/`): it hangs on the connection under names that the generated source reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from wsreplay.contract.model import Span
from wsreplay.model import Connection
from wsreplay.validator.findings import Verdict
from wsreplay.validator.state.bounded import EndedSpans
from wsreplay.validator.state.closing import ClosingHandshake
from wsreplay.validator.state.keys import Token, values_of
from wsreplay.validator.state.undecodable import Undecodable


class Slice(Struct, eq=False):
    """The events that belong together for some rules. `mask` holds the bits of simple rules, `states` all others by rule.

    One comes into being with every span: a Struct is made, and read, faster than any other object with defaults.
    """

    names: tuple[str, ...]
    key: Any
    conn: ConnectionState
    t: int
    # the frame that opened it
    fid: int | None = None
    # the instance that it refines, or the slice that it is a scope of
    parent: Slice | None = None
    mask: int = 0
    states: dict[int, Any] | None = None
    # type that is missing → id of the finding that says so; what only follows from it is folded under it
    causes: dict[str, str] | None = None
    # findings that wait for how the span ends (`unless`)
    deferred: list[dict[str, Any]] | None = None
    open: bool = True

    @property
    def session(self) -> SessionState:
        return self.conn.session

    def values(self) -> tuple[Any, ...]:
        """Those of its key, one a name."""
        return values_of(self.key)

    @property
    def undecodable(self) -> Undecodable:
        return self.parent.undecodable if self.parent is not None else self.conn.session.undecodable

    def labels(self) -> tuple[tuple[str, str], ...]:
        """Key names and values, outermost first."""
        names, key = self.names, self.key
        values = key if key.__class__ is tuple else (key,)
        named = zip(names, values, strict=True) if names else ()
        own = tuple([(name, str(value)) for name, value in named if value is not None])
        return own if self.parent is None else tuple({**dict(self.parent.labels()), **dict(own)}.items())

    def state(self, rule: int) -> Any:
        return None if self.states is None else self.states.get(rule)

    def set_state(self, rule: int, state: Any) -> None:
        if self.states is None:
            self.states = {}
        self.states[rule] = state

    def explain(self, types: tuple[str, ...], finding: str) -> None:
        """Remember that a finding already says that these types are missing."""
        if self.causes is None:
            self.causes = {}
        for type_ in types:
            self.causes.setdefault(type_, finding)

    def defer(self, finding: dict[str, Any]) -> None:
        """Keep a finding back until it is known how the span ends."""
        if self.deferred is None:
            self.deferred = []
        self.deferred.append(finding)

    def end(self) -> None:
        """Nothing more can come in it."""
        self.open = False


class UserSlice(Slice, eq=False):
    """One of a rule `across: user`: what could not be decoded is that of all the user's connections."""

    of_user: Undecodable | None = None

    @property
    def undecodable(self) -> Undecodable:
        return self.of_user or self.conn.session.undecodable


class Instance(Slice, eq=False):
    """One instance of a span, from its start to its end. Each span has a subclass of its own, which knows its span."""

    span: ClassVar[Span]
    # whether its bound stands still
    stands_still: ClassVar[Callable[[Instance], bool]]
    parent: Instance | None = None
    # what it stands under in its session's table: its key, or an Anonymous
    slot: Any = None
    else_key: Any = None
    # a run with the same key that this one interrupts
    outer: Instance | None = None
    # how many children are open
    children: int = 0
    # the place of the finding that its deadline made; None before the deadline
    overdue_finding: int | None = None
    # slices of rules that refine the instance by keys: group → key → slice
    refinements: dict[int, dict[Any, Slice]] | None = None
    # the server started it, and its keys were found to belong to this user
    bound: bool = False
    # ns by which its bound runs from later than its start: it was prolonged, or stood still
    waited: int = 0
    # its start came after its end, or outside of what it is part of: nothing more is owed
    excused: bool = False
    # when an event of it came last (ns), as far as a rule asks; 0: none since its start
    heard: int = 0
    # the frame of that event; None where it was not one of a message
    heard_frame: int | None = None
    # its start did not come, or could not be decoded: `fid` is another's
    begun_unseen: bool = False

    def go_by(self, names: tuple[str, ...], key: Any) -> None:
        """It was started without its key: these tell it from others."""
        self.names, self.key = names, key

    def belong_to(self, parent: Instance) -> None:
        """It is part of this one."""
        self.parent = parent

    def interrupt(self, outer: Instance | None) -> None:
        """The one with the same key that goes on when this one ends."""
        self.outer = outer

    def begin_unseen(self) -> None:
        """Its start did not come, or could not be decoded."""
        self.begun_unseen = True

    def pass_deadline(self, finding: int) -> None:
        """Its deadline made this finding."""
        self.overdue_finding = finding

    def excuse(self, excused: bool = True) -> None:
        """Its start came after its end, or outside of what it is part of, which was said: nothing more is owed."""
        self.excused = excused

    def wait(self, waited: int) -> None:
        """Its bound runs from so long after its start (ns)."""
        self.waited = waited

    def refine(self, group: int) -> dict[Any, Slice]:
        """Its slices for a group of rules that refines it by keys, by key."""
        if self.refinements is None:
            self.refinements = {}
        return self.refinements.setdefault(group, {})

    def hear(self, t: int, frame: int | None) -> None:
        """An event of it, or of what is part of it, came."""
        self.heard, self.heard_frame = t, frame

    def forget(self) -> None:
        """It has ended: nothing is kept for rules."""
        self.states = self.deferred = self.refinements = None

    def refinements_of(self, group: int) -> list[Slice]:
        """Its slices for a group of rules that refines it by keys."""
        return list((self.refinements or {}).get(group, {}).values())


class SessionState:
    """A connection with its reconnects."""

    def __init__(self, id: int, spans: int, groups: int) -> None:
        self.id, self.key = id, Token(f"session {id}")
        # whose it is, as far as a handshake or a message has said
        self.user: str | None = None
        # a message said it, and no handshake
        self.named_by_message = False
        # open connections
        self.connections = 0
        # the connection that was opened last
        self.last: ConnectionState | None = None
        # when the last connection was closed
        self.ended_ns = 0
        # nothing more can come: only the verdict is kept
        self.over = False
        # open instances by span, then by slot
        self.spans: list[dict[Any, Instance]] = [{} for _ in range(spans)]
        self.ended = [EndedSpans() for _ in range(spans)]
        # slices by group of rules, then by key
        self.tables: list[dict[Any, Slice]] = [{} for _ in range(groups)]
        self.undecodable = Undecodable()
        # types of the server's that the contract does not name → the frame of the first
        self.strange: dict[str, int] = {}
        # what came and was judged by no rule: what it is → how many
        self.unjudged: Counter[str] = Counter()
        # something may be open that began in a parent before the one that is open now
        self.ambiguous_parents = False
        # the places of findings that miss an event which may still come; None: there are none
        self.missed: list[int] | None = None
        # what came while its span was not open, by the span's number and the key (`rules.early_events`)
        self.early: dict[tuple[int, Any], list[Any]] = {}
        # the last frame that asked for something
        self.asked = -1
        # its client went away, and owes nobody an answer: bounds stand still
        self.left = False
        # what its server waits for its client in (None: anything) → since when (ns); None: it waits for nothing
        self.waits: dict[Any, int] | None = None
        # the id of the finding that nobody came back after the last connection was lost
        self.lost_by: str | None = None
        # instances that go on at another connection than where they began (`resumption`)
        self.places: dict[Instance, ConnectionState] = {}
        # a rule of severity error is violated, or could not be validated; something could not be decided
        self.violated = self.failed = self.undecided = False

    def name_by_message(self) -> None:
        """A message says whose it is."""
        self.named_by_message = True

    def follow(self, before: SessionState, t: int) -> None:
        """The recording was interrupted: what was found before counts, and anything may have come meanwhile."""
        self.violated, self.undecided, self.failed = before.violated, before.undecided, before.failed
        self.unjudged = before.unjudged
        self.undecodable.interrupt(t)

    def open(self, conn: ConnectionState) -> None:
        """A connection of the session opens."""
        self.connections += 1
        self.last, self.left, self.lost_by = conn, False, None

    def leave(self, t: int) -> None:
        """A connection of the session has ended."""
        self.connections -= 1
        self.ended_ns = t

    def ask(self, fid: int) -> None:
        """Its client asks something."""
        self.asked = fid

    def let_go(self) -> None:
        """Its client went away by itself: nothing is owed to it meanwhile."""
        self.left = True

    def begin_wait(self, thread: Any, t: int) -> None:
        """Its server waits for its client."""
        if self.waits is None:
            self.waits = {}
        self.waits.setdefault(thread, t)

    def end_wait(self, thread: Any) -> list[tuple[Any, int]]:
        """Its client says something in a thread (None: in none): what the server waited for, and since when."""
        ended = [(key, since) for key, since in (self.waits or {}).items() if thread is None or key in (thread, None)]
        waits = {key: since for key, since in (self.waits or {}).items() if (key, since) not in ended}
        self.waits = waits or None
        return ended

    def is_waiting(self, thread: Any) -> bool:
        """Whether its server waits for its client in a thread."""
        return self.waits is not None and (thread is None or thread in self.waits or None in self.waits)

    def blame_loss(self, finding: str) -> None:
        """A finding says that nobody came back after the last connection was lost: what is owed follows from that."""
        self.lost_by = finding

    def miss(self, place: int, most: int) -> None:
        """A finding misses an event; the oldest of very many is forgotten."""
        if self.missed is None:
            self.missed = []
        elif len(self.missed) >= most:
            del self.missed[0]
        self.missed.append(place)

    def expect_again(self) -> None:
        """A message came twice: starts are to be looked at closely."""
        self.missed = self.missed or []

    def find(self, place: int) -> None:
        """What the finding missed has come, or comes no more."""
        if self.missed is not None:
            self.missed = [other for other in self.missed if other != place] or ([] if self.early else None)

    def lose_sight(self) -> None:
        """A connection of the session goes on where the recording ends."""
        self.connections -= 1

    def wonder(self, type_: str, fid: int) -> None:
        """An event came of a type that the contract does not name."""
        self.strange.setdefault(type_, fid)

    def pass_unjudged(self, what: str) -> None:
        """Something came that no rule judges."""
        self.unjudged[what] += 1

    def doubt(self) -> None:
        """Something in it could not be decided."""
        self.undecided = True

    def doubt_parents(self) -> None:
        """It is not sure in which parent what is open began."""
        self.ambiguous_parents = True

    def break_rule(self) -> None:
        """A rule of severity error is violated in it."""
        self.violated = True

    def fail(self) -> None:
        """A rule of severity error could not be validated in it."""
        self.failed = True

    def close(self) -> None:
        """Keep no more than the verdict: there may be very many, one after another."""
        self.over, self.last, self.missed = True, None, None
        self.spans, self.ended, self.tables, self.places, self.early = [], [], [], {}, {}

    def verdict(self, finished: bool) -> Verdict:
        """Violated where a rule of severity error is, an error where one could not be validated."""
        if self.violated:
            return Verdict.VIOLATED
        if self.failed:
            return Verdict.ERROR
        if not finished:
            return Verdict.OK_SO_FAR
        return Verdict.INCONCLUSIVE if self.undecided else Verdict.SATISFIED


class ConnectionState:
    """One connection as the monitors see it."""

    def __init__(self, connection: Connection, session: SessionState) -> None:
        # as the recording tells of it; after its end, with how it ended
        self.info, self.id, self.session = connection, connection.id, session
        self.key = Token(f"connection {connection.id}")
        # what its messages are read by
        self.decoder = "json"
        # from the handshake, or from a first message that names one
        self.user: str | None = connection.user
        # whom what is shown here belongs to: the user, or the session where nobody is known
        self.owner: str | SessionState = session
        if connection.user is not None:
            self.belong_to(connection.user)
        # it continues an earlier connection of the session
        self.resumed = session.last is not None
        # until it has ended
        self.open = True
        # the session's last frame, and the one that is looked at, which becomes the last one
        self.last_frame: int | None = session.last.last_frame if session.last is not None else None
        self.frame = self.last_frame
        # of the rules that have no keys
        self.slice = Slice((), (), self, connection.opened_ns)
        self.spans = session.spans
        self.closing = ClosingHandshake()

    def bind_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Give what generated source reads with every event an attribute of its own: `span0`, `counter0_1`, …"""
        for name, value in attributes.items():
            setattr(self, name, value)

    def be_named(self, user: str) -> None:
        """A message says whose it is, which its handshake did not."""
        self.belong_to(user)
        self.session.name_by_message()

    def belong_to(self, user: str) -> None:
        """It is known whose it is."""
        self.user = self.owner = self.session.user = user

    def look_at(self, fid: int) -> None:
        """A frame comes."""
        self.frame = fid

    def pass_frame(self) -> None:
        """The frame has been looked at."""
        self.last_frame = self.frame

    def read_by(self, decoder: str) -> None:
        """Its messages are read by this decoder."""
        self.decoder = decoder

    def learn(self, connection: Connection) -> None:
        """The recording tells more of it: how it ended."""
        self.info = connection

    def end(self) -> None:
        """Nothing more is awaited of it: it has ended, or goes on where the recording ends."""
        self.open = False
