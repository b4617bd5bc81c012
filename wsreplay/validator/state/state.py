"""What the engine remembers of a trace: connections, sessions, slices. Bounded by what is open."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from msgspec import Struct

from wsreplay.model import Connection
from wsreplay.validator.findings import Verdict

if TYPE_CHECKING:
    from wsreplay.validator.rules.spans import SpanMonitor

NEVER = 1 << 62  # a time that no trace reaches

K = TypeVar("K")


def oldest(table: dict[K, Any]) -> list[K]:
    """A tenth of a full table's keys, to be given up together: the more went before, the longer it takes to find the first."""
    return list(islice(table, max(1, len(table) // 10)))


class Token:
    """A key's value that no message can carry: a connection or a session standing in for an id."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Anonymous(Token):
    """The key of an instance that was started without one: it is found by its other key."""

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        super().__init__(str(values))
        self.values = values


class Slice(Struct, eq=False):
    """The events that belong together for some rules. `mask` holds the bits of simple rules, `states` all others by rule.

    One comes into being with every span: a Struct is made, and read, faster than any other object with defaults.
    """

    names: tuple[str, ...]
    key: Any
    conn: ConnectionState
    t: int
    fid: int | None = None
    parent: Slice | None = None
    mask: int = 0
    states: dict[int, Any] | None = None
    explained: dict[str, str] | None = None  # type that is missing → fingerprint of the finding that says so
    held_back: list[dict[str, Any]] | None = None  # findings that wait for how the span ends
    open: bool = True

    @property
    def session(self) -> SessionState:
        return self.conn.session

    def values(self) -> tuple[Any, ...]:
        """Those of its key, one a name."""
        return self.key if self.key.__class__ is tuple else (self.key,)

    @property
    def unread(self) -> Unread:
        return self.parent.unread if self.parent is not None else self.conn.session.unread

    def labels(self) -> tuple[tuple[str, str], ...]:
        """Key names and values, outermost first."""
        own = dict(zip(self.names, map(str, self.values()), strict=True)) if self.names else {}
        above = dict(self.parent.labels()) if self.parent is not None else {}
        return tuple({**above, **own}.items())

    def state(self, rule: int) -> Any:
        return None if self.states is None else self.states.get(rule)

    def set_state(self, rule: int, state: Any) -> None:
        if self.states is None:
            self.states = {}
        self.states[rule] = state

    def explain(self, types: tuple[str, ...], fingerprint: str) -> None:
        """Remember that a finding already says that these types are missing."""
        if self.explained is None:
            self.explained = {}
        for type_ in types:
            self.explained.setdefault(type_, fingerprint)


class UserSlice(Slice, eq=False):
    """One of a rule `across: user`: what could not be read is that of all the user's connections."""

    of_user: Unread | None = None

    @property
    def unread(self) -> Unread:
        return self.of_user or self.conn.session.unread


class Instance(Slice, eq=False):
    """One instance of a span, from its start to its end. Each span has a subclass of its own, which knows its monitor."""

    monitor: ClassVar[SpanMonitor]
    parent: Instance | None = None
    slot: Any = None  # what it stands under in its session's table
    else_key: Any = None
    outer: Instance | None = None  # a run with the same key that this one interrupts
    children: int = 0  # how many are open
    late: int | None = None  # the index of the finding that its deadline made
    parts: dict[int, dict[Any, Slice]] | None = None  # slices of rules that refine the instance by keys
    bound: bool = False  # the server started it, and its keys were found to belong to this user
    begun_unseen: bool = False  # its start did not come, or could not be read: `fid` is another's


class Unread:
    """The last frame that could not be read and its time (ns), by direction: -1 for none, `NEVER` where any may be missing."""

    __slots__ = ("frames", "times")

    def __init__(self) -> None:
        self.frames, self.times = [-1, -1], [-1, -1]

    def add(self, direction: int, fid: int, t: int) -> None:
        if self.frames[direction] != NEVER:
            self.frames[direction], self.times[direction] = fid, t

    def lose(self) -> None:
        """From now on it is not known what is missing."""
        self.frames, self.times = [NEVER, NEVER], [NEVER, NEVER]


class Sequence:
    """The counter of one slice and direction. `unread` messages came while it stood at `unread_at`."""

    __slots__ = ("last", "restart", "unread", "unread_at")

    def __init__(self) -> None:
        self.last: float = float("nan")
        self.restart: float = float("nan")
        self.unread: float = 0
        self.unread_at: float = float("nan")

    def pass_over(self, count: float) -> None:
        """So many messages that may have carried the next numbers could not be read."""
        if self.unread_at != self.last:
            self.unread_at, self.unread = self.last, 0
        self.unread += count

    @property
    def passed_over(self) -> float:
        """How many numbers may have been in what could not be read."""
        return self.unread if self.unread_at == self.last or self.unread == float("inf") else 0


class Seen:
    """Values of a slice: at least the last `keep` of them."""

    __slots__ = ("now", "old", "t")

    def __init__(self, t: int) -> None:
        self.now: dict[Any, int] = {}
        self.old: dict[Any, int] = {}
        self.t = t


class Ended:
    """The last keys whose instances have ended, with the frame and the name of the end: tells "too late" from "too early"."""

    __slots__ = ("now", "old")
    keep = 128

    def __init__(self) -> None:
        self.now: dict[Any, tuple[int, str]] = {}
        self.old: dict[Any, tuple[int, str]] = {}

    def add(self, key: Any, end: tuple[int, str]) -> None:
        self.now[key] = end
        if len(self.now) >= self.keep:
            self.rotate()

    def rotate(self) -> None:
        self.old, self.now = self.now, {}

    def get(self, key: Any) -> tuple[int, str] | None:
        found = self.now.get(key)
        return self.old.get(key) if found is None else found


class SessionState:
    """A connection with its reconnects."""

    def __init__(self, id: int, spans: int, tables: int, sequences: int, uniques: int) -> None:
        self.id, self.key = id, Token(f"session {id}")
        self.connections = 0  # open ones
        self.last: ConnectionState | None = None
        self.ended_ns = 0
        self.over = False
        self.spans: list[dict[Any, Instance]] = [{} for _ in range(spans)]
        self.ended = [Ended() for _ in range(spans)]
        self.tables: list[dict[Any, Slice]] = [{} for _ in range(tables)]
        self.sequences: list[dict[Any, tuple[Sequence, Sequence]]] = [{} for _ in range(sequences)]
        self.uniques: list[dict[Any, Seen]] = [{} for _ in range(uniques)]
        self.ids = Seen(0)
        self.unread = Unread()
        self.tangled = False  # something may be open that began in a parent before the one that is open now
        self.unknown: set[tuple[int, str]] = set()
        self.violated = self.undecided = False

    def close(self) -> None:
        """Keep no more than the verdict: there may be very many, one after another."""
        self.over, self.last = True, None
        self.spans, self.ended, self.tables, self.sequences, self.uniques = [], [], [], [], []
        self.ids = Seen(0)

    def verdict(self, finished: bool) -> Verdict:
        """Violated where a rule of severity error is."""
        if self.violated:
            return Verdict.VIOLATED
        if not finished:
            return Verdict.OK_SO_FAR
        return Verdict.INCONCLUSIVE if self.undecided else Verdict.SATISFIED


class Clock:
    """When something is next to be decided: no event later than `due` (ns) may be looked at before that."""

    __slots__ = ("due",)

    def __init__(self) -> None:
        self.due = NEVER

    def at(self, due: int) -> None:
        if due < self.due:
            self.due = due


class Latency:
    """Of one connection, in ns: the smallest difference of received and sent, the largest in time, and the last time sent."""

    __slots__ = ("high", "low", "sent")

    def __init__(self) -> None:
        self.low, self.high, self.sent = float("inf"), float("-inf"), float("-inf")


class ConnectionState:
    """One connection as the monitors see it."""

    def __init__(self, connection: Connection, session: SessionState, latencies: int) -> None:
        self.info, self.id, self.session = connection, connection.id, session
        self.key = Token(f"connection {connection.id}")
        self.user: str | None = connection.user
        self.resumed = False
        self.open = True
        self.slice = Slice((), (), self, connection.opened_ns)
        self.spans = session.spans
        self.uniques = session.uniques
        self.sequences: list[tuple[Sequence, Sequence]] = []
        self.latencies = [Latency() for _ in range(latencies)]

    def spread(self) -> None:
        """Give what generated source reads with every event an attribute of its own: `span0`, `counter0_1`, …"""
        for number, table in enumerate(self.spans):
            setattr(self, f"span{number}", table)
        for number, seen in enumerate(self.uniques):
            setattr(self, f"unique{number}", seen)
        for number, state in enumerate(self.latencies):
            setattr(self, f"latency{number}", state)
        for number, pair in enumerate(self.sequences):
            for direction, counter in enumerate(pair):
                setattr(self, f"counter{number}_{direction}", counter)
