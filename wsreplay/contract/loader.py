"""From a name or a file to a Contract, with every error at its line and column."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from wsreplay.contract import paths
from wsreplay.contract.check import check
from wsreplay.contract.document import ADDING, Value, identified, overlay, read, suggestion
from wsreplay.contract.mapping import PLACES, map_contract, map_envelope
from wsreplay.contract.model import (
    CONNECTION_SOURCES,
    RESUME_AFTER,
    AppliesTo,
    Contract,
    Envelope,
    Key,
    Rule,
)
from wsreplay.contract.parts import Reader, duration_ns, path_of
from wsreplay.contract.rules.kind import COMMON, RuleKind
from wsreplay.contract.rules.table import KINDS
from wsreplay.decode import OUR_DECODERS, decoder_names
from wsreplay.errors import ContractError, UsageError
from wsreplay.model import NO_CONTRACT
from wsreplay.store.paths import reachable
from wsreplay.trace.identity import UserSource, parse_user_source
from wsreplay.trace.sessions import RESUME_WITHIN_NS, Resumption

_PARTS = ("contract", "version", "description", "extends", "applies_to", "session", "envelope", "map", "keys", "known", "user")
TOP_LEVEL = (*_PARTS, *(kind.key for kind in KINDS))
_BY_ID = {kind.key for kind in KINDS if kind.by_id}
_MERGED = {"envelope": 1, "map": 2, "keys": 1, "session": 1, **{kind.key: kind.merged for kind in KINDS if kind.merged}}
_ONE_VALUE = ("contract", "version", "description", "extends", "applies_to")
_ADDED = tuple(f"{ADDING}{name}" for name in TOP_LEVEL if name not in _ONE_VALUE)
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_LARGEST_FILE = 4 << 20


def builtin_names() -> list[str]:
    """The contracts that come with wsreplay."""
    folder = resources.files("wsreplay.contract") / "builtin"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def name_or_file(contract: str | None) -> str | FilePath | None:
    """A built-in's name, and `none`, as they are; of a file its path, which is another from another folder."""
    return contract if contract is None or contract in (NO_CONTRACT, *builtin_names()) else FilePath(contract)


def purpose(name_or_path: str) -> str:
    """What a contract is for, as the first comment of its text says; nothing where none does. Raises ContractError."""
    text, _, _ = _text(name_or_path, None)
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.lstrip("# ") if first.startswith("#") else ""


def load(name_or_path: str) -> Contract:
    """A built-in contract by its name, or one from a YAML file. ContractError says what is wrong with it, and where."""
    is_builtin = name_or_path in (NO_CONTRACT, *builtin_names())
    return _load_builtin(name_or_path) if is_builtin else loads(*_text(name_or_path, None))


@cache
def _load_builtin(name: str) -> Contract:
    return loads(*_text(name, None))


def loads(text: str, file: str = "contract.yaml", folder: FilePath | None = None) -> Contract:
    """A contract from its text; `extends` looks for files in `folder`. One that extends another is named by its file."""
    digest = hashlib.sha256(text.encode())
    documents = [_check_top(read(text, file))]
    top = documents[0].mapping()
    if "extends" in top and "contract" not in top:  # it is another than the one it extends
        top["contract"] = Value(FilePath(file).stem, documents[0].place)
        documents[0].key_places["contract"] = documents[0].place
    texts = {file: text}
    seen = {_own_name(file, folder)}
    while (base := documents[-1].mapping().get("extends")) is not None:
        base_text, base_file, folder = _base(base, folder)
        if _own_name(base_file, folder) in seen:
            base.fail(f"{base.data} extends itself")
        seen.add(_own_name(base_file, folder))
        digest.update(base_text.encode())
        below = read(base_text, base_file)
        if not isinstance(below.data, dict) or not {"contract", "extends"} & set(below.data):
            base.fail(f"{base.data} is not a contract")  # and nothing of what it holds is shown
        documents.append(_check_top(below))
        texts[base_file] = base_text
    document = documents.pop()
    _check_switched_off(document, {})
    for change in reversed(documents):  # from the base up: what a file adds is added to all that stands below it
        _check_switched_off(change, document.mapping())
        document = overlay(document, change, _BY_ID, _MERGED)
    extends_line = top["extends"].place.line if "extends" in top else 0
    contract = _Loader(document).contract(text, digest.hexdigest()[:16])
    return replace(contract, extends_line=extends_line, texts=texts)


def _check_switched_off(change: Value, base: Mapping[str, Value]) -> None:
    """That the rules and spans that are switched off are in the base. One that is written out, and switched off, is its own."""
    known = [id for key, part in base.items() if key in _BY_ID for id, _ in identified(part, key)]
    spans = _members(base.get("spans"))
    for name, part in change.mapping().items():
        key = name.removeprefix(ADDING)
        for id, rule in identified(part, key) if key in _BY_ID else ():
            if id in known or not _is_switch(rule) or "id" not in rule.data:
                continue
            if id in spans:
                rule.fail(f"{id!r} is a span: to switch it off, write `spans: {{{id}: {{enabled: false}}}}`")
            rule.fail(f"there is no rule {id!r} to switch off{suggestion(id, known)}")
    for id, span in _members(change.mapping().get("spans")).items():
        if id not in spans and _is_switch(span):
            span.fail(f"there is no span {id!r} to switch off{suggestion(id, spans)}")


def _members(value: Value | None) -> dict[str, Value]:
    return value.data if value is not None and isinstance(value.data, dict) else {}


def _is_switch(rule: Value) -> bool:
    """Whether it says of a rule only that it is not enabled."""
    data = rule.data
    return isinstance(data, dict) and data.keys() <= set(COMMON) and "enabled" in data and data["enabled"].data is False


def _check_top(document: Value) -> Value:
    """The document of a contract, whose top-level keys are known. Only one that extends another can add to lists."""
    extends = isinstance(document.data, dict) and "extends" in document.data
    document.mapping((*TOP_LEVEL, *_ADDED) if extends else TOP_LEVEL, "a contract")
    return document


def _own_name(file: str, folder: FilePath | None) -> str:
    """What tells a contract from all others, however its path is written. One that comes with wsreplay has no folder."""
    return file if folder is None else os.path.realpath(file)


def _base(value: Value, folder: FilePath | None) -> tuple[str, str, FilePath | None]:
    try:
        return _text(value.string("the name or file of a contract"), folder)
    except ContractError as error:
        value.fail(error.message)


def _text(name: str, folder: FilePath | None) -> tuple[str, str, FilePath | None]:
    if name == NO_CONTRACT:
        return f"contract: {NO_CONTRACT}\n", f"{NO_CONTRACT}.yaml", None
    if name in builtin_names():
        source = (resources.files("wsreplay.contract") / "builtin" / f"{name}.yaml").read_text("utf-8")
        return source, f"{name}.yaml", None
    try:
        path = reachable(FilePath(name) if folder is None else folder / name)
    except UsageError as error:
        raise ContractError(str(error)) from error
    if path.is_dir():
        raise ContractError(f"{name} is a folder, not a contract file")
    if not path.is_file():
        if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
            raise ContractError(f"no such contract file: {name}")
        raise ContractError(f"no built-in contract {name!r}{suggestion(name, builtin_names())}")
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ContractError("too large for a contract", file=name)
        return path.read_text("utf-8"), str(path), path.parent
    except UnicodeDecodeError as error:
        raise ContractError("not UTF-8", file=name) from error
    except OSError as error:
        raise ContractError(f"cannot be read: {error.strerror}", file=name) from error


class _Loader:
    def __init__(self, document: Value) -> None:
        self.document, self.top = document, document.mapping()

    def contract(self, source: str, digest: str) -> Contract:
        if "contract" not in self.top:
            self.document.fail("a contract begins with its name: `contract: NAME`")
        if "description" in self.top:
            self.top["description"].string("text for readers")
        envelope, keys = self._envelope(), self._keys()
        spans = self.top["spans"].mapping() if "spans" in self.top else {}
        reader = Reader(keys, envelope, list(spans), _run_keys(spans, keys))
        contract = Contract(
            name=self.top["contract"].string("the contract's name"), version=self._version(), file=self.document.place.file,
            source=source, digest=digest, envelope=envelope, keys=keys, rules=self._rules(reader),
            known=self._part("known", reader.patterns, ()), applies_to=self._applies_to(reader),
            resumption=self._resumption(),
        )  # fmt: skip
        if "map" in self.top:
            contract = map_contract(contract, self.top["map"])
        if "user" in self.top:
            contract = contract.identified_by(*(_user_source(item) for item in self.top["user"].items()))
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
        envelope = Envelope(paths.parse("$.type"))
        if "envelope" in self.top:
            parts = self.top["envelope"].mapping((*PLACES, "decoder"))
            places: dict[str, Any] = {name: path_of(parts[name]) for name in PLACES if name in parts}
            if "decoder" in parts:
                named = parts["decoder"]
                places["decoder"] = named.choice(OUR_DECODERS if named.data in OUR_DECODERS else decoder_names())
            envelope = replace(envelope, **places)
        return map_envelope(envelope, self.top["map"]) if "map" in self.top else envelope

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
                part.fail(f"{name} is reserved for connections: choose another name for the key")
            if not keys[name].sources:
                part.fail("expected at least one source")
            _check_no_circle(name, keys, part)
        return keys

    @staticmethod
    def _source(value: Value, name: str, names: list[str]) -> paths.Path | str:
        text = value.string("a path, conn.id, conn.user, conn.session or another key")
        if text.startswith("$"):
            return path_of(value)
        allowed = [*CONNECTION_SOURCES, *(other for other in names if other != name)]
        if text not in allowed and not difflib.get_close_matches(text, allowed, n=1) and _MEMBER.fullmatch(text):
            value.fail(f"{text!r} is neither a key nor a path; did you mean '$.{text}'?")
        return value.choice(allowed)

    def _applies_to(self, reader: Reader) -> AppliesTo:
        if "applies_to" not in self.top:
            return AppliesTo()
        parts = self.top["applies_to"].mapping(("path", "subprotocol", "events"))
        globs = {name: _globs(parts[name]) for name in ("path", "subprotocol") if name in parts}
        return AppliesTo(**globs, events=reader.patterns(parts["events"]) if "events" in parts else ())

    def _resumption(self) -> Resumption:
        if "session" not in self.top:
            return Resumption()
        parts = self.top["session"].mapping(("resume_within", "resume_after"))
        within_ns = duration_ns(parts["resume_within"]) if "resume_within" in parts else RESUME_WITHIN_NS
        after_any = "resume_after" in parts and parts["resume_after"].choice(RESUME_AFTER) == "any"
        return Resumption(within_ns, after_any)

    def _rules(self, reader: Reader) -> tuple[Rule, ...]:
        rules: list[Rule | None] = []
        errors: list[ContractError] = []
        for kind in KINDS:
            if kind.key in self.top:
                try:
                    rules += kind.read(self.top[kind.key], reader)
                except ContractError as error:
                    errors += _errors_of(kind, self.top[kind.key], reader) or [error]
        if errors:
            first, *others = sorted(errors, key=lambda error: (error.line, error.column))
            first.others = tuple(others)
            raise first
        return _check_unique_ids(rule for rule in rules if rule is not None)


def _errors_of(kind: RuleKind, value: Value, reader: Reader) -> list[ContractError]:
    """What is wrong with each of the rules or spans that stand in one place, each by itself."""
    if isinstance(value.data, list):
        alone = [replace(value, data=[member]) for member in value.data]
    elif isinstance(value.data, dict) and kind.key in ("spans", "schema"):
        alone = [replace(value, data={name: member}) for name, member in value.data.items()]
    else:
        return []
    errors = []
    for member in alone:
        try:
            list(kind.read(member, reader))
        except ContractError as error:
            errors.append(error)
    return errors


def _run_keys(spans: dict[str, Value], keys: dict[str, Key]) -> list[str]:
    """What tells the instances apart of the span named `run`, else of the first; what is wrong with it is said elsewhere."""
    run = spans.get("run") or next(iter(spans.values()), None)
    by = run.data.get("by") if run is not None and isinstance(run.data, dict) else None
    return [item.data for item in by.items() if item.data in keys] if by is not None else []


def _user_source(value: Value) -> UserSource:
    try:
        source = parse_user_source(value.string("where a user stands"))
    except UsageError as error:
        value.fail(str(error))
    if source.kind == "message":
        path_of(value)
    return source


def _globs(value: Value) -> tuple[str, ...]:
    globs = tuple(item.string("a glob") for item in value.items())
    if not globs:
        value.fail("expected a glob, found an empty list")
    return globs


def _check_unique_ids(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    by_id = dict[str, Rule]()
    for rule_ in rules:
        if rule_.id in by_id:
            raise rule_.place.error(f"the id {rule_.id!r} is taken; first in line {by_id[rule_.id].place.line}")
        by_id[rule_.id] = rule_
    return tuple(by_id.values())


def _check_no_circle(name: str, keys: dict[str, Key], value: Value, above: tuple[str, ...] = ()) -> None:
    if name in above:
        value.fail(f"keys refer to each other in a circle: {' → '.join([*above, name])}")
    for source in keys[name].sources:
        if isinstance(source, str) and source in keys:
            _check_no_circle(source, keys, value, (*above, name))
