"""`reconnect`: whoever loses the connection in the middle of something is back in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect(Rule):
    """A connection that ends by one of `lost` is followed by another of its session within `within_ns`; one that was closed,
    only while an instance of `span` is open. One that ends by one of `left` was ended by a client that wants nothing
    more: nothing is owed to it."""

    names_events: ClassVar[bool] = True

    span: str
    within_ns: int
    lost: Patterns
    left: Patterns = ()

    def patterns(self) -> Patterns:
        return (*self.lost, *self.left)

    def may_concern(self, direction: int) -> bool:
        return False


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "in", "within", "lost", "left"), "the reconnect rule")
    if not is_enabled(parts):
        return None
    for needed in ("in", "within", "lost"):
        if needed not in parts:
            value.fail(f"reconnect needs `{needed}`")
    return Reconnect(
        **read_common(value, parts, "reconnect"),
        span=parts["in"].choice(reader.spans or ["a span"]),
        within_ns=duration_ns(parts["within"]),
        lost=reader.patterns(parts["lost"]),
        left=reader.patterns(parts["left"]) if "left" in parts else (),
    )


def _schema() -> JsonSchema:
    return json_object(
        {
            **common_properties(),
            "in": {"type": "string", "description": "a span: what is lost while none is open need not come back"},
            "within": DURATION,
            "lost": ref("patterns"),
            "left": ref("patterns"),
        },
        description="a lost connection is followed by another in time",
    )


KIND = named_kind("reconnect", _read, _schema)
