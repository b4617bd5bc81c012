"""`count` and `sum`: as many events, or as much of something in them, as another event says."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import SCOPE, needed, read_scope
from wsreplay.contract.schema_parts import FIELD, JsonSchema, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Total(Declare):
    """The number of a's, or the sum of their `summed`, since the last b is what the next b says at `equals`."""

    equals: Path
    summed: Path | None = None

    def paths(self) -> tuple[Path, ...]:
        return (self.equals,) if self.summed is None else (self.equals, self.summed)


def read_count(value: Value, reader: Reader) -> Rule:
    return _read(value, reader, "count")


def read_sum(value: Value, reader: Reader) -> Rule:
    return _read(value, reader, "sum")


def _read(value: Value, reader: Reader, name: str) -> Rule:
    parts = value.mapping((*COMMON, *SCOPE, name, "equals", "at", *(("event",) if name == "sum" else ())))
    needed(value, parts, name, "equals", "at", *(("event",) if name == "sum" else ()))
    counted = parts["event" if name == "sum" else "count"]
    return Total(
        **read_common(value, parts), **read_scope(parts, reader), template=name,
        operands=(reader.patterns(counted), reader.patterns(parts["at"])), equals=reader.field(parts["equals"]),
        summed=reader.field(parts["sum"]) if name == "sum" else None,
    )  # fmt: skip


PROPERTIES: dict[str, JsonSchema] = {"count": ref("patterns"), "sum": FIELD, "equals": FIELD, "at": ref("patterns")}
