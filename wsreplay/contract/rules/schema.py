"""`schema`: JSON Schemas for whole messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import fastjsonschema

from wsreplay.contract.document import Value
from wsreplay.contract.model import Pattern, Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader
from wsreplay.contract.payload_schema import compile_schema
from wsreplay.contract.rules.kind import RuleKind, read_common


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema(Rule):
    """JSON Schemas (draft 4, 6 or 7) for whole messages, by event pattern."""

    names_events: ClassVar[bool] = True

    schemas: tuple[tuple[Pattern, dict[str, Any] | bool], ...]

    def patterns(self) -> Patterns:
        return tuple(pattern for pattern, _ in self.schemas)

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.patterns(), direction)


def _read(value: Value, reader: Reader) -> Iterable[Rule | None]:
    parts = value.mapping(None, "JSON Schemas by event type")
    schemas = []
    for name, part in parts.items():
        if name == "severity":
            continue
        pattern = reader.pattern(Value(name, value.key_places[name]))
        plain = part.plain()
        try:
            compile_schema(plain)
        except (fastjsonschema.JsonSchemaDefinitionException, TypeError, ValueError, KeyError, AttributeError) as error:
            part.fail(f"not a JSON Schema: {error}")
        schemas.append((pattern, plain))
    common = read_common(value, {key: part for key, part in parts.items() if key == "severity"}, "schema")
    return [Schema(**common, schemas=tuple(schemas))]


KIND = RuleKind("schema", _read, {"type": "object"}, merged=1)
