"""Types that a contract names and that never came: perhaps they are misspelt, or come from the other side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

from wsreplay.contract.decoding import messages_of
from wsreplay.contract.model import Contract, Pattern, Rule
from wsreplay.store.reader import Recording

NEAR = 0.85  # so alike (difflib's ratio) are a type and its misspelling
MOST_COMPARED = 1000  # types that came, among which a similar one is looked for
_SHORTEST = 5  # characters; shorter names resemble each other by chance

EventType = tuple[int, str]
"""A direction, 0 for the client's, and a type."""


class UnseenType(NamedTuple):
    """What a rule waits for in vain. `near` is what came instead, if anything resembles it: with its direction where only that
    is another."""

    rule: Rule
    pattern: Pattern
    near: str | None

    @property
    def name(self) -> str:
        """What the product calls it."""
        return " or ".join(replace(self.pattern, where=()).names())

    def __str__(self) -> str:
        place = self.rule.place
        never = f"{self.name} never came (rule {self.rule.id}, {place.file}:{place.line})"
        if self.near is None:
            return never
        names = self.pattern.product_types or (self.pattern.type,)
        question = "does the other side send it" if self.near.partition(":")[2] in names else "is it misspelt"
        return f"{never}, but {self.near} did: {question}?"


def find_unseen(contract: Contract, seen: Collection[EventType]) -> Iterator[UnseenType]:
    """The types without stars that rules name and of which none came, each once, in the order of the rules.

    `seen` are the contract's names; what resembles a type is looked for, and told, among the product's.
    """
    compared = sorted(seen)[:MOST_COMPARED]
    strange = _called(contract, (event for event in compared if not contract.is_named(*event)))
    called = _called(contract, compared)
    listed = set[tuple[int | None, str]]()
    for rule in contract.rules:
        for pattern in rule.patterns():
            name = pattern.direction, pattern.type
            if pattern.pseudo or pattern.glob or name in listed or any(pattern.fits(*event) for event in seen):
                continue
            listed.add(name)
            yield UnseenType(rule, pattern, _near(pattern, strange, called))


def _called(contract: Contract, events: Iterable[EventType]) -> list[EventType]:
    """The events under the product's names."""
    return [(way, name) for way, type_ in events for name in contract.map.product_names(type_) or (type_,)]


def types_in(recording: Recording, contract: Contract) -> set[EventType]:
    """All types of a recording, under the contract's names."""
    messages = messages_of(recording, contract).messages()
    return {(message.direction, contract.map.name_of(message.type)) for message in messages if message.type is not None}


def _near(pattern: Pattern, strange: Collection[EventType], called: Collection[EventType]) -> str | None:
    names = pattern.product_types or (pattern.type,)
    similar = (_near_strange(name, pattern.direction, strange) or _near_any(name, pattern.direction, called) for name in names)
    return next(filter(None, similar), None)


def _near_strange(name: str, direction: int | None, strange: Collection[EventType]) -> str | None:
    """What no rule names, and either is called the same and came from the other side, or is called nearly the same."""
    for way, type_ in strange:
        if type_ == name:
            return str(Pattern(type_, way))
    close = get_close_matches(name, _from(direction, strange), n=1, cutoff=NEAR)
    return close[0] if close else None


def _near_any(name: str, direction: int | None, seen: Collection[EventType]) -> str | None:
    """What another rule may name rightly: one slip of the hand away."""
    return next((type_ for type_ in _from(direction, seen) if _is_slip(name, type_)), None)


def _from(direction: int | None, events: Collection[EventType]) -> list[str]:
    return [type_ for way, type_ in events if direction in (None, way)]


def _is_slip(a: str, b: str) -> bool:
    """Whether two names differ by one letter that is wrong, is missing or has changed places; not by an ending or a number."""
    a, b = sorted((a, b), key=len)
    at = next((place for place, letters in enumerate(zip(a, b, strict=False)) if letters[0] != letters[1]), len(a))
    if len(a) < _SHORTEST or at == len(a) or b[at].isdigit():
        return False
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])
