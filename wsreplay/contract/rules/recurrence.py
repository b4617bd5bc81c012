"""`recurrence`: an event comes at least so often (Konrad, Cheng: "Real-time specification patterns", 2005)."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import SCOPE, needed, read_scope
from wsreplay.contract.schema_parts import DURATION, JsonSchema, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Declare):
    """While the scope is open, never longer than `within_ns` without the event; the scope's beginning counts as one."""

    within_ns: int


def read_recurrence(value: Value, reader: Reader) -> Rule:
    parts = value.mapping((*COMMON, *SCOPE, "recurrence", "every"))
    needed(value, parts, "recurrence", "every")
    return Recurrence(
        **read_common(value, parts), **read_scope(parts, reader), template="recurrence",
        operands=(reader.patterns(parts["recurrence"]),), within_ns=duration_ns(parts["every"]),
    )  # fmt: skip


PROPERTIES: dict[str, JsonSchema] = {"recurrence": ref("patterns"), "every": DURATION}
