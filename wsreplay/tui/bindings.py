"""All bindings of the interface by their ids, and what is wrong with the keys that a user gives them."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from textual.binding import Binding

import wsreplay.tui
from wsreplay.tui.look.keys import pressed, shown

# The first parts of the ids that are at work together: of one key only one can be.
_EVERYWHERE = {"app", "screen"}
_TOGETHER = tuple(
    _EVERYWHERE | each
    for each in (
        {"list", "session", "trace", "player", "keep"}, {"detail", "session", "trace", "player", "keep"},
        {"list", "waterfall", "player"}, {"list", "findings"}, {"detail", "findings"}, {"list", "diff"}, {"detail", "diff"},
        {"list", "listing", "sessions"}, {"list", "listing", "recordings"}, {"query"}, {"prompt"}, {"help"}, {"contract"},
    )
)  # fmt: skip


def bindings() -> Iterator[Binding]:
    """Every binding with an id that a class of the interface has; imports all of it."""
    for module in pkgutil.walk_packages(wsreplay.tui.__path__, "wsreplay.tui."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and one.__module__ == module.name:
                yield from (each for each in vars(one).get("BINDINGS", ()) if isinstance(each, Binding) and each.id)


def mistakes(remapped: Mapping[str, str]) -> list[str]:
    """What is wrong with keys (side by side with commas) for ids of bindings: ids that are none, keys that two would have."""
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for binding in bindings():
        keys[str(binding.id)].update(_pressed(binding.key))
    said = []
    for name in sorted(set(remapped) - set(keys)):
        near = get_close_matches(name, keys, 1)
        said.append(f"there is no binding {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    now = {name: _pressed(remapped[name]) if name in remapped else known for name, known in keys.items()}
    for name in sorted(set(remapped) & set(keys)):
        for other in sorted(now):
            both = now[name] & now[other] - (keys[name] & keys[other])
            if both and other != name and not (other in remapped and other < name) and _are_together(name, other):
                said.append(f"{', '.join(map(shown, sorted(both)))} is of both {name!r} and {other!r}")
    return said


def _pressed(keys: str) -> set[str]:
    return {pressed(key.strip()) for key in keys.split(",") if key.strip()}


def _are_together(one: str, other: str) -> bool:
    first = {one.partition(".")[0], other.partition(".")[0]}
    return any(first <= group for group in _TOGETHER)
