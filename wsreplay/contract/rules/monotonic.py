"""`monotonic`: a value only rises, or only falls."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import ANY_EVENT, SCOPE, read_scope
from wsreplay.contract.schema_parts import FIELD, JsonSchema, ref

MODES = ("increasing", "non_decreasing", "decreasing", "non_increasing", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Monotonic(Declare):
    """Each value stands to the one before it as `mode` says; events without the value do not count."""

    field: Path
    order: str = "increasing"

    def paths(self) -> tuple[Path, ...]:
        return (self.field,)


def read_monotonic(value: Value, reader: Reader) -> Rule:
    parts = value.mapping((*COMMON, *SCOPE, "monotonic", "mode", "event"))
    return Monotonic(
        **read_common(value, parts), **read_scope(parts, reader), template="monotonic",
        operands=(reader.patterns(parts["event"]) if "event" in parts else ANY_EVENT,),
        field=reader.field(parts["monotonic"]), order=parts["mode"].choice(MODES) if "mode" in parts else "increasing",
    )  # fmt: skip


PROPERTIES: dict[str, JsonSchema] = {"monotonic": FIELD, "event": ref("patterns")}
