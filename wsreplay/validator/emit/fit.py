"""How an event type fits the patterns of a rule: known for all events of a type, or left to conditions in each message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wsreplay.contract.model import Pattern, Patterns

Roles = list[tuple[Patterns, int]]
"""Each pattern set of a rule with the bit that an event gets which fits it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Bits that an event type has for certain, and bits that depend on conditions in the message."""

    certain: int
    conditional: tuple[tuple[Pattern, int], ...]

    def __bool__(self) -> bool:
        return bool(self.certain or self.conditional)


_NO_FIT = Fit(0, ())


def fit(roles: Roles, direction: int | None, type_: str) -> Fit:
    """Which bits an event of this direction (None: a pseudo-event) and type has."""
    certain, conditional = 0, list[tuple[Pattern, int]]()
    for patterns, bit in roles:
        for pattern in patterns:
            if pattern.fits(direction, type_):
                if pattern.where:
                    conditional.append((pattern, bit))
                else:
                    certain |= bit
    if not certain and not conditional:
        return _NO_FIT
    return Fit(certain, tuple((pattern, bit) for pattern, bit in conditional if not certain & bit))


def fit_any(patterns: Iterable[Pattern], direction: int | None, type_: str) -> Fit:
    """The same for one pattern set, with bit 1."""
    return fit([(tuple(patterns), 1)], direction, type_)
