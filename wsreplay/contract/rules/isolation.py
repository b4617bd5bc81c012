"""`isolation`: whose is what."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import CONNECTION_SOURCES, Rule
from wsreplay.contract.parts import Reader
from wsreplay.contract.rules.kind import COMMON, is_enabled, listed_kind, read_common
from wsreplay.contract.schema_parts import JsonSchema, common_properties, json_object, one_or_many, ref
from wsreplay.trace.regex import PatternError, compile_pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Rule):
    """Each value of each key belongs to the owner whose client named it first, else to whom the server showed it first.

    Keys stand widest first: what is within a thread belongs to the thread's owner. `shared` are globs of what is everybody's.
    """

    keys: tuple[str, ...]
    to: str
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confine(Rule):
    """A value of `key` names an owner, and only that owner's connections may carry it."""

    key: str
    to: str
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary(Rule):
    """What `pattern` (RE2) matches belongs to the user whose client said it first, and is shown to nobody else."""

    pattern: str


def _read(value: Value, reader: Reader) -> Rule | None:
    parts = value.mapping((*COMMON, "bind", "confine", "canary", "to", "shared"))
    if not is_enabled(parts):
        return None
    if sum(name in parts for name in ("bind", "confine", "canary")) != 1:
        value.fail(
            "an isolation rule binds keys to their owner, confines a value to its owner, or looks for what is planted for one: "
            "`bind`, `confine` or `canary`"
        )
    if "canary" in parts:
        return _read_canary(value, parts)
    to = parts["to"].choice((*CONNECTION_SOURCES, *reader.keys)) if "to" in parts else "conn.user"
    shared = tuple(item.string("a glob") for item in parts["shared"].items()) if "shared" in parts else ()
    if "bind" in parts:
        return Bind(**read_common(value, parts), keys=reader.key_list(parts["bind"]), to=to, shared=shared)
    return Confine(**read_common(value, parts), key=reader.key(parts["confine"]), to=to, shared=shared)


def _read_canary(value: Value, parts: dict[str, Value]) -> Rule:
    for name in ("to", "shared"):
        if name in parts:
            parts[name].fail(f"{name} cannot be combined with canary: what is planted for one user belongs to that user alone")
    pattern = parts["canary"].string("a regular expression such as CANARY-[0-9a-f]+")
    try:
        if compile_pattern(pattern)(b"") is not None:
            parts["canary"].fail("the pattern matches an empty text")
    except PatternError as error:
        parts["canary"].fail(str(error))
    return Canary(**read_common(value, parts), pattern=pattern)


def _schema() -> JsonSchema:
    return json_object(
        {
            **common_properties(),
            "bind": ref("keys"),
            "confine": {"type": "string"},
            "canary": {"type": "string", "description": "a regular expression (RE2)"},
            "to": {"type": "string", "default": "conn.user"},
            "shared": one_or_many({"type": "string"}),
        },
        ("id",),
    )


KIND = listed_kind("isolation", _read, _schema)
