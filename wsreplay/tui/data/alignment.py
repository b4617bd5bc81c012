"""Two sessions side by side: what is the same, what changed, what only one has.

Frames are aligned by what they say, times and ids aside, then by direction and type. Two that are aligned are the same where
their payloads are, but for times, and for ids that are renamed one for one. `wsreplay diff` says more: it knows the contract's
slices and tells what only moved; a screen with two columns needs an alignment that keeps the order of both.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from wsreplay.model import OPCODE_NAMES, Frame
from wsreplay.replay.align import align as align_lists

MOST_FRAMES = 100_000
_TIMELY = ("timestamp", "time", "ts", "created_at", "updated_at", "sent_at", "date", "duration", "elapsed", "latency", "seq")
_NAMING = ("id", "uuid", "token")


class Entry(NamedTuple):
    """A frame of one side."""

    id: int
    t_ns: int
    direction: int
    name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """kind: same, changed, only_a, only_b."""

    kind: str
    a: Entry | None
    b: Entry | None


def entry(frame: Frame, start_ns: int) -> Entry:
    name = frame.type or OPCODE_NAMES.get(frame.opcode, f"opcode {frame.opcode}")
    return Entry(frame.id, frame.t_ns - start_ns, frame.direction, name, frame.payload)


def align(a: Sequence[Entry], b: Sequence[Entry]) -> list[Pair]:
    """Pairs in order, each entry in one of them."""
    renamed = Renaming()
    pairs: list[Pair] = []
    i = j = 0
    for x, y in [*_matches(a, b), (len(a), len(b))]:
        pairs += [Pair("only_a", one, None) for one in a[i:x]]
        pairs += [Pair("only_b", None, one) for one in b[j:y]]
        if x < len(a) and y < len(b):
            pairs.append(Pair("same" if renamed.same(a[x].payload, b[y].payload) else "changed", a[x], b[y]))
        i, j = x + 1, y + 1
    return pairs


def _matches(a: Sequence[Entry], b: Sequence[Entry]) -> list[tuple[int, int]]:
    """Indices of frames that belong together, ascending in both: by what they say first, then by their kind."""
    said = [_said(one) for one in a], [_said(one) for one in b]
    kinds = [(one.direction, one.name) for one in a], [(one.direction, one.name) for one in b]
    return sorted(align_lists(*said, kinds))


def _said(one: Entry) -> Hashable:
    """What a frame says, its times and ids aside."""
    try:
        document = _without(orjson.loads(one.payload), "")
    except orjson.JSONDecodeError:
        return one.direction, one.name, one.payload
    return one.direction, one.name, orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _without(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, key) for inner in value]
    return None if _is_timely(key) or _is_naming(key) else value


def _is_timely(key: str) -> bool:
    word = key.lower()
    return word in _TIMELY or word.endswith(("_at", "_ms", "_ns", "_time"))


def _is_naming(key: str) -> bool:
    return key.lower().endswith(_NAMING)


class Renaming:
    """Ids of one side and those of the other they stand for."""

    def __init__(self) -> None:
        self._there: dict[Any, Any] = {}
        self._back: dict[Any, Any] = {}

    def same(self, a: bytes, b: bytes) -> bool:
        """Whether two payloads say the same but for times and ids."""
        if a == b:
            return True
        try:
            return self._alike(orjson.loads(a), orjson.loads(b), "")
        except orjson.JSONDecodeError:
            return False

    def _alike(self, a: Any, b: Any, key: str) -> bool:
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(self._alike(a[name], b[name], name) for name in a)
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(self._alike(x, y, key) for x, y in zip(a, b, strict=True))
        if _is_timely(key):
            return type(a) is type(b) or (isinstance(a, int | float) and isinstance(b, int | float))
        if _is_naming(key) and isinstance(a, str | int) and isinstance(b, str | int):
            return bool(self._there.setdefault(a, b) == b and self._back.setdefault(b, a) == a)
        return bool(a == b)
