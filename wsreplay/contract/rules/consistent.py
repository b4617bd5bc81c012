"""`consistent`: one value of a key for each value of another (functional dependency)."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import ANY_EVENT, SCOPE, read_scope
from wsreplay.contract.schema_parts import JsonSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistent(Declare):
    """In each slice, the last key of `by` determines `determined`."""

    determined: str


def read_consistent(value: Value, reader: Reader) -> Rule:
    parts = value.mapping((*COMMON, *SCOPE, "consistent", "event"))
    keys = [reader.key(item) for item in parts["consistent"].sequence("two keys, as in consistent: [tool, tool_name]")]
    if len(keys) != 2 or keys[0] == keys[1]:
        parts["consistent"].fail("consistent needs two keys: each value of the first has one value of the second")
    scope = read_scope(parts, reader)
    scope["by"] = (*(key for key in scope["by"] if key != keys[0]), keys[0])
    return Consistent(
        **read_common(value, parts), **scope, template="consistent",
        operands=(reader.patterns(parts["event"]) if "event" in parts else ANY_EVENT,), determined=keys[1],
    )  # fmt: skip


PROPERTIES: dict[str, JsonSchema] = {
    "consistent": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
}
