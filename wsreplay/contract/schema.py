"""The contract language as a JSON Schema (draft 7), for editors: completion, and mistakes marked while they are typed.

The loader says more, and with places; what the loader accepts, this accepts.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.model import CONNECTION_SOURCES, MODES, PSEUDO_EVENTS, TEMPLATES
from wsreplay.units import DURATION_PATTERN

_Schema = dict[str, Any]

_DURATION: _Schema = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["100ms", "2s", "1m30s"]}
_PATH: _Schema = {"type": "string", "pattern": r"^\$", "description": "a singular RFC 9535 path, such as $.payload.run_id"}
_FIELD: _Schema = {"type": "string", "pattern": r"^(\$|envelope\.(type|sent|seq|id)$)"}
_SEVERITY: _Schema = {"enum": ["error", "warning", "info"], "default": "error"}
_SCALAR: _Schema = {"type": ["string", "number", "boolean", "null"]}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/definitions/{name}"}


def _one_or_many(item: _Schema) -> _Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _object(properties: dict[str, _Schema], required: tuple[str, ...] = (), **more: Any) -> _Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False, **more}


def _common() -> dict[str, _Schema]:
    return {
        "id": {"type": "string", "description": "names the rule in findings, and in contracts that extend this one"},
        "severity": _SEVERITY,
        "require_activation": {"type": "boolean", "description": "never to be activated is a violation"},
        "enabled": {"type": "boolean", "description": "false takes a rule of the base away"},
    }


def _span() -> _Schema:
    patterns = _ref("patterns")
    named = {"anyOf": [patterns, {"type": "object", "minProperties": 1, "additionalProperties": patterns}]}
    common = {key: value for key, value in _common().items() if key != "id"}
    properties = {
        "by": _ref("keys"), "else_by": _ref("keys"), "inside": {"type": "string"}, "parent": {"type": "string"},
        "within": _DURATION, "start": patterns, "body": patterns, "end": named, "after": named, "outside": patterns,
    }  # fmt: skip
    return _object({**properties, **common}, description="start … body … end per key")


def _rule() -> _Schema:
    operands = {name: _operands(count) for name, count in TEMPLATES.items()}
    properties = {
        **_common(), **operands, "latency": _ref("patterns"), "mode": {"enum": list(MODES), "default": "any"},
        "min": {"type": "integer", "minimum": 0}, "max": {"anyOf": [{"type": "integer", "minimum": 1}, _DURATION]},
        "within": _DURATION, "in": {"type": "string", "description": "a span: one slice per instance"}, "by": _ref("keys"),
        "across": {"enum": ["user"]}, "after": _ref("patterns"), "until": _ref("patterns"),
        "unless": _one_or_many({"type": "string"}),
    }  # fmt: skip
    return _object(properties, ("id",), description="one DECLARE template, in a scope")


def _operands(count: int | None) -> _Schema:
    if count is None:
        return _one_or_many(_ref("patterns"))
    return {"type": "array", "items": _ref("patterns"), "minItems": count, "maxItems": count}


def _definitions() -> dict[str, _Schema]:
    where = {"type": "object", "propertyNames": {"pattern": r"^\$"}, "additionalProperties": _one_or_many(_SCALAR)}
    pattern = {
        "anyOf": [
            {"type": "string", "minLength": 1, "examples": ["agent_started", "s2c:chat*", *PSEUDO_EVENTS]},
            _object({"event": {"type": "string", "minLength": 1}, "where": where}, ("event",)),
        ]
    }
    return {
        "pattern": pattern,
        "patterns": _one_or_many(_ref("pattern")),
        "keys": _one_or_many({"type": "string", "examples": list(CONNECTION_SOURCES)}),
        "span": _span(),
        "rule": _rule(),
        "latency": _object({**_common(), "latency": _ref("patterns"), "max": _DURATION}),
        "sequence": _object({**_common(), "field": _FIELD, "by": _ref("keys"), "mode": {"enum": ["contiguous", "increasing"]}}),
        "unique": _object({**_common(), "field": _FIELD, "by": _ref("keys")}),
        "isolation": _object(
            {
                **_common(),
                "bind": _ref("keys"),
                "confine": {"type": "string"},
                "to": {"type": "string", "default": "conn.user"},
            },
            ("id",),
        ),
    }


def json_schema() -> dict[str, Any]:
    """A JSON Schema that every contract fits which the loader accepts."""
    globs = _one_or_many({"type": "string"})
    properties: dict[str, _Schema] = {
        "contract": {"type": "string", "description": "the contract's name"},
        "version": {"type": ["string", "number"]},
        "description": {"type": "string"},
        "extends": {"type": "string", "description": "a built-in's name or a file; what stands here changes parts of it by id"},
        "applies_to": _object({"path": globs, "subprotocol": globs}),
        "envelope": _object({"type": _PATH, "sent": _PATH, "seq": _PATH, "id": _PATH}),
        "keys": {"type": "object", "additionalProperties": _one_or_many({"type": "string"})},
        "json": _object({"text": {"enum": ["object", "json", "any"]}, "type": {"enum": ["required", "optional"]},
                         "names": {"enum": ["any", "unique"]}, "severity": _SEVERITY, "enabled": {"type": "boolean"}}),
        "known": _ref("patterns"),
        "unknown": {"enum": ["allow", "warn", "error"]},
        "spans": {"type": "object", "additionalProperties": _ref("span")},
        "rules": {"type": "array", "items": _ref("rule")},
        "latency": _one_or_many(_ref("latency")),
        "sequence": _one_or_many(_ref("sequence")),
        "unique": _one_or_many(_ref("unique")),
        "isolation": {"type": "array", "items": _ref("isolation")},
        "schema": {"type": "object"},
        "session": _object({"resume_within": _DURATION}),
    }  # fmt: skip
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:wsreplay:contract:1",
        "title": "wsreplay contract",
        **_object(properties, ("contract",)),
        "definitions": _definitions(),
    }
