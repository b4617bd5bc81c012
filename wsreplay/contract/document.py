"""A YAML document whose every value knows its line, column and path, and how one document changes another by id."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import yaml

from wsreplay.contract.event_words import one_of
from wsreplay.contract.model import CONSTRUCTS, TEMPLATES, Place
from wsreplay.errors import ContractError

ADDING = "+"  # before the name of a list: what stands there is added to the list of the base
_LONGEST_SHOWN = 60  # characters of a value in an error
_MOST_VALUES = 100_000  # a document of aliases may unfold without end


@dataclass(frozen=True, slots=True)
class Value:
    """One YAML value. `data` is a dict of Values, a list of Values, or a scalar."""

    data: Any
    place: Place
    key_places: dict[str, Place] = field(default_factory=dict)

    def fail(self, message: str) -> NoReturn:
        """Raise ContractError with the place of the value."""
        raise self.place.error(message)

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    def mapping(self, allowed: Iterable[str] | None = None, what: str = "a mapping") -> dict[str, Value]:
        """Its members, of the `allowed` names only. Raises ContractError. `what` is what should stand here, in words."""
        if not isinstance(self.data, dict):
            self.fail(f"expected {what}, found {describe(self.data)}")
        if allowed is not None:
            names = list(allowed)
            for key in self.data:
                if key not in names:
                    raise self.key_places.get(key, self.place).error(f"unknown key {key!r}{suggestion(key, names)}")
        return self.data

    def items(self) -> list[Value]:
        """A list, or one value standing for a list of one."""
        return self.data if isinstance(self.data, list) else [self]

    def sequence(self, what: str) -> list[Value]:
        """Its items. Raises ContractError. `what` is what should stand here, in words."""
        if not isinstance(self.data, list):
            self.fail(f"expected {what}, found {describe(self.data)}")
        return self.data

    def string(self, what: str = "text") -> str:
        """A text that is not empty. Raises ContractError. `what` is what should stand here, in words."""
        if not isinstance(self.data, str) or not self.data:
            self.fail(f"expected {what}, found {describe(self.data)}")
        return self.data

    def choice(self, allowed: Iterable[str]) -> str:
        """One of these texts. Raises ContractError, which says which one may be meant."""
        names = list(allowed)
        if self.data not in names:
            self.fail(f"expected {one_of(names)}, found {describe(self.data)}{suggestion(str(self.data), names)}")
        return str(self.data)

    def natural(self, least: int = 0) -> int:
        """A whole number of at least `least`. Raises ContractError."""
        if not isinstance(self.data, int) or isinstance(self.data, bool) or self.data < least:
            self.fail(f"expected a whole number of at least {least}, found {describe(self.data)}")
        return self.data

    def boolean(self) -> bool:
        """True or false. Raises ContractError."""
        if not isinstance(self.data, bool):
            self.fail(f"expected true or false, found {describe(self.data)}")
        return self.data


def suggestion(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?` where one of the names is close, else what they are."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected {one_of(names)}" if names else ""


def describe(data: Any) -> str:
    """What stands there, in an error: a value in short, `a mapping`, `a list`, `nothing`."""
    if data is None:
        return "nothing"
    if isinstance(data, dict):
        return "a mapping"
    if isinstance(data, list):
        return "a list"
    shown = repr(data)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def read(text: str, file: str) -> Value:
    """Parse YAML 1.1 as PyYAML's safe loader does; ContractError with the place of what is wrong."""
    try:
        node = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise ContractError(f"not YAML: {error.problem or error.context}", file=file, line=line, column=column) from error
    except yaml.YAMLError as error:
        raise ContractError(f"not YAML: {error}", file=file) from error
    except RecursionError as error:
        raise ContractError("nested too deeply", file=file) from error
    if node is None:
        raise ContractError("the file is empty; a contract begins with `contract: NAME`", file=file)
    return _Builder(file).build(node, "")


def _compose(text: str) -> yaml.Node | None:
    """The document as nodes. Several times as fast by libyaml, where it is there; what that refuses is said by the other."""
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=yaml.CSafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


class _Builder:
    def __init__(self, file: str) -> None:
        # how many values there were, and the ids of the nodes that the one in progress is within
        self.file, self.count, self.open = file, 0, set[int]()
        self.scalars = yaml.SafeLoader("")

    def build(self, node: yaml.Node, path: str) -> Value:
        place = Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1, path)
        self.count += 1
        if self.count > _MOST_VALUES or len(path) > 4_000:
            Value(None, place).fail("too large or too deep for a contract")
        if id(node) in self.open:
            Value(None, place).fail("contains itself")
        self.open.add(id(node))
        try:
            return self._build(node, place)
        finally:
            self.open.discard(id(node))

    def _build(self, node: yaml.Node, place: Place) -> Value:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return Value([self.build(child, f"{place.path}[{index}]") for index, child in enumerate(node.value)], place)
        try:
            data = self.scalars.construct_object(node)
        except yaml.MarkedYAMLError as error:
            Value(None, place).fail(f"cannot be read: {error.problem}")
        except (yaml.YAMLError, ValueError, OverflowError):
            Value(None, place).fail("not a valid number or date: put text in quotes")
        if isinstance(data, int | float) and ":" in node.value:
            data = str(node.value)  # 1:30 is a time, not 90 as in YAML 1.1
        return Value(data if data is None or isinstance(data, str | int | float | bool) else str(node.value), place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Value:
        data, places = dict[str, Value](), dict[str, Place]()
        for key_node, child in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            path = f"{place.path}.{key}" if place.path else key
            key_place = Place(self.file, key_node.start_mark.line + 1, key_node.start_mark.column + 1, path)
            if not key:
                Value(None, key_place).fail("a key must be a string")
            if key in data:
                Value(None, key_place).fail(f"{key!r} appears twice; first in line {places[key].line}")
            data[key], places[key] = self.build(child, path), key_place
        return Value(data, place, places)


def overlay(base: Value, change: Value, by_id: Collection[str], merged: Mapping[str, int]) -> Value:
    """`base` with what `change` says: lists of rules by id, mappings by name (`merged`: how many levels deep), all else
    replaced."""
    data = dict(base.mapping())
    for name, value in _to_their_kinds(data, change, by_id).items():
        key = name.removeprefix(ADDING)
        if key != name and key not in merged:
            data[key] = _added(data.get(key), value)
        elif key in data and key in by_id:
            data[key] = _by_id(data[key], value, key)
        elif key in data and (key in merged or _adds(value)):
            data[key] = _merge(data[key], value, merged.get(key, 1))
        else:
            data[key] = value
    return replace(change, data=data)


def _to_their_kinds(base: dict[str, Value], change: Value, by_id: Collection[str]) -> dict[str, Value]:
    """What changes, with each of its `rules` under the kind under which the base has that id, so that whoever changes a rule
    need not know of which kind it is. One with a template of its own takes the place of the base's."""
    parts = dict[str, Value]()
    for name, value in change.mapping().items():
        key = name.removeprefix(ADDING)
        if key in by_id:  # a rule of an id that is taken changes that one, whether its list is added or not
            parts[key] = _added(parts.get(key), value)
        else:
            parts[name] = value
    kinds = {
        name: kind for kind in by_id if kind in base and kind != "rules" for name, _ in identified(base[kind], kind)
    }
    rules = parts.get("rules")
    if rules is None or not isinstance(rules.data, list):
        return parts
    left = []
    for name, rule in identified(rules, "rules"):
        kind = kinds.get(name)
        if kind is None:
            left.append(rule)
        elif TEMPLATES.keys() & rule.data.keys():
            left.append(rule)
            kept = [other for other_name, other in identified(base[kind], kind) if other_name != name]
            base[kind] = replace(base[kind], data=kept)
        else:
            parts[kind] = replace(rules, data=[*(parts[kind].items() if kind in parts else ()), rule])
    parts["rules"] = replace(rules, data=left)
    return parts


def _merge(base: Value, change: Value, depth: int) -> Value:
    if not isinstance(base.data, dict) or not isinstance(change.data, dict):
        return change
    data = dict(base.data)
    for name, value in change.data.items():
        key = name.removeprefix(ADDING)
        if key != name:
            data[key] = _added(data.get(key), value)
        else:
            is_merged = key in data and (depth > 1 or _adds(value))
            data[key] = _merge(data[key], value, depth - 1) if is_merged else value
    return replace(change, data=data, key_places={**base.key_places, **change.key_places})


def _adds(change: Value) -> bool:
    """Whether it is a mapping that adds to a list, and so one that changes its base."""
    return isinstance(change.data, dict) and any(key.startswith(ADDING) for key in change.data)


def _added(base: Value | None, change: Value) -> Value:
    """A list with more items; one value stands for a list of one."""
    return change if base is None else replace(change, data=[*base.items(), *change.items()])


def _by_id(base: Value, change: Value, kind: str) -> Value:
    members = dict(identified(base, kind))
    for name, value in identified(change, kind, len(members)):
        members[name] = _merge(_without_template(members[name], value), value, depth=1) if name in members else value
    return replace(change, data=list(members.values()))


def _without_template(base: Value, change: Value) -> Value:
    """A rule that is given another template keeps nothing of its old one."""
    own = {*TEMPLATES, *CONSTRUCTS}
    if not isinstance(base.data, dict) or not isinstance(change.data, dict) or not own & change.data.keys():
        return base
    if own & change.data.keys() <= base.data.keys():
        return base
    if not set(CONSTRUCTS).isdisjoint({*base.data, *change.data}):  # whose words mean something else in each
        return replace(base, data={key: value for key, value in base.data.items() if key in _IN_EVERY_RULE})
    return replace(base, data={key: value for key, value in base.data.items() if key not in TEMPLATES})


_IN_EVERY_RULE = ("id", "severity", "require_activation", "in", "by", "across", "after", "until", "unless")


def identified(rules: Value, kind: str, before: int = 0) -> list[tuple[str, Value]]:
    """Rules with their ids as far as they have one; the first without is named like its kind: `left-open`.
    `before` is how many the base has."""
    names = (kind.replace("_", "-") if index == 0 else f"#{before + index}" for index, _ in enumerate(rules.items()))
    return [
        (str(rule.data["id"].data) if isinstance(rule.data, dict) and "id" in rule.data else name, rule)
        for name, rule in zip(names, rules.items(), strict=True)
    ]
