"""Conditions over the frames of a recording, for `paging.frames_where`. None of them is ever NULL, so each can be negated."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Collection, Sequence
from typing import NamedTuple

_EXPRESSIONS = {
    "connection_id": "connection_id", "direction": "direction", "id": "id", "opcode": "opcode", "t_ns": "t_ns",
    "size": "coalesce(length(payload), 0)",
}  # fmt: skip
_OPERATORS = frozenset(("=", "<", "<=", ">", ">="))
_MOST_IDS = 1000
_MOST_STARS = 3
_LONGEST_GLOB = 1000


class Condition(NamedTuple):
    """SQL, and the parameters that it takes in order."""

    text: str
    parameters: tuple[object, ...] = ()


class Bounds(NamedTuple):
    """What is known of a condition that SQL cannot say: it implies `upper`, and `lower` implies it."""

    upper: Condition
    lower: Condition


TRUE, FALSE = Condition("1"), Condition("0")
HAS_TYPE = Condition("type IS NOT NULL")
# Messages for whose event, if they are any, no type was recorded.
UNTYPED = Condition("(type IS NULL AND opcode <= 2)")


def exactly(condition: Condition) -> Bounds:
    """The bounds of what SQL can say."""
    return Bounds(condition, condition)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """What fulfils each of these; everything where there are none."""
    if FALSE in conditions:
        return FALSE
    return _joined([condition for condition in conditions if condition != TRUE], " AND ", TRUE)


def any_of(conditions: Sequence[Condition]) -> Condition:
    """What fulfils one of these; nothing where there are none."""
    if TRUE in conditions:
        return TRUE
    return _joined([condition for condition in conditions if condition != FALSE], " OR ", FALSE)


def negate(condition: Condition) -> Condition:
    """What does not fulfil it."""
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return Condition(f"NOT ({condition.text})", condition.parameters)


def compare(field: str, operator: str, value: int) -> Condition:
    """A field of `Frame` that is a number, or `size` (the payload's, in bytes), beside a value. `operator` is SQL's."""
    if operator not in _OPERATORS:
        raise ValueError(f"{operator!r} is not a comparison")
    return Condition(f"{_EXPRESSIONS[field]} {operator} ?", (value,))


def contains(needle: bytes) -> Condition:
    """Frames whose payload, as it was sent, holds some bytes."""
    return Condition("coalesce(instr(payload, ?), 0) > 0", (needle,)) if needle else TRUE


def is_among(field: str, values: Collection[int]) -> Bounds:
    """Frames whose field is one of some numbers; of very many only the ends are compared."""
    if not values:
        return exactly(FALSE)
    column, ordered = _EXPRESSIONS[field], sorted(values)
    if len(ordered) <= _MOST_IDS:
        return exactly(Condition(f"{column} IN ({','.join(map(str, ordered))})"))
    return Bounds(Condition(f"{column} BETWEEN ? AND ?", (ordered[0], ordered[-1])), FALSE)


def of_connections(connections: Sequence[int]) -> Condition:
    """The frames of some connections, read in the order of ids: the index over connections is not used."""
    return Condition(f"+connection_id IN ({','.join('?' * len(connections))})", tuple(connections))


def has_type(parts: Sequence[str]) -> Bounds:
    """Frames with an event type that consists of these texts with anything between them.

    SQLite reads a GLOB's text up to the first NUL only, and takes exponential time over many stars.
    """
    if len(parts) == 1:
        return exactly(Condition("(type IS NOT NULL AND type = ?)", (parts[0],)))
    if not any(parts):
        return exactly(HAS_TYPE)
    pattern = "*".join(part.replace("[", "[[]").replace("?", "[?]") for part in parts)
    if len(parts) - 1 > _MOST_STARS or len(pattern) > _LONGEST_GLOB or "\0" in pattern:
        return Bounds(HAS_TYPE, FALSE)
    has_nul, fits = "instr(type, char(0)) > 0", "type GLOB ?"
    return Bounds(
        Condition(f"(type IS NOT NULL AND ({fits} OR {has_nul}))", (pattern,)),
        Condition(f"(type IS NOT NULL AND {fits} AND NOT {has_nul})", (pattern,)),
    )


def _joined(conditions: Sequence[Condition], word: str, empty: Condition) -> Condition:
    if len(conditions) < 2:
        return conditions[0] if conditions else empty
    text = word.join(condition.text for condition in conditions)
    return Condition(f"({text})", tuple(parameter for condition in conditions for parameter in condition.parameters))
