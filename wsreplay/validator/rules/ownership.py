"""Who owns an id, and who else was shown it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from wsreplay.validator.reporting import Reported
from wsreplay.validator.state.state import SessionState
from wsreplay.validator.state.trace_event import MessageEvent

MOST_IDS = 200_000  # of one key, or of what one rule has told of
KEEP_ENDED_IDS = 10_000  # of one key, in each generation


class Leak(Struct, eq=False):
    """What was shown of one id on one connection: the first event, and how many there were."""

    first: MessageEvent
    # the session's last frame before it
    after: int | None
    count: int = 0
    # the finding that says so; None while it is none
    reported: Reported | None = None

    def add(self) -> None:
        """One more event."""
        self.count += 1

    def report(self, reported: Reported) -> None:
        """It is a finding now."""
        self.reported = reported


class Binding(Struct, eq=False, gc=False):
    """Who owns an id, since which frame, and when it was last seen.

    An owner is a user's name, or the session of one who is unknown.
    """

    owner: Any
    fid: int
    t: int
    # a client, or what belongs to one, named it
    asked: bool = False
    # further owners, who asked in it too
    others: set[Any] | None = None
    # connections that were shown it, by id, as far as they may have to be told of
    shown: dict[int, Leak] | None = None
    # what it names has ended
    ended: bool = False

    def touch(self, t: int) -> None:
        """It is in use."""
        self.t = t

    def pass_to(self, owner: Any, fid: int, asked: bool) -> None:
        """It belongs to somebody else from here on."""
        self.owner, self.fid, self.asked, self.ended = owner, fid, asked, False

    def ask(self) -> None:
        """Its owner's client named it."""
        self.asked = True

    def share_with(self, owner: Any) -> None:
        """Somebody else asks in it, too."""
        self.others = {owner} if self.others is None else self.others | {owner}

    def is_of(self, owner: Any) -> bool:
        """Whether it belongs to this owner, maybe among others."""
        if self.owner == owner or (self.others is not None and owner in self.others):
            return True
        return isinstance(self.owner, SessionState) and self.owner.user is not None and self.owner.user == owner

    def view(self, event: MessageEvent) -> Leak:
        """It was shown on a connection once more."""
        if self.shown is None:
            self.shown = {}
        leak = self.shown.get(event.conn.id)
        if leak is None:
            leak = self.shown[event.conn.id] = Leak(event, event.conn.last_frame)
        leak.add()
        return leak


class EndedIds:
    """The ids of one key whose spans have ended, in two generations: when the new one is full, the old one is given up."""

    __slots__ = ("now", "old")

    def __init__(self) -> None:
        # those that ended last, and as many that ended before them
        self.now: list[Any] = []
        self.old: list[Any] = []

    def add(self, value: Any) -> bool:
        """An id has ended. Whether the new generation is full now."""
        self.now.append(value)
        return len(self.now) >= KEEP_ENDED_IDS

    def rotate(self, table: dict[Any, Binding]) -> int:
        """Give up what is in the old generation and still ended; how many ids those were."""
        ended = [value for value in dict.fromkeys(self.old) if (binding := table.get(value)) is not None and binding.ended]
        for value in ended:
            del table[value]
        self.old, self.now = self.now, []
        return len(ended)


def may_be_the_same(owner: Any, other: Any) -> bool:
    """Whether two unknown users may be one who came again: the session of the first is over."""
    return isinstance(owner, SessionState) and isinstance(other, SessionState) and owner.over and owner.user is None


def ids_in(path: str) -> frozenset[str]:
    """What a URL may name: its path's segments and its query's values."""
    plain, _, query = path.partition("?")
    values = [value for _, value in parse_qsl(query)]
    return frozenset([*(unquote(segment) for segment in plain.split("/") if segment), *values])
