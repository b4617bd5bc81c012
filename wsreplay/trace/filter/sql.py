"""Nodes become SQL: what of a filter SQLite can decide without handing the frame over.

Each node has two conditions: `upper`, which every match fulfils, and `lower`, which only matches fulfil. Where they are the
same, SQL is exact; a node that SQL cannot speak of is between 1 and 0. Negation swaps them, so that what lies under a `!` is
pushed down too. No condition is ever NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from wsreplay.trace.filter.ast import And, Comparison, Field, Glob, Json, Node, Not, Or, Regex, Text
from wsreplay.trace.filter.context import Context, PathReader
from wsreplay.trace.filter.matching import COMPARE, connections_where, frames_where, key_reader

_COLUMNS = {"dir": "direction", "op": "opcode", "conn": "connection_id", "size": "coalesce(length(payload), 0)", "t": "t_ns"}
_MOST_IDS = 1000
_MOST_STARS = 3
_LONGEST_GLOB = 1000


class Condition(NamedTuple):
    text: str
    parameters: tuple[object, ...] = ()


class Bounds(NamedTuple):
    upper: Condition
    lower: Condition


TRUE, FALSE = Condition("1"), Condition("0")
UNKNOWN = Bounds(TRUE, FALSE)


def where(node: Node, context: Context) -> tuple[str, tuple[object, ...]]:
    """The upper condition and its parameters."""
    return tuple(_bounds(node, context).upper)  # type: ignore[return-value]


def _bounds(node: Node, context: Context) -> Bounds:
    match node:
        case And(parts):
            inner = [_bounds(part, context) for part in parts]
            return Bounds(_all([one.upper for one in inner]), _all([one.lower for one in inner]))
        case Or(parts):
            inner = [_bounds(part, context) for part in parts]
            return Bounds(_any([one.upper for one in inner]), _any([one.lower for one in inner]))
        case Not(part):
            upper, lower = _bounds(part, context)
            return Bounds(_not(lower), _not(upper))
        case Text(needle):
            return _exactly(_contains(needle.encode()) if needle else TRUE)
        case Regex():
            return UNKNOWN
        case Json():
            return Bounds(_json(node), FALSE)
        case Field():
            return _field(node, context)


def _json(node: Json) -> Condition:
    """A value that is text stands in the payload as it is, unless something there is escaped; so do the path's names."""
    literals = [segment for segment in node.path if isinstance(segment, str)]
    if node.op == "=" and isinstance(node.value, str):
        literals.append(node.value)
    elif isinstance(node.value, Glob):
        literals.extend(node.value.parts)
    return _all([_raw_or_escaped(literal) for literal in literals])


def _raw_or_escaped(literal: str) -> Condition:
    try:
        needle = literal.encode()
    except UnicodeEncodeError:
        return TRUE
    return _any([_contains(needle), _contains(b"\\")]) if needle else TRUE


def _contains(needle: bytes) -> Condition:
    return Condition("coalesce(instr(payload, ?), 0) > 0", (needle,))


def _field(node: Field, context: Context) -> Bounds:
    if isinstance(node.value, Glob):
        return _text_field(node.name, node.value, context)
    value, compare = node.value, COMPARE[node.op]
    if node.name == "session":
        return _among("connection_id", connections_where(context.sessions, lambda session: compare(session, value)))
    if node.name == "sev":
        return _among("id", frames_where(context, lambda severity, _: compare(severity, value)))
    return _exactly(_compared(_COLUMNS[node.name], node.op, value))


def _compared(column: str, op: Comparison, value: int) -> Condition:
    return Condition(f"{column} {op} ?", (value,))


def _text_field(name: str, glob: Glob, context: Context) -> Bounds:
    match name:
        case "type":
            return _type(glob)
        case "user":
            ids = connections_where(context.users, lambda user: user is not None and glob.matches(user))
            return _among("connection_id", ids)
        case "rule":
            return _among("id", frames_where(context, lambda _, rule: glob.matches(rule)))
    reader = key_reader(context, name)
    if not isinstance(reader, PathReader):
        return UNKNOWN
    return Bounds(_all([_raw_or_escaped(part) for part in glob.parts]), FALSE)


def _type(glob: Glob) -> Bounds:
    """SQLite reads a GLOB's text up to the first NUL only, and takes exponential time over many stars."""
    if len(glob.parts) == 1:
        return _exactly(Condition("(type IS NOT NULL AND type = ?)", (glob.parts[0],)))
    if not any(glob.parts):
        return _exactly(Condition("type IS NOT NULL"))
    pattern = "*".join(part.replace("[", "[[]").replace("?", "[?]") for part in glob.parts)
    if len(glob.parts) - 1 > _MOST_STARS or len(pattern) > _LONGEST_GLOB or "\0" in pattern:
        return Bounds(Condition("type IS NOT NULL"), FALSE)
    has_nul, fits = "instr(type, char(0)) > 0", "type GLOB ?"
    return Bounds(
        Condition(f"(type IS NOT NULL AND ({fits} OR {has_nul}))", (pattern,)),
        Condition(f"(type IS NOT NULL AND {fits} AND NOT {has_nul})", (pattern,)),
    )


def _among(column: str, ids: Collection[int]) -> Bounds:
    if not ids:
        return _exactly(FALSE)
    ordered = sorted(ids)
    if len(ordered) <= _MOST_IDS:
        return _exactly(Condition(f"{column} IN ({','.join(map(str, ordered))})"))
    return Bounds(Condition(f"{column} BETWEEN ? AND ?", (ordered[0], ordered[-1])), FALSE)


def _exactly(condition: Condition) -> Bounds:
    return Bounds(condition, condition)


def _all(conditions: Sequence[Condition]) -> Condition:
    if FALSE in conditions:
        return FALSE
    return _joined([one for one in conditions if one != TRUE], " AND ", TRUE)


def _any(conditions: Sequence[Condition]) -> Condition:
    if TRUE in conditions:
        return TRUE
    return _joined([one for one in conditions if one != FALSE], " OR ", FALSE)


def _joined(conditions: Sequence[Condition], word: str, empty: Condition) -> Condition:
    if len(conditions) < 2:
        return conditions[0] if conditions else empty
    text = word.join(one.text for one in conditions)
    return Condition(f"({text})", tuple(parameter for one in conditions for parameter in one.parameters))


def _not(condition: Condition) -> Condition:
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return Condition(f"NOT ({condition.text})", condition.parameters)
