"""The contract language as a JSON Schema (draft 7), for editors: completion, and mistakes marked while they are typed.

The loader says more, and with places; what the loader accepts, this accepts.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.model import CONNECTION_SOURCES, PSEUDO_EVENTS, RESUME_AFTER
from wsreplay.contract.rules.table import KINDS
from wsreplay.contract.schema_parts import DURATION, PATH, SCALAR, JsonSchema, json_object, one_or_many, ref


def _definitions() -> dict[str, JsonSchema]:
    condition = {"anyOf": [SCALAR, {"type": "object", "minProperties": 1, "description": "keywords of JSON Schema"}]}
    where = {"type": "object", "propertyNames": {"pattern": r"^\$"}, "additionalProperties": one_or_many(condition)}
    pattern = {
        "anyOf": [
            {"type": ["string", "integer"], "minLength": 1, "examples": ["agent_started", "s2c:chat*", *PSEUDO_EVENTS]},
            json_object({"event": {"type": ["string", "integer"], "minLength": 1}, "where": where}, ("event",)),
        ]
    }
    return {
        "pattern": pattern,
        "patterns": one_or_many(ref("pattern")),
        "keys": one_or_many({"type": "string", "examples": list(CONNECTION_SOURCES)}),
        **{name: make() for kind in KINDS for name, make in kind.definitions.items()},
    }


def json_schema() -> dict[str, Any]:
    """A JSON Schema that every contract fits which the loader accepts."""
    globs = one_or_many({"type": "string"})
    properties: dict[str, JsonSchema] = {
        "contract": {"type": "string", "description": "the contract's name"},
        "version": {"type": ["string", "number"]},
        "description": {"type": "string"},
        "extends": {"type": "string", "description": "a built-in's name or a file; parts of it are changed by id"},
        "applies_to": json_object({"path": globs, "subprotocol": globs, "events": ref("patterns")}),
        "envelope": json_object({"type": PATH, "sent": PATH, "seq": PATH, "id": PATH, "decoder": {"type": "string"}}),
        "map": json_object(
            {
                "unpack": one_or_many(PATH),
                **dict.fromkeys(("type", "sent", "seq", "id"), PATH),
                "events": {"type": "object", "additionalProperties": {"type": "string"}, "description": "theirs: ours"},
                "fields": {"type": "object", "additionalProperties": PATH, "description": "ours: where it stands"},
            }
        ),
        "keys": {"type": "object", "additionalProperties": one_or_many({"type": "string"})},
        "known": ref("patterns"),
        "user": one_or_many({"type": "string", "pattern": r"^(\$|(header|query|path|cookie|claim):)"}),
        **{kind.key: kind.schema for kind in KINDS},
        "session": json_object({"resume_within": DURATION, "resume_after": {"enum": [*RESUME_AFTER]}}),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:wsreplay:contract:1",
        "title": "wsreplay contract",
        **json_object(properties, ("contract",)),
        "definitions": _definitions(),
    }
