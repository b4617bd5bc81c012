"""The generated handlers of a contract, to be read: see `wsreplay.validator.emit` for what their variables mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wsreplay.contract import Contract
from wsreplay.contract.model import Pattern
from wsreplay.validator.engine import Engine

_OTHER = "any other type"
_WAYS = ("c2s", "s2c")


def list_handlers(contract: Contract) -> Iterator[tuple[list[str], str]]:
    """The events of each handler, as `s2c:type`, and its source; in the order in which the contract names them. What happens to
    any other type comes last."""
    engine = Engine(contract)
    events = defaultdict[str, list[str]](list)
    for direction, type_ in [*_named(contract), (0, _OTHER), (1, _OTHER)]:
        events[engine.handler_source(direction, type_)].append(f"{_WAYS[direction]}:{type_}")
    others = [source for source, named in events.items() if named[0].endswith(_OTHER)]
    for source in [*(source for source in events if source not in others), *others]:
        yield events[source], source


def _named(contract: Contract) -> list[tuple[int, str]]:
    """Direction and type of all events that the contract names; a pattern with globs stands for itself, which it fits."""
    patterns = [*(pattern for rule in contract.rules for pattern in rule.patterns()), *contract.known]
    telling = [pattern for pattern in patterns if pattern.type.strip("*")]
    return list(dict.fromkeys((direction, pattern.type) for pattern in telling for direction in _directions(pattern)))


def _directions(pattern: Pattern) -> tuple[int, ...]:
    if pattern.pseudo:  # befalls a connection: no message, no handler
        return ()
    return (0, 1) if pattern.direction is None else (pattern.direction,)
