"""`unique`: no value twice in a slice."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common, read_field
from wsreplay.contract.schema_parts import FIELD, JsonSchema, common_properties, json_object, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique(Rule):
    """No value twice in a slice, of the events given (none: of all)."""

    field: Path
    by: tuple[str, ...]
    events: Patterns = ()

    def patterns(self) -> Patterns:
        return self.events

    def paths(self) -> tuple[Path, ...]:
        return (self.field,)

    def may_concern(self, direction: int) -> bool:
        return not self.events or may_fit(self.events, direction)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "field", "by", "event"))
    if not is_enabled(parts):
        return None
    return Unique(
        **read_common(value, parts, "unique"),
        field=read_field(value, parts, reader),
        by=reader.key_list(parts["by"]) if "by" in parts else ("conn.id",),
        events=reader.patterns(parts["event"]) if "event" in parts else (),
    )


def _schema() -> JsonSchema:
    return json_object({**common_properties(), "field": FIELD, "by": ref("keys"), "event": ref("patterns")})


KIND = named_kind("unique", _read, _schema)
