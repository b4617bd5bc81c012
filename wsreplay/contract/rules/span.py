"""`spans`: what starts, goes on and ends per key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsreplay.contract.document import ADDING, Value
from wsreplay.contract.model import Place, Rule, Span
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, RuleKind, is_enabled, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, ref


def _read(value: Value, reader: Reader) -> Iterable[Rule | None]:
    return [_read_span(name, span, value.key_places[name], reader) for name, span in value.mapping().items()]


def _read_span(name: str, value: Value, place: Place, reader: Reader) -> Rule | None:
    allowed = ("by", "else_by", "inside", "parent", "within", "start", "end", "body", "after", "outside", "renews", "until",
               "label", "severity", "require_activation", "enabled")  # fmt: skip
    parts = value.mapping(allowed, "a span")
    if not is_enabled(parts):
        return None
    for needed in ("start", "end"):
        if needed not in parts:
            value.fail(f"a span needs its {needed}: without one it can never {'begin' if needed == 'start' else 'end'}")
    common = read_common(value, {key: part for key, part in parts.items() if key in COMMON}, name)
    common["place"] = place
    return Span(
        **common,
        by=reader.key_list(parts["by"]) if "by" in parts else ("conn.id",),
        else_by=reader.key_list(parts["else_by"]) if "else_by" in parts else (),
        start=reader.patterns(parts["start"]),
        ends=_ends(parts["end"], reader),
        body=reader.patterns(parts["body"]) if "body" in parts else (),
        after=_after(parts["after"], reader) if "after" in parts else (),
        outside=reader.patterns(parts["outside"]) if "outside" in parts else (),
        inside=parts["inside"].choice([other for other in reader.spans if other != name] or ["another span"])
        if "inside" in parts
        else None,
        parent=_parent(parts["parent"], reader) if "parent" in parts else None,
        within_ns=duration_ns(parts["within"]) if "within" in parts else None,
        renews=parts["renews"].boolean() if "renews" in parts else False,
        for_session="until" in parts and bool(parts["until"].choice(("session",))),
        label=_label(parts["label"], reader) if "label" in parts else (),
    )


def _ends(value: Value, reader: Reader) -> tuple[tuple[str, Any], ...]:
    if isinstance(value.data, dict) and "event" not in value.data:
        if not value.data:
            value.fail("a span needs at least one end")
        return _named_patterns(value, reader)
    return (("ok", reader.patterns(value)),)


def _named_patterns(value: Value, reader: Reader) -> tuple[tuple[str, Any], ...]:
    for name, place in value.key_places.items():
        if name.startswith(ADDING) and name in value.data:
            raise place.error(f"the base has no {name.removeprefix(ADDING)!r} here to add to")
    return tuple((name, reader.patterns(part)) for name, part in value.data.items())


def _after(value: Value, reader: Reader) -> tuple[tuple[str | None, Any], ...]:
    if isinstance(value.data, dict) and "event" not in value.data:
        return _named_patterns(value, reader)
    return ((None, reader.patterns(value)),)


def _parent(value: Value, reader: Reader) -> Any:
    return _source(value, reader, "a path or a key that names the parent")


def _label(value: Value, reader: Reader) -> tuple[Any, ...]:
    sources = tuple(_source(item, reader, "a path or a key that holds the span's name") for item in value.items())
    if not sources:
        value.fail("expected a path or a key that holds the span's name, found an empty list")
    return sources


def _source(value: Value, reader: Reader, what: str) -> Any:
    return reader.field(value) if value.string(what).startswith("$") else reader.key(value)


def _schema() -> JsonSchema:
    patterns = ref("patterns")
    named = {"anyOf": [patterns, {"type": "object", "minProperties": 1, "additionalProperties": patterns}]}
    common = {key: value for key, value in common_properties().items() if key != "id"}
    properties = {
        "by": ref("keys"), "else_by": ref("keys"), "inside": {"type": "string"}, "parent": {"type": "string"},
        "within": DURATION, "start": patterns, "body": patterns, "end": named, "after": named, "outside": patterns,
        "renews": {"type": "boolean", "description": "a further start prolongs it"},
        "until": {"enum": ["session"], "description": "the session's end ends it, too"},
        "label": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
    }  # fmt: skip
    return json_object({**properties, **common}, description="start … body … end per key")


KIND = RuleKind("spans", _read, {"type": "object", "additionalProperties": ref("span")}, {"span": _schema}, merged=2)
