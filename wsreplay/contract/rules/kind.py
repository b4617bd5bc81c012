"""What a kind of rule is to the language, and what all kinds have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.schema_parts import JsonSchema, one_or_many, ref

SEVERITIES = ("error", "warning", "info")
COMMON = ("id", "severity", "require_activation", "enabled")

ReadRule = Callable[[Value, Reader], Rule | None]
"""Reads one rule; None where it is not enabled."""
MakeSchema = Callable[[], JsonSchema]
"""Only who asks for the language's schema pays for it."""


@dataclass(frozen=True, slots=True)
class RuleKind:
    """One kind of rule."""

    # what it stands under at the top of a contract
    key: str
    # all rules that stand there
    read: Callable[[Value, Reader], Iterable[Rule | None]]
    # what may stand there, and what makes the definitions that this names
    schema: JsonSchema
    definitions: dict[str, MakeSchema] = field(default_factory=dict)
    # how a contract that extends another changes it: rules by their ids, or a mapping by names, so many levels deep
    by_id: bool = False
    merged: int = 0


def listed_kind(key: str, read: ReadRule, schema: MakeSchema, name: str | None = None) -> RuleKind:
    """A list of rules, each with its id; `name` is that of a rule's definition, if it is not the key."""
    what = name or key

    def read_all(value: Value, reader: Reader) -> Iterable[Rule | None]:
        return [read(rule, reader) for rule in value.sequence("a list of rules")]

    return RuleKind(key, read_all, {"type": "array", "items": ref(what)}, {what: schema}, by_id=True)


def named_kind(key: str, read: ReadRule, schema: MakeSchema) -> RuleKind:
    """One rule, whose id is the kind's name unless it has another, or a list of them."""

    def read_all(value: Value, reader: Reader) -> Iterable[Rule | None]:
        return [read(rule, reader) for rule in value.items()]

    return RuleKind(key, read_all, one_or_many(ref(key)), {key: schema}, by_id=True)


def read_common(value: Value, parts: dict[str, Value], default_id: str | None = None) -> dict[str, Any]:
    """What every rule has: id, place, severity, and whether it has to be activated."""
    name = parts.get("id")
    if name is None and default_id is None:
        value.fail("a rule needs an id")
    return {
        "id": default_id if name is None else name.string("the rule's id"),
        "place": value.place,
        "severity": parts["severity"].choice(SEVERITIES) if "severity" in parts else "error",
        "require_activation": parts["require_activation"].boolean() if "require_activation" in parts else False,
    }


def is_enabled(parts: dict[str, Value]) -> bool:
    """Whether a rule is in force: a contract that extends another can take one away."""
    return parts["enabled"].boolean() if "enabled" in parts else True


def read_field(value: Value, parts: dict[str, Value], reader: Reader) -> Any:
    """The path that a rule looks at."""
    if "field" not in parts:
        value.fail("needs `field`: a path, or envelope.id or envelope.seq")
    return reader.field(parts["field"])
