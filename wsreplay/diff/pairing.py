"""Which session of one recording is which of another, and by what that is known.

What both have in common decides, the surest first: the user, the ids of threads, what the client said, the ids of runs. Then
the sessions of a user are paired in the order in which they began, if there are as many in both recordings; all others by the
types of their messages, and what is left in its order. A user or thread that is in both recordings is not paired with another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from wsreplay.contract.identities import Id
from wsreplay.diff.align import align_all
from wsreplay.diff.conversation import OPEN, ComparedSession
from wsreplay.model import Ending
from wsreplay.trace.sessions import plain_path

NAMED, ONLY = "named", "only"
USER, CLIENT, TYPES, ORDER = "user", "client_messages", "types", "order"
_WORDS = {CLIENT: "what the client said", TYPES: "the types of their messages"}
_WHOLE: dict[tuple[str, ...], str] = {
    (NAMED,): "as they were named", (ONLY,): "as the only ones", (ORDER,): "by their order only",
}  # fmt: skip


class SessionPair(NamedTuple):
    """Indexes of two sessions, and what they have in common by which they were paired: `USER`, `CLIENT`, `TYPES`, `ORDER`, or
    a kind of id, such as `thread`; else `NAMED` by whoever compares them, or the `ONLY` ones."""

    a: int
    b: int
    by: tuple[str, ...]


def pairing_text(by: tuple[str, ...]) -> str:
    """`paired by user and thread`"""
    names = [_WORDS.get(name, name) for name in by]
    text = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"paired {_WHOLE.get(by, f'by {text}')}"


def pair_sessions(a: Sequence[ComparedSession], b: Sequence[ComparedSession], levels: Sequence[str]) -> list[SessionPair]:
    """The pairs, in the order of a. `levels` are the kinds of ids that tell slices apart, outermost first."""
    pairing = _SessionPairing([_Traits(talk) for talk in a], [_Traits(talk) for talk in b], levels)
    pairing.pair_all()
    pairs = sorted(pairing.pairs)
    return [pair._replace(by=(ONLY,)) if pair.by == (ORDER,) else pair for pair in pairs] if len(a) == len(b) == 1 else pairs


class _Traits:
    """What may tell a session from others."""

    def __init__(self, talk: ComparedSession) -> None:
        session = talk.session
        self.user, self.path, self.is_refused = session.user, plain_path(session.path), session.ending is Ending.REFUSED
        self.types = 0  # a digest of the types that came, in their order
        self.client: int | None = None  # of what the client said; None where it said nothing
        # the ids of each kind that tell slices apart, in the order in which they came
        self.ids: defaultdict[str, dict[Id, None]] = defaultdict(dict)
        for message in talk.said:
            self.types = hash((self.types, message.direction, message.name))
            if message.direction == 0 and message.name != OPEN:
                self.client = hash((self.client, message.name, message.content))
            for level, value in message.chain:
                self.ids[level][value] = None


_Key = Callable[[_Traits], Hashable]
_Group = tuple[list[int], list[int]]
"""Indexes of sessions of a, and of b."""
_Taken = tuple[set[int], set[int]]


class _SessionPairing:
    def __init__(self, a: Sequence[_Traits], b: Sequence[_Traits], levels: Sequence[str]) -> None:
        self._sides, self._levels = (a, b), levels
        self._users = {traits.user for traits in a} & {traits.user for traits in b} - {None}
        # the outermost ids that both recordings have, each with the user who is in both
        self._met = self._outer_ids(a) & self._outer_ids(b)
        self.pairs: list[SessionPair] = []

    def pair_all(self) -> None:
        for of_users in (True, False):
            for place in (_path_of, _anywhere):
                self._pair_groups(place, of_users=of_users)

    def _known(self, traits: _Traits) -> str | None:
        """The session's user, if that is in both recordings."""
        return traits.user if traits.user in self._users else None

    def _outer_ids(self, side: Sequence[_Traits]) -> set[tuple[str | None, Id]]:
        levels = self._levels[:1]
        return {(self._known(traits), value) for traits in side for level in levels for value in traits.ids[level]}

    def _pair_groups(self, place: _Key, *, of_users: bool) -> None:
        """Pair sessions at the same place: of each user who is in both recordings, or all others."""
        groups: dict[Hashable, _Group] = {}
        for side, traits_of in enumerate(self._sides):
            paired = {pair[side] for pair in self.pairs}
            for index, traits in enumerate(traits_of):
                user = self._known(traits)
                if index not in paired and (user is not None) == of_users:
                    groups.setdefault((user, place(traits)), ([], []))[side].append(index)
        for group in groups.values():
            self._pair_group(group, (USER,) if of_users else ())

    def _pair_group(self, group: _Group, by: tuple[str, ...]) -> None:
        """Pair as many sessions as there are in both, but for those of threads that have no session left."""
        for level in self._levels[:1]:
            left, right = self._pair_by_ids(level, group, by)
            group = self._without_met(0, left), self._without_met(1, right)
        group = self._pair_equal(_client_of, group, (*by, CLIENT))
        for level in self._levels[1:2]:
            group = self._pair_by_ids(level, group, by)
        self._pair_alike(group, by)

    def _without_met(self, side: int, indexes: list[int]) -> list[int]:
        """Those whose thread the other recording does not have."""
        own = ((index, self._outer_ids([self._sides[side][index]])) for index in indexes)
        return [index for index, ids in own if ids.isdisjoint(self._met)]

    def _pair_by_ids(self, level: str, group: _Group, by: tuple[str, ...]) -> _Group:
        """Pair those with most ids of a kind in common that no other session of the group has, then those that share one."""
        owners: tuple[dict[Id, list[int]], dict[Id, list[int]]] = ({}, {})
        for side in (0, 1):
            for index in group[side]:
                for value in self._sides[side][index].ids[level]:
                    owners[side].setdefault(value, []).append(index)
        shared = [(owners[0][value], owners[1][value]) for value in owners[0] if value in owners[1]]
        votes = Counter((left[0], right[0]) for left, right in shared if len(left) == len(right) == 1)
        taken: tuple[set[int], set[int]] = (set(), set())
        for i, j in sorted(votes, key=lambda pair: (-votes[pair], pair)):
            if i not in taken[0] and j not in taken[1]:
                self._enter(i, j, (*by, level), taken)
        for sharing in shared:
            if max(map(len, sharing)) > 1:
                self._pair_alike(self._rest(sharing, taken), (*by, level), taken)
        return self._rest(group, taken)

    def _pair_alike(self, group: _Group, by: tuple[str, ...], taken: _Taken | None = None) -> None:
        """Pair what no id tells apart."""
        group = self._pair_equal(_client_of, group, (*by, CLIENT), taken)
        if not by or len(group[0]) != len(group[1]):
            group = self._pair_equal(_types_of, group, (*by, TYPES), taken)
        self._pair_equal(_anything, group, (*by, ORDER), taken)

    def _pair_equal(self, trait: _Key, group: _Group, by: tuple[str, ...], taken: _Taken | None = None) -> _Group:
        """Pair those with an equal trait, in their order where that goes; those whose trait is None are left."""
        known = [[index for index in group[side] if trait(self._sides[side][index]) is not None] for side in (0, 1)]
        columns = [[trait(self._sides[side][index]) for index in known[side]] for side in (0, 1)]
        taken = taken if taken is not None else (set(), set())
        for left, right in align_all((((columns[0], columns[1]),),)):
            self._enter(known[0][left], known[1][right], by, taken)
        return self._rest(group, taken)

    def _enter(self, i: int, j: int, by: tuple[str, ...], taken: _Taken) -> None:
        self.pairs.append(SessionPair(i, j, by))
        taken[0].add(i)
        taken[1].add(j)

    @staticmethod
    def _rest(group: _Group, taken: _Taken) -> _Group:
        left, right = ([index for index in group[side] if index not in taken[side]] for side in (0, 1))
        return left, right


def _path_of(traits: _Traits) -> Hashable:
    return traits.is_refused, traits.path


def _anywhere(traits: _Traits) -> Hashable:
    return traits.is_refused


def _client_of(traits: _Traits) -> Hashable:
    return traits.client


def _types_of(traits: _Traits) -> Hashable:
    return traits.types


def _anything(_traits: _Traits) -> Hashable:
    return True
