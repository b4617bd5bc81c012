"""`rules`: DECLARE templates in scopes. A latency may stand among them."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.document import Value
from wsreplay.contract.event_words import one_of
from wsreplay.contract.model import MODES, TEMPLATES, Declare, Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules import assemble, consistent, monotonic, rate, recurrence, total
from wsreplay.contract.rules.kind import COMMON, ReadRule, is_enabled, listed_kind, read_common
from wsreplay.contract.rules.latency import CLOCK, read_latency
from wsreplay.contract.rules.scope import SCOPE, read_scope, scope_properties
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, one_or_many, ref

_OPTIONS = ("mode", "min", "max", "within", *SCOPE)
# what stands beside the templates: each says itself what else may stand in its rule
_CONSTRUCTS: dict[str, ReadRule] = {
    "latency": read_latency,
    "recurrence": recurrence.read_recurrence,
    "rate": rate.read_rate,
    "monotonic": monotonic.read_monotonic,
    "count": total.read_count,
    "sum": total.read_sum,
    "assemble": assemble.read_assemble,
    "consistent": consistent.read_consistent,
}
_BESIDE_RULES = ("sequence", "unique", "isolation", "json", "schema", "spans", "keys", "known", "envelope")
_KINDS = (*TEMPLATES, *_CONSTRUCTS)


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping(None, "a rule")
    if "enabled" in parts and not is_enabled(parts):
        return None
    templates = [name for name in parts if name in _KINDS]
    if misplaced := next((name for name in parts if name in _BESIDE_RULES), None):
        raise value.key_places.get(misplaced, value.place).error(f"{misplaced!r} belongs beside `rules`, not among them")
    if len(templates) != 1:
        value.mapping((*COMMON, *_KINDS, *_OPTIONS))
        count = str(len(templates)) if templates else "none. To change a rule of the contract that is extended, repeat its id"
        value.fail(f"a rule has exactly one template, {one_of(_KINDS)}; found {count}")
    template = templates[0]
    if template in _CONSTRUCTS:
        return _CONSTRUCTS[template](value, reader)
    value.mapping((*COMMON, template, *_OPTIONS))
    return Declare(
        **read_common(value, parts),
        template=template,
        operands=_operands(template, parts[template], reader),
        mode=_mode(template, parts),
        **_counts(template, parts),
        within_ns=_within(template, parts),
        **read_scope(parts, reader),
    )


def _operands(template: str, value: Value, reader: Reader) -> tuple[Any, ...]:
    if TEMPLATES[template] is None:
        operands = tuple(reader.patterns(item) for item in value.items())
        if not operands:
            value.fail(f"{template} needs at least one event")
        return operands
    members = value.sequence(f"two events, as in {template}: [a, b]")
    if len(members) != 2:
        value.fail(f"{template} needs two events, as in {template}: [a, b]; found {len(members)}")
    return tuple(reader.patterns(item) for item in members)


def _mode(template: str, parts: dict[str, Value]) -> str:
    if "mode" not in parts:
        return "any"
    mode = parts["mode"].choice(MODES)
    if mode != "any" and template not in ("response", "precedence"):
        parts["mode"].fail(f"{mode} is a mode for response and precedence, not for {template}")
    return mode


def _counts(template: str, parts: dict[str, Value]) -> dict[str, Any]:
    for name in ("min", "max"):
        if name in parts and template != "existence":
            parts[name].fail(f"{name} applies to existence, not to {template}")
    least = parts["min"].natural() if "min" in parts else 1
    most = parts["max"].natural(1) if "max" in parts else None
    if most is not None and most < least:
        parts["max"].fail(f"at most {most}, but at least {least}: nothing can satisfy this")
    return {"min": least, "max": most}


def _within(template: str, parts: dict[str, Value]) -> int | None:
    if "within" not in parts:
        return None
    if template not in ("response", "precedence"):
        parts["within"].fail(f"within applies to response and precedence, not to {template}")
    return duration_ns(parts["within"])


def _schema() -> JsonSchema:
    operands = {name: _operands_schema(count) for name, count in TEMPLATES.items()}
    properties = {
        **common_properties(),
        **operands,
        "latency": ref("patterns"), "clock": CLOCK,
        **recurrence.PROPERTIES,
        **rate.PROPERTIES,
        **monotonic.PROPERTIES,
        **total.PROPERTIES,
        **assemble.PROPERTIES,
        **consistent.PROPERTIES,
        "mode": {"enum": [*MODES, *monotonic.MODES]},
        "min": {"type": "integer", "minimum": 0},
        "max": {"anyOf": [{"type": "integer", "minimum": 1}, DURATION]},
        "within": DURATION,
        **scope_properties(),
    }
    return json_object(properties, ("id",), description="one template, in a scope")


def _operands_schema(count: int | None) -> JsonSchema:
    if count is None:
        return one_or_many(ref("patterns"))
    return {"type": "array", "items": ref("patterns"), "minItems": count, "maxItems": count}


KIND = listed_kind("rules", _read, _schema, "rule")
