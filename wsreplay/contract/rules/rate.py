"""`rate`: at most so many events in any stretch of time."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import SCOPE, needed, read_scope
from wsreplay.contract.schema_parts import DURATION, JsonSchema, ref

_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Declare):
    """At most `most` events in any stretch of `per_ns`: of two that lie just so far apart, one only counts."""

    most: int
    per_ns: int


def read_rate(value: Value, reader: Reader) -> Rule:
    parts = value.mapping((*COMMON, *SCOPE, "rate", "max", "per"))
    needed(value, parts, "rate", "max", "per")
    most, per_ns = parts["max"].natural(1), duration_ns(parts["per"])
    if most > _LARGEST:
        parts["max"].fail(f"at most {_LARGEST:,} events can be counted; say how many come in less time")
    if not per_ns:
        parts["per"].fail("expected a time above 0")
    return Rate(
        **read_common(value, parts), **read_scope(parts, reader), template="rate",
        operands=(reader.patterns(parts["rate"]),), most=most, per_ns=per_ns,
    )  # fmt: skip


PROPERTIES: dict[str, JsonSchema] = {"rate": ref("patterns"), "per": DURATION}
