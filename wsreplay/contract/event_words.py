"""What people read of events with conditions: `done (how ok)`; of two that differ in one value `done (how ok or stop)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson

from wsreplay.contract.conditions import ValueGlob, ValueSchema
from wsreplay.contract.paths import Path

_CONDITIONAL = re.compile(r"(?P<event>.+) \((?P<name>\S+) (?P<values>(?:(?! and ).)+)\)")
_SEPARATOR = re.compile(", | or ")


def one_of(names: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def with_conditions(event: str, where: Iterable[tuple[Path, tuple[Any, ...]]]) -> str:
    """An event and its conditions: the last name of each path, the whole path where two end alike, and the values."""
    conditions = list(where)
    if not conditions:
        return event
    ends = Counter(_last(path) for path, _ in conditions)
    texts = [
        f"{_last(path) if ends[_last(path)] == 1 else path.text} {one_of(map(_value_text, values))}"
        for path, values in conditions
    ]
    return f"{event} ({' and '.join(texts)})"


def without_conditions(name: str) -> str:
    """The event of a name that `with_conditions` made; other names as they are."""
    head, opened, _ = name.partition(" (")
    return head if opened and name.endswith(")") else name


def merge_alike(names: Iterable[str]) -> list[str]:
    """The names, those of one event that differ only in a value of the same field as one."""
    merged: dict[tuple[str, str], list[str]] = {}
    for name in names:
        match = _CONDITIONAL.fullmatch(name)
        if match is None:
            merged.setdefault((name, ""), [])
        else:
            merged.setdefault((match["event"], match["name"]), []).extend(_SEPARATOR.split(match["values"]))
    return [f"{event} ({name} {one_of(dict.fromkeys(values))})" if name else event for (event, name), values in merged.items()]


def _last(path: Path) -> str:
    """What stands at the end of a path, as one word; the path itself where that is no word."""
    last = path.steps[-1] if path.steps else ""
    return last if isinstance(last, str) and last and " " not in last else path.text.replace(" ", "")


def _value_text(value: Any) -> str:
    if isinstance(value, ValueSchema | ValueGlob) or (isinstance(value, str) and value):
        return str(value)
    return orjson.dumps(value).decode()
