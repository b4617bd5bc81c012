"""From a name or a file to a Contract, with every error at its line and column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from wsreplay.contract import paths
from wsreplay.contract.check import check
from wsreplay.contract.document import Value, overlay, read, suggestion
from wsreplay.contract.model import (
    CONNECTION_SOURCES,
    PSEUDO_EVENTS,
    AppliesTo,
    Contract,
    Envelope,
    Key,
    Pattern,
    Patterns,
    Rule,
)
from wsreplay.contract.rules import isolation, json_format, latency, rule, schema, sequence, span, unique, unknown
from wsreplay.errors import ContractError

TOP_LEVEL = (
    "contract", "version", "description", "extends", "applies_to", "session", "envelope", "keys", "json", "known", "unknown",
    "spans", "rules", "latency", "sequence", "unique", "isolation", "schema",
)  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|min|h)")
_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000}
_LARGEST_FILE = 4 << 20


def builtin_names() -> list[str]:
    """The contracts that come with wsreplay."""
    folder = resources.files("wsreplay.contract") / "builtin"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load(name_or_path: str) -> Contract:
    """A built-in contract by its name, or one from a YAML file. ContractError says what is wrong with it, and where."""
    return loads(*_text(name_or_path, None))


def loads(text: str, file: str = "contract.yaml", folder: FilePath | None = None) -> Contract:
    """A contract from its text; `extends` looks for files in `folder`."""
    digest = hashlib.sha256(text.encode())
    document = read(text, file)
    seen = {file}
    while True:
        base = document.mapping(TOP_LEVEL, "a contract").get("extends")
        if base is None:
            return _Loader(document).contract(text, digest.hexdigest()[:16])
        base_text, base_file, base_folder = _base(base, folder)
        if base_file in seen:
            base.fail(f"{base.data} extends itself")
        seen.add(base_file)
        digest.update(base_text.encode())
        below = read(base_text, base_file)
        below.mapping(TOP_LEVEL, "a contract")
        change = {key: value for key, value in document.data.items() if key != "extends"}
        document = overlay(below, Value(change, document.place, document.key_places))
        folder = base_folder


def _base(value: Value, folder: FilePath | None) -> tuple[str, str, FilePath | None]:
    try:
        return _text(value.string("the name or file of a contract"), folder)
    except ContractError as error:
        value.fail(error.message)


def _text(name: str, folder: FilePath | None) -> tuple[str, str, FilePath | None]:
    if name in builtin_names():
        source = (resources.files("wsreplay.contract") / "builtin" / f"{name}.yaml").read_text("utf-8")
        return source, f"{name}.yaml", None
    path = FilePath(name) if folder is None else folder / name
    if not path.is_file():
        if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
            raise ContractError(f"no such contract file: {name}", file=name)
        raise ContractError(f"no built-in contract {name!r}{suggestion(name, builtin_names())}", file=name)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ContractError("too large for a contract", file=name)
        return path.read_text("utf-8"), str(path), path.parent
    except UnicodeDecodeError as error:
        raise ContractError("not UTF-8", file=name) from error
    except OSError as error:
        raise ContractError(f"cannot be read: {error.strerror}", file=name) from error


def duration_ns(value: Value) -> int:
    """`100ms`, `2s`, `1.5min` in nanoseconds."""
    match = _DURATION.fullmatch(value.data.strip()) if isinstance(value.data, str) else None
    if match is None:
        value.fail(f"expected a duration such as 100ms or 2s, found {value.data!r}")
    return round(float(match[1]) * _UNITS[match[2]])


class Reader:
    """Reads the parts that rules are made of; knows the contract's keys and envelope."""

    def __init__(self, keys: dict[str, Key], envelope: Envelope) -> None:
        self.keys, self.envelope = keys, envelope

    def patterns(self, value: Value) -> Patterns:
        """One pattern, or a list of which any may fit."""
        found = tuple(self.pattern(item) for item in value.items())
        if not found:
            value.fail("expected an event pattern, found an empty list")
        return found

    def pattern(self, value: Value) -> Pattern:
        if isinstance(value.data, dict):
            parts = value.mapping(("event", "where"), "an event pattern")
            if "event" not in parts:
                value.fail("a pattern with conditions needs its `event`")
            base = self.pattern(parts["event"])
            return Pattern(base.type, base.direction, self._where(parts["where"]) if "where" in parts else ())
        text = value.string("an event pattern such as agent_started or s2c:chat*")
        direction = {"c2s:": 0, "s2c:": 1}.get(text[:4])
        type_ = text if direction is None else text[4:]
        if not type_:
            value.fail(f"expected a type after {text!r}")
        if type_.startswith("ws."):
            self._pseudo(value, type_, direction)
        return Pattern(type_, direction)

    @staticmethod
    def _pseudo(value: Value, type_: str, direction: int | None) -> None:
        if type_ not in PSEUDO_EVENTS:
            value.fail(f"unknown pseudo-event {type_!r}{suggestion(type_, PSEUDO_EVENTS)}")
        if direction is not None:
            value.fail(f"{type_} has no direction")

    def _where(self, value: Value) -> tuple[tuple[paths.Path, tuple[Any, ...]], ...]:
        conditions = []
        for text, wanted in value.mapping(None, "conditions such as {$.status: done}").items():
            values = [item.plain() for item in wanted.items()]
            if any(isinstance(item, dict | list) for item in values):
                wanted.fail("a condition compares with a text, a number, true, false or null, or a list of these")
            conditions.append((path_of(Value(text, value.key_places[text])), tuple(values)))
        return tuple(conditions)

    def key(self, value: Value) -> str:
        return value.choice([*self.keys, *CONNECTION_SOURCES])

    def key_list(self, value: Value) -> tuple[str, ...]:
        found = tuple(self.key(item) for item in value.items())
        if not found:
            value.fail("expected at least one key")
        return found

    def field(self, value: Value) -> paths.Path:
        """`envelope.id`, or a path."""
        text = value.string("a path such as $.seq, or envelope.seq")
        if not text.startswith("envelope."):
            return path_of(value)
        name = text.removeprefix("envelope.")
        parts = {"type": self.envelope.type, "sent": self.envelope.sent, "seq": self.envelope.seq, "id": self.envelope.id}
        found = parts.get(name)
        if found is None:
            value.fail(f"the envelope says nothing of {name!r}{suggestion(name, [key for key, path in parts.items() if path])}")
        return found

    duration_ns = staticmethod(duration_ns)


def path_of(value: Value) -> paths.Path:
    try:
        return paths.parse(value.string("a path such as $.thread_id"))
    except paths.PathError as error:
        value.fail(str(error))


class _Loader:
    def __init__(self, document: Value) -> None:
        self.document, self.top = document, document.mapping(TOP_LEVEL, "a contract")

    def contract(self, source: str, digest: str) -> Contract:
        if "contract" not in self.top:
            self.document.fail("a contract begins with its name: `contract: NAME`")
        envelope, keys = self._envelope(), self._keys()
        reader = Reader(keys, envelope)
        contract = Contract(
            name=self.top["contract"].string("the contract's name"), version=self._version(), file=self.document.place.file,
            source=source, digest=digest, envelope=envelope, keys=keys, rules=self._rules(reader),
            known=self._part("known", reader.patterns, ()), applies_to=self._applies_to(),
            resume_within_ns=self._resume_within(),
        )  # fmt: skip
        check(contract)
        return contract

    def _part(self, name: str, build: Callable[[Value], Any], default: Any) -> Any:
        return build(self.top[name]) if name in self.top else default

    def _version(self) -> str:
        value = self.top.get("version")
        if value is None:
            return "1"
        if isinstance(value.data, bool) or not isinstance(value.data, str | int | float):
            value.fail("expected a version such as 1 or '2026-11'")
        return str(value.data)

    def _envelope(self) -> Envelope:
        names = ("type", "sent", "seq", "id")
        if "envelope" not in self.top:
            return Envelope(paths.parse("$.type"))
        parts = {name: path_of(value) for name, value in self.top["envelope"].mapping(names).items()}
        return Envelope(**{"type": paths.parse("$.type"), **parts})

    def _keys(self) -> dict[str, Key]:
        if "keys" not in self.top:
            return {}
        value = self.top["keys"]
        names = list(value.mapping())
        keys = {
            name: Key(name, tuple(self._source(item, name, names) for item in part.items()))
            for name, part in value.data.items()
        }
        for name, part in value.data.items():
            if name.startswith("conn."):
                part.fail(f"{name} is what the connection says; a key needs another name")
            if not keys[name].sources:
                part.fail("expected at least one source")
            _no_circle(name, keys, part)
        return keys

    @staticmethod
    def _source(value: Value, name: str, names: list[str]) -> paths.Path | str:
        text = value.string("a path, conn.id, conn.user, conn.session or another key")
        if text.startswith("$"):
            return path_of(value)
        return value.choice([*CONNECTION_SOURCES, *(other for other in names if other != name)])

    def _applies_to(self) -> AppliesTo:
        if "applies_to" not in self.top:
            return AppliesTo()
        parts = self.top["applies_to"].mapping(("path", "subprotocol"))
        return AppliesTo(**{name: tuple(item.string("a glob") for item in value.items()) for name, value in parts.items()})

    def _resume_within(self) -> int:
        if "session" not in self.top:
            return 30_000_000_000
        parts = self.top["session"].mapping(("resume_within",))
        return duration_ns(parts["resume_within"]) if "resume_within" in parts else 30_000_000_000

    def _rules(self, reader: Reader) -> tuple[Rule, ...]:
        found = list[Rule | None]()
        if "json" in self.top:
            found.append(json_format(self.top["json"]))
        if "unknown" in self.top:
            found.append(unknown(self.top["unknown"]))
        if "spans" in self.top:
            spans = self.top["spans"]
            names = list(spans.mapping())
            found += [span(name, value, spans.key_places[name], reader, names) for name, value in spans.data.items()]
        else:
            names = []
        for kind, build in (
            ("rules", rule),
            ("latency", latency),
            ("sequence", sequence),
            ("unique", unique),
            ("isolation", isolation),
        ):
            if kind in self.top:
                found += [build(value, reader, names) for value in _listed(self.top[kind], kind)]
        if "schema" in self.top:
            found.append(schema(self.top["schema"], reader))
        return _told_apart(item for item in found if item is not None)


def _listed(value: Value, kind: str) -> list[Value]:
    if kind in ("rules", "isolation"):
        return value.sequence("a list of rules")
    return value.items()


def _told_apart(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    found = dict[str, Rule]()
    for rule_ in rules:
        if rule_.id in found:
            place = rule_.place
            raise ContractError(
                f"the id {rule_.id!r} is taken; first in line {found[rule_.id].place.line}",
                file=place.file,
                line=place.line,
                column=place.column,
                path=place.path,
            )
        found[rule_.id] = rule_
    return tuple(found.values())


def _no_circle(name: str, keys: dict[str, Key], value: Value, above: tuple[str, ...] = ()) -> None:
    if name in above:
        value.fail(f"keys that name each other in a circle: {' → '.join([*above, name])}")
    for source in keys[name].sources:
        if isinstance(source, str) and source in keys:
            _no_circle(source, keys, value, (*above, name))
