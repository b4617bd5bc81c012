"""`left_open`: whoever is done closes the connection."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOpen(Rule):
    """Where the recording ends, no connection is open on which no instance of `span` has been open for `after_ns`."""

    span: str
    after_ns: int

    def may_concern(self, direction: int) -> bool:
        return False


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "in", "after"), "the rule about connections that are left open")
    if not is_enabled(parts):
        return None
    for needed in ("in", "after"):
        if needed not in parts:
            value.fail(f"left_open needs `{needed}`")
    return LeftOpen(
        **read_common(value, parts, "left-open"),
        span=parts["in"].choice(reader.spans or ["a span"]),
        after_ns=duration_ns(parts["after"]),
    )


def _schema() -> JsonSchema:
    return json_object(
        {
            **common_properties(),
            "in": {"type": "string", "description": "a span: while one is open the connection is in use"},
            "after": DURATION,
        },
        description="at the end of the recording no connection is open that has been idle for so long",
    )


KIND = named_kind("left_open", _read, _schema)
