"""Nodes become a predicate over frames: the exact meaning of a filter."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import orjson

from wsreplay.model import Frame
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.filter.ast import And, Comparison, Field, Glob, Json, JsonValue, Node, Not, Or, Regex, Text
from wsreplay.trace.filter.context import Context, DecodedReader, KeyReader
from wsreplay.trace.regex import compile_pattern

Predicate = Callable[[Frame], bool]

COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    "=": operator.eq, ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
}  # fmt: skip


class _Documents:
    """The JSON documents of a frame, decoded once, however many paths of a filter look into them."""

    def __init__(self, reader: DecodedReader | None) -> None:
        self._reader = reader
        # The frame that was asked for last, and its documents.
        self._last: tuple[Frame | None, tuple[Any, ...]] = (None, ())

    def __call__(self, frame: Frame) -> tuple[Any, ...]:
        known, documents = self._last
        if known is not frame:
            documents = self._read(frame)
            self._last = (frame, documents)
        return documents

    def _read(self, frame: Frame) -> tuple[Any, ...]:
        if self._reader is not None:
            return self._reader.documents(frame)
        try:
            return (orjson.loads(frame.payload),) if frame.payload else ()
        except orjson.JSONDecodeError:
            return ()


def predicate(node: Node, context: Context) -> Predicate:
    """What a filter says of one frame: the answer that its SQL leaves open."""
    return _compile(node, context, _Documents(context.reader))


def _compile(node: Node, context: Context, documents: _Documents) -> Predicate:
    match node:
        case And(parts):
            every = [_compile(part, context, documents) for part in parts]
            return lambda frame: all(predicate(frame) for predicate in every)
        case Or(parts):
            some = [_compile(part, context, documents) for part in parts]
            return lambda frame: any(predicate(frame) for predicate in some)
        case Not(part):
            inner = _compile(part, context, documents)
            return lambda frame: not inner(frame)
        case Text(needle):
            wanted = needle.encode()
            return lambda frame: wanted in (frame.payload or b"")
        case Regex(pattern, ignore_case):
            search = compile_pattern(pattern, ignore_case=ignore_case)
            return lambda frame: search(frame.payload or b"") is not None
        case Json(path, op, value):
            holds = _json_test(op, value)
            return lambda frame: any(holds(paths.get(document, path)) for document in documents(frame))
        case Field():
            return _field(node, context, documents)


def _json_test(op: Comparison | None, wanted: JsonValue) -> Callable[[Any], bool]:
    if op is None:
        return lambda value: value is not paths.MISSING
    if isinstance(wanted, Glob):
        glob = wanted
        return lambda value: isinstance(value, str) and glob.matches(value)
    compare = COMPARE[op]
    if wanted is None or isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, str):
        return lambda value: isinstance(value, str) and compare(value, wanted)
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and compare(value, wanted)


def _field(node: Field, context: Context, documents: _Documents) -> Predicate:
    compare, value = COMPARE[node.op], node.value
    if isinstance(value, Glob):
        return _text_field(node.name, value, context, documents)
    match node.name:
        case "dir":
            return lambda frame: frame.direction == value
        case "op":
            return lambda frame: frame.opcode == value
        case "conn":
            return lambda frame: compare(frame.connection_id, value)
        case "session":
            connections = connections_where(context.sessions, lambda session: compare(session, value))
            return lambda frame: frame.connection_id in connections
        case "size":
            return lambda frame: compare(len(frame.payload or b""), value)
        case "t":
            return lambda frame: compare(frame.t_ns, value)
        case "sev":
            return _in(frames_where(context, lambda severity, _: compare(severity, value)))
    raise AssertionError(node)


def _text_field(name: str, glob: Glob, context: Context, documents: _Documents) -> Predicate:
    matches = glob.matches
    match name:
        case "type":
            if (reader := context.reader) is not None:
                return lambda frame: any(map(matches, reader.types(frame)))
            return lambda frame: frame.type is not None and matches(frame.type)
        case "user":
            connections = connections_where(context.users, lambda user: user is not None and matches(user))
            return lambda frame: frame.connection_id in connections
        case "rule":
            return _in(frames_where(context, lambda _, rule: matches(rule)))
        case "thread" | "run":
            read = key_reader(context, name)
            return lambda frame: any((key := read(document)) is not None and matches(key) for document in documents(frame))
    raise AssertionError(name)


def key_reader(context: Context, name: str) -> KeyReader:
    """What finds the `thread` or the `run` of a document."""
    return context.thread if name == "thread" else context.run


def connections_where(known: Any, holds: Callable[[Any], bool]) -> frozenset[int]:
    """The ids of the connections whose value, out of some by id, is as asked for."""
    return frozenset(connection for connection, value in known.items() if holds(value))


def frames_where(context: Context, holds: Callable[[int, str], bool]) -> frozenset[int]:
    """The ids of the frames with a finding whose severity and rule are as asked for."""
    return frozenset(
        frame_id
        for frame_id, judgements in context.judged.items()
        if any(holds(severity, rule) for severity, rule in judgements)
    )


def _in(frames: frozenset[int]) -> Predicate:
    return lambda frame: frame.id in frames
