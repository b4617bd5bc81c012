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
    _EVERYWHERE | rooms
    for rooms in (
        {"list", "session", "trace", "playback", "keep"}, {"detail", "session", "trace", "playback", "keep"},
        {"list", "waterfall", "playback"}, {"list", "listing", "findings"}, {"detail", "listing", "findings"},
        {"list", "listing", "diff"}, {"detail", "listing", "diff"},
        {"list", "listing", "sessions"}, {"list", "listing", "recordings"}, {"query"}, {"prompt"}, {"choice"}, {"help"},
        {"list", "listing", "picker"}, {"list", "statistics"},
    )
)  # fmt: skip


def classes() -> Iterator[type]:
    """Every class of the interface; imports all of it."""
    for module in pkgutil.walk_packages(wsreplay.tui.__path__, "wsreplay.tui."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name:
                yield value


def bindings() -> Iterator[Binding]:
    """Every binding with an id that a class of the interface has."""
    for owner in classes():
        yield from (binding for binding in vars(owner).get("BINDINGS", ()) if isinstance(binding, Binding) and binding.id)


def mistakes(remapped: Mapping[str, str]) -> list[str]:
    """What is wrong with keys (side by side with commas) for ids of bindings: ids that are none, keys that two would have."""
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for binding in bindings():
        keys[str(binding.id)].update(_pressed(binding.key))
    complaints = []
    for name in sorted(set(remapped) - set(keys)):
        similar = get_close_matches(name, keys, 1)
        complaints.append(f"there is no binding {name!r}" + (f"; did you mean {similar[0]!r}?" if similar else ""))
    chosen = {name: _pressed(remapped[name]) if name in remapped else known for name, known in keys.items()}
    for name in sorted(set(remapped) & set(keys)):
        for rival in sorted(chosen):
            shared = chosen[name] & chosen[rival] - (keys[name] & keys[rival])
            if shared and rival != name and not (rival in remapped and rival < name) and _are_together(name, rival):
                complaints.append(f"{', '.join(map(shown, sorted(shared)))} is of both {name!r} and {rival!r}")
    return complaints


def _pressed(keys: str) -> set[str]:
    return {pressed(key.strip()) for key in keys.split(",") if key.strip()}


def _are_together(first_id: str, second_id: str) -> bool:
    rooms = {first_id.partition(".")[0], second_id.partition(".")[0]}
    return any(rooms <= group for group in _TOGETHER)
