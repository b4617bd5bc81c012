"""In what a rule looks: a span, keys, a user's sessions, from one event until another."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.document import Value
from wsreplay.contract.model import Pattern
from wsreplay.contract.parts import Reader
from wsreplay.contract.schema_parts import JsonSchema, one_or_many, ref

SCOPE = ("in", "by", "across", "after", "until", "unless")
ANY_EVENT = (Pattern("*"),)


def read_scope(parts: dict[str, Value], reader: Reader) -> dict[str, Any]:
    """The fields of a Declare that say where it looks."""
    return {
        "inside": parts["in"].choice(reader.spans or ["a span"]) if "in" in parts else None,
        "by": reader.key_list(parts["by"]) if "by" in parts else (),
        "across_user": "across" in parts and bool(parts["across"].choice(("user",))),
        "after": reader.patterns(parts["after"]) if "after" in parts else (),
        "until": reader.patterns(parts["until"]) if "until" in parts else (),
        "unless": _unless(parts),
    }


def _unless(parts: dict[str, Value]) -> tuple[str, ...]:
    if "unless" not in parts:
        return ()
    if "in" not in parts:
        parts["unless"].fail("unless needs `in`: it asks how that span ended")
    return tuple(item.string("the name of an end") for item in parts["unless"].items())


def scope_properties() -> dict[str, JsonSchema]:
    """The same for editors."""
    return {
        "in": {"type": "string", "description": "a span: one slice per instance"}, "by": ref("keys"),
        "across": {"enum": ["user"]}, "after": ref("patterns"), "until": ref("patterns"),
        "unless": one_or_many({"type": "string"}),
    }  # fmt: skip


def needed(value: Value, parts: dict[str, Value], name: str, *others: str) -> None:
    """What a rule of this name cannot do without."""
    for other in others:
        if other not in parts:
            value.fail(f"{name} needs `{other}`")
