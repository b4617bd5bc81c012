"""Where the messages of a product say of which type they are, and how many came."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from wsreplay.contract.resemblance import words
from wsreplay.decode.values import text_of
from wsreplay.trace import jsonpath
from wsreplay.trace.jsonpath import Path

_DEEPEST = 4  # levels of a document
_MOST_ELEMENTS = 8  # of an array that is a message
_MOST_TYPES = 200
_LEAST_TIMES = 3  # that a type comes on average
_EXPLAINED = 0.9  # share of the messages that have the usual members of their type
_LEAST_COUNTED = 5  # steps between numbers that rise by one
_MOSTLY_COUNTED = 0.9  # of the steps of a member that is called a counter rise by one
_COUNTER_NAMES = (
    "seq", "seq_no", "seq_num", "seqno", "sequence", "sequence_number", "n", "num", "number", "counter", "event_no",
    "event_seq", "message_no", "msg_no", "msg_seq",
)  # fmt: skip
_TYPE_NAMES = (
    "type", "event", "kind", "op", "action", "name", "method", "msg_type", "message_type", "event_type", "ev", "t", "e",
)  # fmt: skip
_UNSPEAKING = len(_TYPE_NAMES) + 1  # of names, and of the first element of an array
FIRST: Path = (0,)
_NAME = re.compile(r"[A-Za-z][\w.:/#-]{1,63}")


def find_type_path(documents: Sequence[Any]) -> Path | None:
    """The member that is there nearly always, has few values, and a name that speaks for it: `$.event`; or the first element of
    messages that are arrays, where that is a name."""
    values = _values_in(documents)
    likely = [path for path, counts in values.items() if _is_likely(counts, documents) and _rank(path) < _UNSPEAKING]
    if len(values.get(FIRST, ())) > 1 and FIRST in likely and all(map(_NAME.fullmatch, values[FIRST])):
        return FIRST
    members = [path for path in likely if path != FIRST]
    return min(members, key=lambda path: (_rank(path), len(path)), default=None) or _find_by_shape(documents, values)


def find_finer_type_path(events: Sequence[tuple[int, str, Any]], is_known: Callable[[str], bool]) -> Path | None:
    """The member that tells the types of (direction, type, document), if the type is the same for all of a direction, such as
    `request` and `event`; None where no member has names that are known, or that tell which other members a message has.
    """
    directions = [direction for direction, _, _ in events]
    if len({(direction, type_) for direction, type_, _ in events}) > len(set(directions)):
        return None
    documents = [document for _, _, document in events]
    shapes = [_shape_of(document) for document in documents]
    coarse = _explained(directions, shapes)
    likely = []
    for path, counts in _values_in(documents).items():
        if not _is_likely(counts, documents) or not all(map(_NAME.fullmatch, counts)):
            continue
        kinds = [text_of(jsonpath.get(document, path)) for document in documents]
        if len(set(zip(directions, kinds, strict=True)) - {(0, None), (1, None)}) <= len(set(directions)):
            continue
        known, explained = sum(map(is_known, counts)), _explained(kinds, shapes)
        if known or (len(counts) * _LEAST_TIMES <= len(documents) and explained >= _EXPLAINED and explained > coarse):
            likely.append((-known, _rank(path), len(path), path))
    return min(likely, key=lambda candidate: candidate[:3])[3] if likely else None


def _values_in(documents: Sequence[Any]) -> dict[Path, Counter[str]]:
    """How often which name or number stands at each path, until there are too many for a type."""
    values: defaultdict[Path, Counter[str]] = defaultdict(Counter)
    for document in documents:
        for path, value in leaves(document):
            if (text := text_of(value)) is not None and len(values[path]) <= _MOST_TYPES:
                values[path][text] += 1
    return values


def _is_likely(counts: Counter[str], documents: Sequence[Any]) -> bool:
    """Whether a member is there nearly always, and has few values."""
    return counts.total() * 5 >= len(documents) * 4 and len(counts) <= _MOST_TYPES


def _find_by_shape(documents: Sequence[Any], values: dict[Path, Counter[str]]) -> Path | None:
    """The member whose values are names that tell which other members a message has, whatever it is called."""
    shapes = [_shape_of(document) for document in documents]
    if len(set(shapes)) < 2:
        return None
    explained: dict[Path, float] = {}
    for path, counts in values.items():
        is_few = 1 < len(counts) <= min(_MOST_TYPES, len(documents) // _LEAST_TIMES)
        if is_few and counts.total() == len(documents) and all(map(_NAME.fullmatch, counts)):
            explained[path] = _explained([jsonpath.get(document, path) for document in documents], shapes)
    best = max(explained, key=lambda path: (explained[path], -len(path)), default=None)
    return best if best is not None and explained[best] >= _EXPLAINED else None


def _shape_of(document: Any) -> frozenset[Path]:
    return frozenset(path for path, _ in leaves(document))


def _explained(kinds: Sequence[Hashable], shapes: Sequence[frozenset[Path]]) -> float:
    """The share of the messages that have the usual members of their kind."""
    usual: Counter[Hashable] = Counter()
    for (kind, _), count in Counter(zip(kinds, shapes, strict=True)).items():
        usual[kind] = max(usual[kind], count)
    return usual.total() / len(shapes)


def find_counter(streams: Sequence[Sequence[Any]]) -> Path | None:
    """The member that is a number in every document, and one more than in the document before it of the same stream.

    One that is called so may be missing in some documents, and skip a number now and then.
    """
    documents = sum(map(len, streams))
    members = (leaf for stream in streams for document in stream for leaf in leaves(document))
    paths = Counter(path for path, value in members if type(value) is int)
    everywhere = [path for path, count in paths.items() if count == documents]
    named = [path for path, count in paths.most_common() if 2 * count > documents and _is_counter_name(str(path[-1]))]
    whole = (path for path in everywhere if _rises(streams, path) == 1)
    return next(whole, None) or next((path for path in named if _rises(streams, path) >= _MOSTLY_COUNTED), None)


def _rises(streams: Sequence[Sequence[Any]], path: Path) -> float:
    """In what share of steps a number rises by one; 0 where there are too few steps."""
    steps = [after - before for stream in streams for before, after in pairwise(_numbers(stream, path))]
    return steps.count(1) / len(steps) if len(steps) >= _LEAST_COUNTED else 0


def _numbers(documents: Sequence[Any], path: Path) -> list[int]:
    return [number for document in documents if type(number := jsonpath.get(document, path)) is int]


def _is_counter_name(name: str) -> bool:
    return "_".join(words(name)) in _COUNTER_NAMES


def _rank(path: Path) -> int:
    if path == FIRST:
        return _UNSPEAKING - 1
    name = "_".join(words(str(path[-1])))
    return _TYPE_NAMES.index(name) if name in _TYPE_NAMES else _UNSPEAKING


def leaves(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All members of objects within objects that hold no object themselves; of a message that is an array, its first elements
    and what they hold."""
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(document, dict) and len(path) < _DEEPEST:
        items = document.items()
    elif isinstance(document, list) and not path:
        items = enumerate(document[:_MOST_ELEMENTS])
    for name, value in items:
        yield from leaves(value, (*path, name)) if isinstance(value, dict) else [((*path, name), value)]
