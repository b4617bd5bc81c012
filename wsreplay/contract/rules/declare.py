"""`rules`: DECLARE templates in scopes. A latency may stand among them."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.document import Value, one_of
from wsreplay.contract.model import MODES, TEMPLATES, Declare, Rule
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, is_enabled, listed_kind, read_common
from wsreplay.contract.rules.latency import CLOCK, read_latency
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, one_or_many, ref

_OPTIONS = ("mode", "min", "max", "within", "in", "by", "across", "after", "until", "unless")


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, *TEMPLATES, *_OPTIONS, "latency", "clock"), "a rule")
    if not is_enabled(parts):
        return None
    templates = [name for name in parts if name in TEMPLATES or name == "latency"]
    if len(templates) != 1:
        count = str(len(templates)) if templates else "none. To change a rule of the contract that is extended, repeat its id"
        value.fail(f"a rule has exactly one template, {one_of([*TEMPLATES, 'latency'])}; found {count}")
    if templates == ["latency"]:
        return read_latency(value, reader)
    template = templates[0]
    if "clock" in parts:
        parts["clock"].fail(f"clock belongs to latency, not to {template}")
    return Declare(
        **read_common(value, parts),
        template=template,
        operands=_operands(template, parts[template], reader),
        mode=_mode(template, parts),
        **_counts(template, parts),
        within_ns=_within(template, parts),
        inside=parts["in"].choice(reader.spans or ["a span"]) if "in" in parts else None,
        by=reader.key_list(parts["by"]) if "by" in parts else (),
        across_user="across" in parts and bool(parts["across"].choice(("user",))),
        after=reader.patterns(parts["after"]) if "after" in parts else (),
        until=reader.patterns(parts["until"]) if "until" in parts else (),
        unless=_unless(parts),
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
        parts["mode"].fail(f"{mode} is a mode of response and precedence, which have two events, not of {template}")
    return mode


def _counts(template: str, parts: dict[str, Value]) -> dict[str, Any]:
    for name in ("min", "max"):
        if name in parts and template != "existence":
            parts[name].fail(f"{name} belongs to existence, not to {template}")
    least = parts["min"].natural() if "min" in parts else 1
    most = parts["max"].natural(1) if "max" in parts else None
    if most is not None and most < least:
        parts["max"].fail(f"at most {most}, but at least {least}: nothing can satisfy this")
    return {"min": least, "max": most}


def _within(template: str, parts: dict[str, Value]) -> int | None:
    if "within" not in parts:
        return None
    if template not in ("response", "precedence"):
        parts["within"].fail(f"within bounds response and precedence, not {template}")
    return duration_ns(parts["within"])


def _unless(parts: dict[str, Value]) -> tuple[str, ...]:
    if "unless" not in parts:
        return ()
    if "in" not in parts:
        parts["unless"].fail("unless needs `in`: it asks how that span ended")
    return tuple(item.string("the name of an end") for item in parts["unless"].items())


def _schema() -> JsonSchema:
    operands = {name: _operands_schema(count) for name, count in TEMPLATES.items()}
    properties = {
        **common_properties(), **operands, "latency": ref("patterns"), "clock": CLOCK,
        "mode": {"enum": list(MODES), "default": "any"},
        "min": {"type": "integer", "minimum": 0}, "max": {"anyOf": [{"type": "integer", "minimum": 1}, DURATION]},
        "within": DURATION, "in": {"type": "string", "description": "a span: one slice per instance"}, "by": ref("keys"),
        "across": {"enum": ["user"]}, "after": ref("patterns"), "until": ref("patterns"),
        "unless": one_or_many({"type": "string"}),
    }  # fmt: skip
    return json_object(properties, ("id",), description="one DECLARE template, in a scope")


def _operands_schema(count: int | None) -> JsonSchema:
    if count is None:
        return one_or_many(ref("patterns"))
    return {"type": "array", "items": ref("patterns"), "minItems": count, "maxItems": count}


KIND = listed_kind("rules", _read, _schema(), "rule")
