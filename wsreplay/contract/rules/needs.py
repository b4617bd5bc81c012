"""`needs`: an event has what a screen shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader, path_of
from wsreplay.contract.paths import Path
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import PATH, JsonSchema, common_properties, json_object, one_or_many, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs(Rule):
    """An event of `events` that has a place for a text, at one of `any_of` or in the object that it stands in, has something
    to show. One without such a place shows by its type alone."""

    names_events: ClassVar[bool] = True

    events: Patterns
    any_of: tuple[Path, ...]

    def patterns(self) -> Patterns:
        return self.events

    def paths(self) -> tuple[Path, ...]:
        return self.any_of

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.events, direction)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "event", "any"), "what an event needs")
    if not is_enabled(parts):
        return None
    for needed in ("event", "any"):
        if needed not in parts:
            value.fail(f"needs needs `{needed}`")
    return Needs(
        **read_common(value, parts, "needs"),
        events=reader.patterns(parts["event"]),
        any_of=tuple(path_of(item) for item in parts["any"].items()),
    )


def _schema() -> JsonSchema:
    return json_object(
        {**common_properties(), "event": ref("patterns"), "any": one_or_many(PATH)},
        description="an event has what a screen shows of it",
    )


KIND = named_kind("needs", _read, _schema)
