"""What the JSON Schemas of the language's kinds of rules are made of."""

from __future__ import annotations

from typing import Any

from wsreplay.units import DURATION_PATTERN

JsonSchema = dict[str, Any]

DURATION: JsonSchema = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["100ms", "2s", "1m30s"]}
PATH: JsonSchema = {"type": "string", "pattern": r"^\$", "description": "a singular RFC 9535 path, such as $.payload.run_id"}
FIELD: JsonSchema = {"type": "string", "pattern": r"^(\$|envelope\.(type|sent|seq|id)$)"}
SEVERITY: JsonSchema = {"enum": ["error", "warning", "info"], "default": "error"}
SCALAR: JsonSchema = {"type": ["string", "number", "boolean", "null"]}


def ref(name: str) -> JsonSchema:
    """A definition of the language's schema."""
    return {"$ref": f"#/definitions/{name}"}


def one_or_many(item: JsonSchema) -> JsonSchema:
    """One, or a list of at least one."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def json_object(properties: dict[str, JsonSchema], required: tuple[str, ...] = (), **more: Any) -> JsonSchema:
    """A mapping with these names and no others."""
    closed = {"additionalProperties": False, "patternProperties": {r"^\+": {}}}  # `+body` adds to a list of the base
    return {"type": "object", "properties": properties, "required": list(required), **closed, **more}


def common_properties() -> dict[str, JsonSchema]:
    """What every rule may have."""
    return {
        "id": {"type": "string", "description": "names the rule in findings, and in contracts that extend this one"},
        "severity": SEVERITY,
        "require_activation": {"type": "boolean", "description": "it is a violation if the rule never applies"},
        "enabled": {"type": "boolean", "description": "false removes a rule of the base contract"},
    }
