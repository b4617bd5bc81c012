"""Which operands of which rules an event type fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wsreplay.contract.model import Declare, Pattern, Patterns
from wsreplay.validator.rules.template import AFTER, UNTIL


def operand_roles(rule: Declare) -> list[tuple[Patterns, int]]:
    """Each pattern set of a rule with the bit that an event gets which fits it."""
    roles = [(operand, 1 << number) for number, operand in enumerate(rule.operands)]
    return [*roles, (rule.after, AFTER), (rule.until, UNTIL)]


@dataclass(frozen=True, slots=True)
class Fit:
    """How an event type fits pattern sets: bits it has for certain, and bits that depend on conditions in the message."""

    certain: int
    conditional: tuple[tuple[Pattern, int], ...]

    def __bool__(self) -> bool:
        return bool(self.certain or self.conditional)


def fit(roles: list[tuple[Patterns, int]], direction: int | None, type_: str) -> Fit:
    certain, conditional = 0, list[tuple[Pattern, int]]()
    for patterns, bit in roles:
        for pattern in patterns:
            if pattern.fits(direction, type_):
                if pattern.where:
                    conditional.append((pattern, bit))
                else:
                    certain |= bit
    return Fit(certain, tuple((pattern, bit) for pattern, bit in conditional if not certain & bit))


def same(found: Any, wanted: tuple[Any, ...]) -> bool:
    """JSON equality with one of the wanted values: true is not 1."""
    return any(found == value and isinstance(found, bool) == isinstance(value, bool) for value in wanted)
