"""A JSON Schema as Markdown tables, one for each object it defines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def tables(name: str, schema: Schema, level: str = "##") -> Iterator[str]:
    """A heading, the description and the table of properties of an object."""
    yield f"{level} {name} {{ #{anchor(name)} }}"
    if text := schema.get("description"):
        yield text
    if properties := schema.get("properties"):
        needed = set(schema.get("required", ()))
        rows = [_row(key, part, key in needed) for key, part in properties.items()]
        yield "\n".join(["| Name | Value | |", "|---|---|---|", *rows])
    elif kind := value(schema):
        yield kind


def anchor(name: str) -> str:
    return name.lower().replace(" ", "-").replace("_", "-")


def _row(key: str, part: Schema, needed: bool) -> str:
    text = part.get("description", "")
    if "default" in part:
        text = f"{text} Default: `{part['default']}`.".strip()
    return f"| `{key}`{'' if needed else ' (optional)'} | {value(part)} | {text} |".replace("\n", " ")


def value(part: Schema) -> str:
    """What may stand there, in words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return " · ".join("nothing" if one is None else f"`{one}`" for one in part["enum"])
    for several in ("anyOf", "oneOf"):
        if several in part:
            return " or ".join(dict.fromkeys(value(one) for one in part[several]))
    kind = part.get("type", "anything")
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join(_kind(one, part) for one in kinds)


def _kind(kind: str, part: Schema) -> str:
    if kind == "array" and isinstance(part.get("items"), dict):
        return f"list of {value(part['items'])}"
    if kind == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"names, each with {value(part['additionalProperties'])}"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null",
             "array": "list", "object": "object"}  # fmt: skip
    return names.get(kind, kind)
