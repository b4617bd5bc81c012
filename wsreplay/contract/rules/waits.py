"""`waits`: while the server waits for its client, nothing is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import JsonSchema, common_properties, json_object, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits(Rule):
    """From an event of `start` to the next one of `until` with the same key `by`, the bounds of spans and questions stand
    still."""

    names_events: ClassVar[bool] = True

    start: Patterns
    until: Patterns
    by: str

    def patterns(self) -> Patterns:
        return (*self.start, *self.until)

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.patterns(), direction)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "from", "until", "by"), "what waits")
    if not is_enabled(parts):
        return None
    for needed in ("from", "until"):
        if needed not in parts:
            value.fail(f"waits needs `{needed}`")
    return Waits(
        **read_common(value, parts, "waits"),
        start=reader.patterns(parts["from"]),
        until=reader.patterns(parts["until"]),
        by=reader.key(parts["by"]) if "by" in parts else "conn.session",
    )


def _schema() -> JsonSchema:
    return json_object(
        {
            **common_properties(),
            "from": ref("patterns"),
            "until": ref("patterns"),
            "by": {"type": "string", "description": "the key that both have in common", "default": "conn.session"},
        },
        description="while the server waits for its client, nothing is due",
    )


KIND = named_kind("waits", _read, _schema)
