"""Two messages that belong together: what they say alike, and what not."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from wsreplay.replay.fields import Fields, Found, Id
from wsreplay.replay.slices import Correspondence
from wsreplay.replay.talk import END, Said
from wsreplay.trace import paths
from wsreplay.trace.paths import MISSING, Path

_MOST = 20  # differences told of one message
_UNKNOWN_ENDS = ("truncated", "open")


class FieldChange(NamedTuple):
    """One value that differs. `a` and `b` are JSON texts, None where there is no value; `note` says more of an id."""

    path: str
    a: str | None
    b: str | None
    note: str = ""


class Comparer:
    """Compares messages of two sessions whose slices are known to correspond.

    Ids are not compared but mapped: each of the one stands for one of the other. Sequence numbers are compared by their
    distance to the number before, so that what is lost shows once.
    """

    def __init__(self, fields: Fields, slices: Correspondence, *, volatile: tuple[Path, ...] = (), shape: bool = False) -> None:
        self._fields, self._slices, self._shape = fields, slices, shape
        self._volatile = fields.volatile + volatile
        self._counted = fields.seq if fields.seq not in self._volatile else None
        self._levels = frozenset(fields.levels)
        self._forward: dict[tuple[str, Id], Id] = {}
        self._backward: dict[tuple[str, Id], Id] = {}

    def token(self, side: int, said: Said) -> int:
        """Equal for messages that say the same, ids and times aside."""
        if self._shape:
            return 0
        document = _loads(said.payload)
        if document is MISSING:
            return hash(said.payload)
        if said.name == END and document.get("ending") in _UNKNOWN_ENDS:
            return 0
        return hash(orjson.dumps(self._plain(side, said, document), option=orjson.OPT_SORT_KEYS))

    def _plain(self, side: int, said: Said, document: Any) -> Any:
        """The document with every id replaced by what it stands for, and what is volatile by its kind."""
        for domain, path, value in self._fields.of(document):
            number = self._slices.of_id(side, said.chain, domain, value) if domain in self._levels else None
            mapped = "id" if number is None else f"id {number}"
            if len(path) == 1:
                document[path[0]] = mapped
            else:
                paths.replace(document, path, mapped)
        for path in self._volatile:
            value = paths.get(document, path)
            if value is not MISSING:
                paths.replace(document, path, _kind(value))
        if said.step is not None and self._counted is not None:
            paths.replace(document, self._counted, f"{said.step:+}")
        if self._fields.anywhere:
            document = _without(document, self._fields.anywhere)
        return document

    def differences(self, a: Said, b: Said, same: bool) -> tuple[FieldChange, ...]:
        """What differs. `same`: their tokens are equal, so that only ids can."""
        found = self._id_changes(a.ids, b.ids) if a.ids and b.ids else ()
        if same or self._shape:
            return tuple(found)
        left, right = _loads(a.payload), _loads(b.payload)
        if left is MISSING or right is MISSING:
            return (*found, FieldChange("", _text(a.payload), _text(b.payload)))
        if a.name == END and {left.get("ending"), right.get("ending")} & set(_UNKNOWN_ENDS):
            return tuple(found)
        return (*found, *_walk(self._plain(0, a, left), self._plain(1, b, right)))

    def _id_changes(self, here: tuple[Found, ...], there: tuple[Found, ...]) -> list[FieldChange]:
        """Ids that stand for another than before. Those of slices are compared by their slices, a lost one as a value."""
        out: list[FieldChange] = []
        values = {path: value for _, path, value in there}
        for domain, path, old in here:
            new = values.get(path)
            if new is None:
                continue
            known, stood_for = self._forward.setdefault((domain, old), new), self._backward.setdefault((domain, new), old)
            if known != new:
                out.append(FieldChange(paths.show(path), _json(old), _json(new), f"elsewhere {old} is {known}"))
            elif stood_for != old:
                out.append(FieldChange(paths.show(path), _json(old), _json(new), f"elsewhere {new} is {stood_for}"))
        return out


def _walk(a: Any, b: Any) -> list[FieldChange]:
    found: list[FieldChange] = []
    waiting: list[tuple[Path, Any, Any]] = [((), a, b)]
    while waiting and len(found) < _MOST:
        path, left, right = waiting.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            names = [*left, *(name for name in right if name not in left)]
            inner = [((*path, name), left.get(name, MISSING), right.get(name, MISSING)) for name in names]
            waiting += inner[::-1]
        elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            waiting += [((*path, index), left[index], right[index]) for index in range(len(left))][::-1]
        elif left is MISSING or right is MISSING or left != right or type(left) is not type(right):
            found.append(FieldChange(paths.show(path), _json(left), _json(right)))
    return found


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _kind(inner) if name in names else _without(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, names) for inner in value]
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "text", list: "list", dict: "object"}[type(value)]


def _loads(payload: bytes) -> Any:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return MISSING
    return document if isinstance(document, dict) else MISSING


def _json(value: Any) -> str | None:
    return None if value is MISSING else orjson.dumps(value).decode()


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")

