"""`assemble`: texts that come in pieces are one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fastjsonschema
import orjson

from wsreplay.contract.document import Value
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.paths import Path
from wsreplay.contract.payload_schema import compile_schema
from wsreplay.contract.rules.kind import COMMON, read_common
from wsreplay.contract.rules.scope import SCOPE, needed, read_scope
from wsreplay.contract.schema_parts import FIELD, JsonSchema, json_object, ref

_FORMS = ("json", "text")
_PARTS = ("event", "field", "by", "until", "as", "schema", "equals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assemble(Declare):
    """The texts at `field` of all a's since the last b, joined at the next b, are JSON if `is_json`, fit the JSON Schema (as
    JSON text), and are what that b says at `equals`."""

    field: Path
    is_json: bool = False
    schema_text: str | None = None
    equals: Path | None = None

    def paths(self) -> tuple[Path, ...]:
        return (self.field,) if self.equals is None else (self.field, self.equals)


def read_assemble(value: Value, reader: Reader) -> Rule:
    outer = value.mapping((*COMMON, *SCOPE, "assemble"))
    parts = outer["assemble"].mapping(_PARTS, "what to assemble")
    needed(outer["assemble"], parts, "assemble", "event", "field", "until")
    scope = read_scope({**outer, **({"by": parts["by"]} if "by" in parts else {})}, reader)
    form = parts["as"].choice(_FORMS) if "as" in parts else "text"
    if "schema" in parts and form != "json":
        parts["schema"].fail("a schema needs `as: json`")
    return Assemble(
        **read_common(value, outer), **scope, template="assemble",
        operands=(reader.patterns(parts["event"]), reader.patterns(parts["until"])), field=reader.field(parts["field"]),
        is_json=form == "json", schema_text=_schema_text(parts["schema"]) if "schema" in parts else None,
        equals=reader.field(parts["equals"]) if "equals" in parts else None,
    )  # fmt: skip


def _schema_text(value: Value) -> str:
    plain: Any = value.plain()
    try:
        compile_schema(plain)
    except (fastjsonschema.JsonSchemaDefinitionException, TypeError, ValueError, KeyError, AttributeError) as error:
        value.fail(f"not a JSON Schema: {error}")
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()


PROPERTIES: dict[str, JsonSchema] = {
    "assemble": json_object(
        {"event": ref("patterns"), "field": FIELD, "by": ref("keys"), "until": ref("patterns"), "as": {"enum": list(_FORMS)},
         "schema": {"type": ["object", "boolean"]}, "equals": FIELD},
        ("event", "field", "until"),
    ),
}  # fmt: skip
