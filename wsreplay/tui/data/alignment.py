"""Two sessions side by side: what is the same, what changed, what only one has.

Frames are aligned by direction and type (Myers, "An O(ND) Difference Algorithm and Its Variations", 1986). Two that are
aligned are the same where their payloads are, but for times, and for ids that are renamed one for one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from wsreplay.model import OPCODE_NAMES, Frame

MOST_FRAMES = 100_000
MOST_EDITS = 1500
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
    for x, y in [*_matches([_kind(one) for one in a], [_kind(one) for one in b]), (len(a), len(b))]:
        pairs += [Pair("only_a", one, None) for one in a[i:x]]
        pairs += [Pair("only_b", None, one) for one in b[j:y]]
        if x < len(a) and y < len(b):
            pairs.append(Pair("same" if renamed.same(a[x].payload, b[y].payload) else "changed", a[x], b[y]))
        i, j = x + 1, y + 1
    return pairs


def _kind(one: Entry) -> Hashable:
    return one.direction, one.name


def _matches(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Indices of a longest common subsequence; where the two differ more than MOST_EDITS, of a good one."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[len(a) - 1 - end] == b[len(b) - 1 - end]:
        end += 1
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    middle = _myers(middle_a, middle_b)
    if middle is None:
        middle = _greedy(middle_a, middle_b)
    return [
        *((k, k) for k in range(start)),
        *((start + x, start + y) for x, y in middle),
        *((len(a) - end + k, len(b) - end + k) for k in range(end)),
    ]


def _myers(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]] | None:
    reach = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(min(len(a) + len(b), MOST_EDITS) + 1):
        history.append(dict(reach) if edits else {1: 0})
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            x = reach[k + 1] if down else reach[k - 1] + 1
            y = x - k
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            reach[k] = x
            if x >= len(a) and y >= len(b):
                return _backtrack(history, len(a), len(b))
    return None


def _backtrack(history: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    matches: list[tuple[int, int]] = []
    for edits in range(len(history) - 1, -1, -1):
        reach, k = history[edits], x - y
        down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
        before_k = k + 1 if down else k - 1
        before_x = reach[before_k]
        before_y = before_x - before_k
        while x > before_x and y > before_y and x > 0 and y > 0:
            x, y = x - 1, y - 1
            matches.append((x, y))
        x, y = before_x, before_y
    return matches[::-1]


def _greedy(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Each of a with the next of b of its kind, not looking further than a few thousand."""
    places: dict[Hashable, list[int]] = {}
    for index, kind in enumerate(b):
        places.setdefault(kind, []).append(index)
    used = dict.fromkeys(places, 0)
    matches: list[tuple[int, int]] = []
    low = 0
    for index, kind in enumerate(a):
        candidates = places.get(kind, [])
        at = used.get(kind, 0)
        while at < len(candidates) and candidates[at] < low:
            at += 1
        if at < len(candidates) and candidates[at] - low <= 64:
            matches.append((index, candidates[at]))
            low = candidates[at] + 1
            at += 1
        used[kind] = at
    return matches


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
        word = key.lower()
        if word in _TIMELY or word.endswith(("_at", "_ms", "_ns", "_time")):
            return type(a) is type(b) or (isinstance(a, int | float) and isinstance(b, int | float))
        if word.endswith(_NAMING) and isinstance(a, str | int) and isinstance(b, str | int):
            return bool(self._there.setdefault(a, b) == b and self._back.setdefault(b, a) == a)
        return bool(a == b)
