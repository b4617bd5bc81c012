"""The parts that rules are made of: event patterns, keys, fields, durations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fastjsonschema

from wsreplay.contract import paths
from wsreplay.contract.conditions import KEYWORDS, ValueGlob, schema_of
from wsreplay.contract.document import Value, suggestion
from wsreplay.contract.model import CONNECTION_SOURCES, PSEUDO_EVENTS, Envelope, Key, Pattern, Patterns, parse_pattern
from wsreplay.units import parse_duration


def duration_ns(value: Value) -> int:
    """A duration in nanoseconds. A number without its unit is not taken for seconds."""
    if not isinstance(value.data, str):
        value.fail(f"expected a duration such as 100ms or 2s, found {value.data!r}")
    try:
        return parse_duration(value.data, bare=False)
    except ValueError as error:
        value.fail(str(error))


class Reader:
    """Reads the parts that rules are made of; knows the contract's keys and envelope, and the names of its spans."""

    def __init__(
        self, keys: dict[str, Key], envelope: Envelope, spans: Sequence[str], run_keys: Sequence[str] = ()
    ) -> None:
        self.keys, self.envelope, self.spans = keys, envelope, spans
        # those that tell runs apart, the widest first
        self.run_keys = run_keys

    def patterns(self, value: Value) -> Patterns:
        """One pattern, or a list of which any may fit."""
        patterns = tuple(self.pattern(item) for item in value.items())
        if not patterns:
            value.fail("expected an event pattern, found an empty list")
        return patterns

    def pattern(self, value: Value) -> Pattern:
        """An event pattern, as text or with conditions: `{event: …, where: …}`. Raises ContractError."""
        if isinstance(value.data, dict):
            parts = value.mapping(("event", "where"))
            if "event" not in parts:
                value.fail("a pattern with conditions needs its `event`")
            base = self.pattern(parts["event"])
            return Pattern(base.type, base.direction, self._where(parts["where"]) if "where" in parts else ())
        if isinstance(value.data, int) and not isinstance(value.data, bool):
            return Pattern(str(value.data))
        text = value.string("an event pattern such as agent_started or s2c:chat*")
        pattern = parse_pattern(text)
        if not pattern.type:
            value.fail(f"expected a type after {text!r}")
        if pattern.type.startswith("ws."):
            self._pseudo(value, pattern.type, pattern.direction)
        return pattern

    @staticmethod
    def _pseudo(value: Value, type_: str, direction: int | None) -> None:
        if type_ not in PSEUDO_EVENTS:
            value.fail(f"unknown pseudo-event {type_!r}{suggestion(type_, PSEUDO_EVENTS)}")
        if direction is not None:
            value.fail(f"{type_} has no direction")

    def _where(self, value: Value) -> tuple[tuple[paths.Path, tuple[Any, ...]], ...]:
        conditions = []
        for text, wanted in value.mapping(None, "conditions such as {$.status: done}").items():
            values = tuple(_condition(item) for item in wanted.items())
            conditions.append((path_of(Value(text, value.key_places[text])), values))
        return tuple(conditions)

    def key(self, value: Value) -> str:
        """One of the contract's keys, or of `conn.id`, `conn.user`, `conn.session`. Raises ContractError."""
        return value.choice([*self.keys, *CONNECTION_SOURCES])

    def key_list(self, value: Value) -> tuple[str, ...]:
        """One key, or a list of them, outermost first. Raises ContractError."""
        keys = tuple(self.key(item) for item in value.items())
        if not keys:
            value.fail("expected at least one key")
        return keys

    def field(self, value: Value) -> paths.Path:
        """`envelope.id`, or a path."""
        text = value.string("a path such as $.seq, or envelope.seq")
        if not text.startswith("envelope."):
            return path_of(value)
        name = text.removeprefix("envelope.")
        parts = {"type": self.envelope.type, "sent": self.envelope.sent, "seq": self.envelope.seq, "id": self.envelope.id}
        path = parts.get(name)
        if path is None:
            value.fail(f"the envelope does not define {name!r}{suggestion(name, [key for key, path in parts.items() if path])}")
        return path


def _condition(value: Value) -> Any:
    """What a value is compared with: itself, a glob, or keywords of JSON Schema."""
    if isinstance(value.data, dict):
        if not value.mapping(KEYWORDS, "keywords of JSON Schema"):
            value.fail("expected at least one keyword of JSON Schema, such as {minimum: 1}")
        try:
            return schema_of(value.plain())
        except (fastjsonschema.JsonSchemaDefinitionException, TypeError, ValueError, KeyError, AttributeError) as error:
            value.fail(f"not a JSON Schema: {error}")
    if isinstance(value.data, list):
        value.fail(
            "a condition compares with text, a number, true, false, null, keywords of JSON Schema, or a list of these"
        )
    return ValueGlob(value.data) if isinstance(value.data, str) and "*" in value.data else value.data


def path_of(value: Value) -> paths.Path:
    """A path into a message, such as `$.thread_id`. Raises ContractError."""
    try:
        return paths.parse(value.string("a path such as $.thread_id"))
    except paths.PathError as error:
        value.fail(str(error))
