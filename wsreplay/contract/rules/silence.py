"""`silence`: what goes on is heard of."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Rule):
    """Between two of the server's events of an instance of `span` not more than `max_ns` pass, while nothing is open that is
    inside of it."""

    span: str
    max_ns: int

    def may_concern(self, direction: int) -> bool:
        return direction == 1


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "in", "max"), "the silence rule")
    if not is_enabled(parts):
        return None
    for needed in ("in", "max"):
        if needed not in parts:
            value.fail(f"silence needs `{needed}`")
    return Silence(
        **read_common(value, parts, "silence"),
        span=parts["in"].choice(reader.spans or ["a span"]),
        max_ns=duration_ns(parts["max"]),
    )


def _schema() -> JsonSchema:
    return json_object(
        {**common_properties(), "in": {"type": "string", "description": "a span"}, "max": DURATION},
        description="between two events of a span not more than so long passes",
    )


KIND = named_kind("silence", _read, _schema)
