"""`startup`: what comes first on a connection, where it comes at all."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import JsonSchema, common_properties, json_object, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup(Rule):
    """On a connection, an event of `first` comes before any of `before`, or not at all."""

    first: Patterns
    before: Patterns

    def patterns(self) -> Patterns:
        return (*self.first, *self.before)

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.patterns(), direction)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "first", "before"), "the start-up rule")
    if not is_enabled(parts):
        return None
    for needed in ("first", "before"):
        if needed not in parts:
            value.fail(f"startup needs `{needed}`")
    return Startup(
        **read_common(value, parts, "startup"),
        first=reader.patterns(parts["first"]),
        before=reader.patterns(parts["before"]),
    )


def _schema() -> JsonSchema:
    return json_object(
        {**common_properties(), "first": ref("patterns"), "before": ref("patterns")},
        description="what comes first on a connection, where it comes at all",
    )


KIND = named_kind("startup", _read, _schema)
