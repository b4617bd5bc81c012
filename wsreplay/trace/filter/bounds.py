"""Nodes become conditions of the store: what of a filter SQLite can decide without handing the frame over.

Each node has two conditions: `upper`, which every match fulfils, and `lower`, which only matches fulfil. Where they are the
same, SQL is exact; a node that SQL cannot speak of is between 1 and 0. Negation swaps them, so that what lies under a `!` is
pushed down too.
"""

from __future__ import annotations

from wsreplay.store.condition import (
    FALSE,
    TRUE,
    UNTYPED,
    Bounds,
    Condition,
    all_of,
    any_of,
    compare,
    contains,
    exactly,
    has_type,
    is_among,
    negate,
)
from wsreplay.trace.filter.ast import And, Field, Glob, Json, Node, Not, Or, Regex, Text
from wsreplay.trace.filter.context import Context, PathReader
from wsreplay.trace.filter.matching import COMPARE, connections_where, frames_where, key_reader

_FRAME_FIELDS = {"dir": "direction", "op": "opcode", "conn": "connection_id", "size": "size", "t": "t_ns"}
UNKNOWN = Bounds(TRUE, FALSE)


def where(node: Node, context: Context) -> Condition:
    """A condition that every match fulfils."""
    return _bounds(node, context).upper


def _bounds(node: Node, context: Context) -> Bounds:
    match node:
        case And(parts):
            inner = [_bounds(part, context) for part in parts]
            return Bounds(all_of([bounds.upper for bounds in inner]), all_of([bounds.lower for bounds in inner]))
        case Or(parts):
            inner = [_bounds(part, context) for part in parts]
            return Bounds(any_of([bounds.upper for bounds in inner]), any_of([bounds.lower for bounds in inner]))
        case Not(part):
            upper, lower = _bounds(part, context)
            return Bounds(negate(lower), negate(upper))
        case Text(needle):
            return exactly(contains(needle.encode()))
        case Regex():
            return UNKNOWN
        case Json():
            return _unless_decoded(Bounds(_json(node), FALSE), _decoded(context))
        case Field():
            return _field(node, context)


def _json(node: Json) -> Condition:
    """A value that is text stands in the payload as it is, unless something there is escaped; so do the path's names."""
    literals = [segment for segment in node.path if isinstance(segment, str)]
    if node.op == "=" and isinstance(node.value, str):
        literals.append(node.value)
    elif isinstance(node.value, Glob):
        literals.extend(node.value.parts)
    return all_of([_raw_or_escaped(literal) for literal in literals])


def _raw_or_escaped(literal: str) -> Condition:
    try:
        needle = literal.encode()
    except UnicodeEncodeError:
        return TRUE
    return any_of([contains(needle), contains(b"\\")]) if needle else TRUE


def _field(node: Field, context: Context) -> Bounds:
    if isinstance(node.value, Glob):
        return _text_field(node.name, node.value, context)
    value, holds = node.value, COMPARE[node.op]
    if node.name == "session":
        return is_among("connection_id", connections_where(context.sessions, lambda session: holds(session, value)))
    if node.name == "sev":
        return is_among("id", frames_where(context, lambda severity, _: holds(severity, value)))
    return exactly(compare(_FRAME_FIELDS[node.name], node.op, value))


def _text_field(name: str, glob: Glob, context: Context) -> Bounds:
    match name:
        case "type":
            elsewhere = _decoded(context) if context.reader is None else any_of([_decoded(context), UNTYPED])
            return _unless_decoded(has_type(glob.parts), elsewhere)
        case "user":
            ids = connections_where(context.users, lambda user: user is not None and glob.matches(user))
            return is_among("connection_id", ids)
        case "rule":
            return is_among("id", frames_where(context, lambda _, rule: glob.matches(rule)))
    reader = key_reader(context, name)
    if not isinstance(reader, PathReader):
        return UNKNOWN
    return _unless_decoded(Bounds(all_of([_raw_or_escaped(part) for part in glob.parts]), FALSE), _decoded(context))


def _decoded(context: Context) -> Condition:
    """The connections of whose messages the store knows nothing, since they are not plain JSON."""
    return FALSE if context.reader is None else is_among("connection_id", context.reader.decoded).upper


def _unless_decoded(bounds: Bounds, elsewhere: Condition) -> Bounds:
    """Bounds that hold but for some frames, which have to be read."""
    return Bounds(any_of([bounds.upper, elsewhere]), all_of([bounds.lower, negate(elsewhere)]))
