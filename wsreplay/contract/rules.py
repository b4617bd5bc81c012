"""How each kind of rule is read from the document."""

from __future__ import annotations

from typing import Any

import fastjsonschema

from wsreplay.contract.document import Value, one_of
from wsreplay.contract.model import (
    CONNECTION_SOURCES,
    MODES,
    TEMPLATES,
    Bind,
    Confine,
    Declare,
    Format,
    Latency,
    Place,
    Rule,
    Schema,
    SequenceRule,
    Span,
    Unique,
    Unknown,
)
from wsreplay.contract.parts import Reader, duration_ns

SEVERITIES = ("error", "warning", "info")
COMMON = ("id", "severity", "require_activation", "enabled")
DECLARE = ("mode", "min", "max", "within", "in", "by", "across", "after", "until", "unless")


def _common(value: Value, parts: dict[str, Value], default_id: str | None = None) -> dict[str, Any]:
    name = parts.get("id")
    if name is None and default_id is None:
        value.fail("a rule needs an id")
    return {
        "id": default_id if name is None else name.string("the rule's id"),
        "place": value.place,
        "severity": parts["severity"].choice(SEVERITIES) if "severity" in parts else "error",
        "require_activation": parts["require_activation"].boolean() if "require_activation" in parts else False,
    }


def _enabled(parts: dict[str, Value]) -> bool:
    return parts["enabled"].boolean() if "enabled" in parts else True


def json_format(value: Value) -> Rule | None:
    parts = value.mapping(("text", "type", "names", "severity", "enabled"))
    if not _enabled(parts):
        return None
    common = _common(value, {key: part for key, part in parts.items() if key == "severity"}, "json")
    return Format(
        **common,
        text=parts["text"].choice(("object", "json", "any")) if "text" in parts else "object",
        type_required="type" in parts and parts["type"].choice(("required", "optional")) == "required",
        names_unique="names" in parts and parts["names"].choice(("any", "unique")) == "unique",
    )


def unknown(value: Value) -> Rule | None:
    answer = value.choice(("allow", "warn", "error"))
    return None if answer == "allow" else Unknown("unknown", value.place, "warning" if answer == "warn" else "error")


def span(name: str, value: Value, place: Place, reader: Reader, names: list[str]) -> Rule | None:
    allowed = ("by", "else_by", "inside", "parent", "within", "start", "end", "body", "after", "outside", "severity",
               "require_activation", "enabled")  # fmt: skip
    parts = value.mapping(allowed, "a span")
    if not _enabled(parts):
        return None
    for needed in ("start", "end"):
        if needed not in parts:
            value.fail(f"a span needs its {needed}: without one it can never {'begin' if needed == 'start' else 'end'}")
    common = _common(value, {key: part for key, part in parts.items() if key in COMMON}, name)
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
        inside=parts["inside"].choice([other for other in names if other != name] or ["another span"])
        if "inside" in parts
        else None,
        parent=_parent(parts["parent"], reader) if "parent" in parts else None,
        within_ns=duration_ns(parts["within"]) if "within" in parts else None,
    )


def _ends(value: Value, reader: Reader) -> tuple[tuple[str, Any], ...]:
    if isinstance(value.data, dict) and "event" not in value.data:
        if not value.data:
            value.fail("a span that cannot end: name at least one end")
        return tuple((name, reader.patterns(part)) for name, part in value.data.items())
    return (("ok", reader.patterns(value)),)


def _after(value: Value, reader: Reader) -> tuple[tuple[str | None, Any], ...]:
    if isinstance(value.data, dict) and "event" not in value.data:
        return tuple((name, reader.patterns(part)) for name, part in value.data.items())
    return ((None, reader.patterns(value)),)


def _parent(value: Value, reader: Reader) -> Any:
    text = value.string("a path or a key that names the parent")
    return reader.field(value) if text.startswith("$") else reader.key(value)


def rule(value: Value, reader: Reader, spans: list[str]) -> Rule | None:
    parts = value.mapping((*COMMON, *TEMPLATES, *DECLARE, "latency"), "a rule")
    if not _enabled(parts):
        return None
    templates = [name for name in parts if name in TEMPLATES or name == "latency"]
    if len(templates) != 1:
        count = str(len(templates)) if templates else "none. To change a rule of the contract that is extended, repeat its id"
        value.fail(f"a rule has exactly one template, {one_of([*TEMPLATES, 'latency'])}; found {count}")
    if templates == ["latency"]:
        return latency(value, reader, spans)
    template = templates[0]
    return Declare(
        **_common(value, parts),
        template=template,
        operands=_operands(template, parts[template], reader),
        mode=_mode(template, parts),
        **_counts(template, parts),
        within_ns=_within(template, parts),
        inside=parts["in"].choice(spans or ["a span"]) if "in" in parts else None,
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


def latency(value: Value, reader: Reader, _spans: list[str]) -> Rule | None:
    parts = value.mapping((*COMMON, "latency", "max"))
    if not _enabled(parts):
        return None
    for needed in ("latency", "max"):
        if needed not in parts:
            value.fail(f"latency needs `{needed}`, as in {{id: latency, latency: 's2c:*', max: 100ms}}")
    if reader.envelope.sent is None:
        value.fail("latency needs `envelope: {sent: PATH}`, which says where a message tells when it was sent")
    return Latency(
        **_common(value, parts, "latency"), events=reader.patterns(parts["latency"]), max_ns=duration_ns(parts["max"])
    )


def sequence(value: Value, reader: Reader, _spans: list[str]) -> Rule | None:
    parts = value.mapping((*COMMON, "field", "by", "mode"))
    if not _enabled(parts):
        return None
    return SequenceRule(
        **_common(value, parts, "sequence"), field=_field(value, parts, reader),
        by=reader.key_list(parts["by"]) if "by" in parts else ("conn.id",),
        mode=parts["mode"].choice(("contiguous", "increasing")) if "mode" in parts else "contiguous",
    )  # fmt: skip


def unique(value: Value, reader: Reader, _spans: list[str]) -> Rule | None:
    parts = value.mapping((*COMMON, "field", "by"))
    if not _enabled(parts):
        return None
    return Unique(
        **_common(value, parts, "unique"),
        field=_field(value, parts, reader),
        by=reader.key_list(parts["by"]) if "by" in parts else ("conn.id",),
    )


def _field(value: Value, parts: dict[str, Value], reader: Reader) -> Any:
    if "field" not in parts:
        value.fail("needs `field`: a path, or envelope.id or envelope.seq")
    return reader.field(parts["field"])


def isolation(value: Value, reader: Reader, _spans: list[str]) -> Rule | None:
    parts = value.mapping((*COMMON, "bind", "confine", "to"))
    if not _enabled(parts):
        return None
    if ("bind" in parts) == ("confine" in parts):
        value.fail("an isolation rule either binds keys to their owner or confines a value to its owner: `bind` or `confine`")
    to = parts["to"].choice((*CONNECTION_SOURCES, *reader.keys)) if "to" in parts else "conn.user"
    if "bind" in parts:
        return Bind(**_common(value, parts), keys=reader.key_list(parts["bind"]), to=to)
    return Confine(**_common(value, parts), key=reader.key(parts["confine"]), to=to)


def schema(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping(None, "JSON Schemas by event type")
    schemas = []
    for name, part in parts.items():
        if name == "severity":
            continue
        pattern = reader.pattern(Value(name, value.key_places[name]))
        plain = part.plain()
        try:
            fastjsonschema.compile(plain)
        except (fastjsonschema.JsonSchemaDefinitionException, TypeError, ValueError, KeyError, AttributeError) as error:
            part.fail(f"not a JSON Schema: {error}")
        schemas.append((pattern, plain))
    common = _common(value, {key: part for key, part in parts.items() if key == "severity"}, "schema")
    return Schema(**common, schemas=tuple(schemas))
