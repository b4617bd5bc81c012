"""Where the messages of a product say of which type they are and how many came, and the words that its names are made of."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from wsreplay.decode.values import text_of
from wsreplay.trace import jsonpath
from wsreplay.trace.jsonpath import Path

_DEEPEST = 4  # levels of a document
_MOST_TYPES = 200
_LEAST_TIMES = 3  # that a type comes on average
_EXPLAINED = 0.9  # share of the messages that have the usual members of their type
_LEAST_COUNTED = 5  # messages that rise by one
_TYPE_NAMES = (
    "type", "event", "kind", "op", "action", "name", "method", "msg_type", "message_type", "event_type", "ev", "t", "e",
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z][\w.:/#-]{1,63}")


def find_type_path(documents: Sequence[Any]) -> Path | None:
    """The member that is there nearly always, has few values, and a name that speaks for it."""
    values: defaultdict[Path, Counter[str]] = defaultdict(Counter)
    for document in documents:
        for path, value in leaves(document):
            if (text := text_of(value)) is not None and len(values[path]) <= _MOST_TYPES:
                values[path][text] += 1
    likely = [
        path
        for path, counts in values.items()
        if counts.total() * 5 >= len(documents) * 4 and len(counts) <= _MOST_TYPES and _rank(path) < len(_TYPE_NAMES)
    ]
    return min(likely, key=lambda path: (_rank(path), len(path)), default=None) or _find_by_shape(documents, values)


def _find_by_shape(documents: Sequence[Any], values: dict[Path, Counter[str]]) -> Path | None:
    """The member whose values are names that tell which other members a message has, whatever it is called."""
    shapes = [frozenset(path for path, _ in leaves(document)) for document in documents]
    if len(set(shapes)) < 2:
        return None
    explained: dict[Path, float] = {}
    for path, counts in values.items():
        is_few = 1 < len(counts) <= min(_MOST_TYPES, len(documents) // _LEAST_TIMES)
        if is_few and counts.total() == len(documents) and all(map(_NAME.fullmatch, counts)):
            of_type = Counter((jsonpath.get(document, path), shape) for document, shape in zip(documents, shapes, strict=True))
            usual: Counter[str] = Counter()
            for (type_, _), count in of_type.items():
                usual[type_] = max(usual[type_], count)
            explained[path] = usual.total() / len(documents)
    best = max(explained, key=lambda path: (explained[path], -len(path)), default=None)
    return best if best is not None and explained[best] >= _EXPLAINED else None


def find_counter(streams: Sequence[Sequence[Any]]) -> Path | None:
    """The member that is a number in every document, and one more than in the document before it of the same stream."""
    counted = [dict(leaves(document)) for stream in streams for document in stream[:1]]
    if not counted or sum(len(stream) - 1 for stream in streams if stream) < _LEAST_COUNTED:
        return None
    paths = [path for path, value in counted[0].items() if type(value) is int]
    return next((path for path in paths if all(_counts(stream, path) for stream in streams)), None)


def _counts(documents: Sequence[Any], path: Path) -> bool:
    numbers = [jsonpath.get(document, path) for document in documents]
    return all(type(number) is int for number in numbers) and all(after == before + 1 for before, after in pairwise(numbers))


def _rank(path: Path) -> int:
    name = "_".join(words(str(path[-1])))
    return _TYPE_NAMES.index(name) if name in _TYPE_NAMES else len(_TYPE_NAMES)


def leaves(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All members of objects within objects that hold no object themselves."""
    if not isinstance(document, dict) or len(path) >= _DEEPEST:
        return
    for name, value in document.items():
        yield from leaves(value, (*path, name)) if isinstance(value, dict) else [((*path, name), value)]


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: those of `agentStarted` and `agent.started` are `agent` and `started`."""
    return tuple(word.lower() for word in _WORD.findall(name))
