"""A product's own names and places, and what they are called in the contract: `map`.

Nothing of a message is rewritten. Events are renamed where their handlers are looked up; the contract's paths become the
product's when the contract is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path as FilePath
from typing import Any, NoReturn, TypeVar

from wsreplay.contract import paths
from wsreplay.contract.document import Value, suggestion
from wsreplay.contract.model import Contract, Envelope, Pattern, Place, ProductMap
from wsreplay.contract.parts import path_of
from wsreplay.trace import jsonpath

Part = TypeVar("Part")
PLACES = ("type", "sent", "seq", "id")
PARTS = ("unpack", *PLACES, "events", "fields")


def map_envelope(envelope: Envelope, value: Value) -> Envelope:
    """The envelope with the product's places."""
    parts = value.mapping(PARTS)
    changes: dict[str, Any] = {name: path_of(parts[name]) for name in PLACES if name in parts}
    if "unpack" in parts:
        changes["unpack"] = tuple(path_of(item) for item in parts["unpack"].items())
    return replace(envelope, **changes)


def map_contract(contract: Contract, value: Value) -> Contract:
    """The contract with the product's events and fields."""
    parts = value.mapping(PARTS)
    events = _events(contract, parts["events"]) if "events" in parts else ()
    product = ProductMap(events)
    contract = _substitute(replace(contract, map=product), Pattern, lambda pattern: _named(pattern, product))
    return _map_fields(contract, parts["fields"]) if "fields" in parts else contract


def _events(contract: Contract, value: Value) -> tuple[tuple[str, str], ...]:
    events = []
    for theirs, item in value.mapping(None, "events such as {agent.start: agent_started}").items():
        ours = item.string("the contract's name of the event")
        if ours.count("*") > theirs.count("*"):
            item.fail(f"{ours!r} has more stars than {theirs!r}: the last one would have no value")
        if not _is_named(contract, ours):
            names = [pattern.type for rule in contract.rules for pattern in rule.patterns()]
            item.fail(f"no rule of the contract names {ours!r}{suggestion(ours, dict.fromkeys(names))}")
        events.append((theirs, ours))
    for theirs, ours in events:
        if theirs not in (ours for _, ours in events):
            _fail_hidden(contract, theirs, ours, value.key_places[theirs])
    return tuple(events)


def _fail_hidden(contract: Contract, theirs: str, ours: str, place: Place) -> None:
    """A name that an extended contract knows as it is may get another only where that does as well."""
    for rule in (rule for rule in contract.rules if rule.place.file != contract.file):
        for patterns in _alternatives(rule):
            hidden = next((pattern for pattern in patterns if pattern.type == theirs), None)
            if hidden is not None and not any(_does_as_well(other, hidden, ours) for other in patterns):
                known = f"{FilePath(rule.place.file).name} understands {theirs} as it is"
                raise place.error(f"{known}: delete this line. As {ours}, its rule {rule.id} would never see it")


def _does_as_well(other: Pattern, hidden: Pattern, ours: str) -> bool:
    return other is not hidden and other.direction in (None, hidden.direction) and other.fits(other.direction, ours)


def _alternatives(value: Any) -> Iterator[tuple[Pattern, ...]]:
    """The patterns of a rule, those together of which any may fit."""
    if isinstance(value, tuple):
        patterns = tuple(item for item in value if isinstance(item, Pattern))
        if patterns:
            yield patterns
        else:
            for item in value:
                yield from _alternatives(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _alternatives(getattr(value, field.name))


def _is_named(contract: Contract, ours: str) -> bool:
    if "*" in ours:
        return True
    return any(contract.is_known(direction, ours) and not _is_any(contract, direction, ours) for direction in (0, 1))


def _is_any(contract: Contract, direction: int, ours: str) -> bool:
    """Whether only a bare star of `known` fits."""
    known = [pattern for pattern in contract.known if pattern.type != "*"]
    return not contract.is_named(direction, ours) and not any(pattern.fits(direction, ours) for pattern in known)


def _map_fields(contract: Contract, value: Value) -> Contract:
    """Wherever the contract reads a field, it reads the product's path: all at once, for a path may begin as another field."""
    moves: dict[jsonpath.Path, paths.Path] = {}
    keys: dict[str, paths.Path] = {}
    read = list(_paths_in(contract))
    for ours, item in value.mapping().items():
        theirs, place = path_of(item), value.key_places[ours]
        try:
            steps = paths.parse(ours if ours.startswith("$") else f"$.{ours}").steps
        except paths.PathError as error:
            Value(ours, place).fail(str(error))
        if any(path.steps[: len(steps)] == steps for path in read):
            moves[steps] = theirs
        elif ours in contract.keys:
            keys[ours] = theirs
        else:
            _fail_unread(contract, ours, Value(ours, place))
    mapped: Contract = _substitute(contract, paths.Path, lambda path: _moved(path, moves))
    added = {name: replace(mapped.keys[name], sources=(path, *mapped.keys[name].sources)) for name, path in keys.items()}
    return replace(mapped, keys={**mapped.keys, **added})


def _fail_unread(contract: Contract, ours: str, value: Value) -> NoReturn:
    names = {str(path.steps[-1]) for path in _paths_in(contract) if path.steps} | set(contract.keys)
    value.fail(f"nothing in the contract reads {ours!r}{suggestion(ours, sorted(names))}")


def _moved(path: paths.Path, moves: Mapping[jsonpath.Path, paths.Path]) -> paths.Path:
    """The product's path in the place of the longest field that a path begins with."""
    for end in range(len(path.steps), 0, -1):
        theirs = moves.get(path.steps[:end])
        if theirs is not None:
            return paths.of_steps((*theirs.steps, *path.steps[end:]))
    return path


def _paths_in(value: Any) -> Iterator[paths.Path]:
    if isinstance(value, paths.Path):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _paths_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _paths_in(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _paths_in(getattr(value, field.name))


def _named(pattern: Pattern, product: ProductMap) -> Pattern:
    """The pattern with the product's names."""
    return pattern if pattern.pseudo else replace(pattern, product_types=product.product_names(pattern.type))


def _substitute(value: Any, kind: type[Part], change: Callable[[Part], Part]) -> Any:
    """The same value with every part of it that is of that kind changed."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_substitute(item, kind, change) for item in value)
    if isinstance(value, dict):
        return {key: _substitute(item, kind, change) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {field.name: _substitute(getattr(value, field.name), kind, change) for field in fields(value)}
        return replace(value, **changed)
    return value
