"""What a pattern asks of a value beyond equality: a glob, or keywords of JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fastjsonschema
import orjson

from wsreplay.contract.payload_schema import compile_schema

KEYWORDS = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "format", "items", "additionalItems", "minItems", "maxItems", "uniqueItems",
    "contains", "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
    "maxProperties", "dependencies", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "definitions",
    "title", "description",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueSchema:
    """A JSON Schema (as JSON text) that a value fits."""

    text: str

    def holds(self, value: Any) -> bool:
        """Whether a JSON value fits."""
        return _fits(self.text)(value)

    def __str__(self) -> str:
        keywords: dict[str, Any] = orjson.loads(self.text)
        return ", ".join(f"{name} {orjson.dumps(wanted).decode()}" for name, wanted in keywords.items())


@dataclass(frozen=True, slots=True)
class ValueGlob:
    """A text with `*` for anything, as in event patterns."""

    text: str

    def holds(self, value: Any) -> bool:
        """Whether a JSON value is a text that fits."""
        return isinstance(value, str) and _glob(self.text).fullmatch(value) is not None

    def __str__(self) -> str:
        return self.text


def is_wanted(value: Any, wanted: tuple[Any, ...]) -> bool:
    """Whether a value is one of what is wanted: a condition holds, or JSON equality (true is not 1)."""
    for other in wanted:
        if isinstance(other, ValueSchema | ValueGlob):
            if other.holds(value):
                return True
        elif value == other and isinstance(value, bool) == isinstance(other, bool):
            return True
    return False


def schema_of(keywords: dict[str, Any]) -> ValueSchema:
    """A condition from its keywords. Raises what `compile_schema` raises."""
    text = orjson.dumps(keywords, option=orjson.OPT_SORT_KEYS).decode()
    _fits(text)
    return ValueSchema(text)


@lru_cache(maxsize=512)
def _fits(text: str) -> Callable[[Any], bool]:
    check = compile_schema(orjson.loads(text))

    def fits(value: Any) -> bool:
        try:
            check(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return fits


@lru_cache(maxsize=512)
def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
