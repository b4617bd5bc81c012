"""Two messages that belong together: what they say alike, and what not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from wsreplay.contract.identities import Fields, Id
from wsreplay.diff.conversation import (
    BY_VALUE,
    END,
    KINDS,
    NOT_ENDED,
    ComparedMessage,
    ComparedSession,
    SliceRef,
    decoded,
    without,
)
from wsreplay.diff.slices import Correspondence
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.jsonpath import MISSING, Path

_MOST = 20  # differences told of one message


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

    def __init__(self, fields: Fields, slices: Correspondence, *, shape: bool = False) -> None:
        self._fields, self._slices, self._shape = fields, slices, shape
        self._levels = frozenset(fields.levels)
        # of each side, what `_number` said of a slice
        self._numbers: tuple[dict[SliceRef, tuple[int, int]], dict[SliceRef, tuple[int, int]]] = ({}, {})
        # what tells (direction, type, number of the slice) from others: the same for both sides
        self._weak: dict[tuple[int, str, int], int] = {}
        # by kind of id: which id of b an id of a stands for, and back; the first pair stays
        self._forward: dict[tuple[str, Id], Id] = {}
        self._backward: dict[tuple[str, Id], Id] = {}

    def tokens(self, side: int, talk: ComparedSession) -> tuple[list[int], list[int]]:
        """Two numbers for every message: equal for those of one type and slice, and for those that say the same as well, ids
        and times aside."""
        weak, strong = [], []
        numbers, kinds, shape = self._numbers[side], self._weak, self._shape
        for _, direction, name, _, _, place, _, step, content in talk.said:
            known = numbers.get(place)
            number, names = self._number(side, place) if known is None else known
            weak.append(kinds.setdefault((direction, name, number), len(kinds)))
            strong.append(weak[-1] if shape else hash((direction, name, number, content, step, names)))
        return weak, strong

    def _number(self, side: int, place: SliceRef) -> tuple[int, int]:
        """The number of a slice, and a digest of those that a message names by its ids."""
        of_id = self._slices.of_id
        names = hash(tuple((path, of_id(side, place.chain, domain, value)) for domain, path, value in place.named))
        numbered = self._numbers[side][place] = self._slices.number(side, place.chain), names
        return numbered

    def _plain(self, side: int, message: ComparedMessage, document: Any) -> Any:
        """The document with every id replaced by what it stands for, and what is volatile by its kind."""
        for domain, path, value in self._fields.of(document):
            number = self._slices.of_id(side, message.chain, domain, value) if domain in self._levels else None
            mapped = "id" if number is None else f"id {number}"
            if len(path) == 1:
                document[path[0]] = mapped
            else:
                paths.replace(document, path, mapped)
        for (domain, path), value in zip(message.place.layout, message.ids, strict=True):
            if paths.get(document, path) == value:  # an id that no key has found there
                number = self._number_by_value(side, message, domain, value)
                paths.replace(document, path, "id" if number is None else f"id {number}")
        for path in self._fields.volatile:
            value = paths.get(document, path)
            if value is not MISSING:
                paths.replace(document, path, KINDS[type(value)])
        if message.step is not None and self._fields.seq is not None:
            paths.replace(document, self._fields.seq, f"{message.step:+}")
        if self._fields.anywhere:
            document = without(document, self._fields.anywhere)
        return document

    def _number_by_value(self, side: int, message: ComparedMessage, domain: str, value: Id) -> int | None:
        """The number of the slice that an id names where no key has found it; None for ids that name none."""
        if not domain.endswith(BY_VALUE):
            return None
        return self._slices.of_id(side, message.chain, domain.removesuffix(BY_VALUE), value)

    def differences(self, a: ComparedMessage, b: ComparedMessage, same: bool) -> tuple[FieldChange, ...]:
        """What differs. `same`: they say the same, so that only ids can; else both have their payloads."""
        id_changes = self._id_changes(a, b) if a.ids and b.ids else ()
        if same or self._shape:
            return tuple(id_changes)
        left, right = decoded(a.payload), decoded(b.payload)
        if left is None or right is None:
            return (*id_changes, FieldChange("", _text(a.payload), _text(b.payload)))
        if a.name == END and {_ending(left), _ending(right)} & set(NOT_ENDED):
            return tuple(id_changes)
        changes = _walk(self._plain(0, a, left), self._plain(1, b, right))
        return (*id_changes, *_as_written(changes, a.payload, b.payload))

    def _id_changes(self, a: ComparedMessage, b: ComparedMessage) -> list[FieldChange]:
        """Ids that stand for another than before. Those of slices are compared by their slices, a lost one as a value."""
        out: list[FieldChange] = []
        values = b.ids if a.place.layout == b.place.layout else _at_places_of(a, b)
        for (domain, path), old, new in zip(a.place.layout, a.ids, values, strict=True):
            if new is None:
                continue
            if domain.endswith(BY_VALUE):
                if self._number_by_value(0, a, domain, old) != self._number_by_value(1, b, domain, new):
                    note = f"another {domain.removesuffix(BY_VALUE)}"
                    out.append(FieldChange(paths.show(path), _json(old), _json(new), note))
                continue
            known, stood_for = self._forward.setdefault((domain, old), new), self._backward.setdefault((domain, new), old)
            if known != new:
                out.append(FieldChange(paths.show(path), _json(old), _json(new), f"elsewhere {old} is {known}"))
            elif stood_for != old:
                out.append(FieldChange(paths.show(path), _json(old), _json(new), f"elsewhere {new} is {stood_for}"))
        return out


def _ending(fact: Any) -> Any:
    return fact.get("ending") if isinstance(fact, dict) else None


def _at_places_of(a: ComparedMessage, b: ComparedMessage) -> tuple[Id | None, ...]:
    """The ids of b that stand where those of a do."""
    values = {path: value for (_, path), value in zip(b.place.layout, b.ids, strict=True)}
    return tuple(values.get(path) for _, path in a.place.layout)


class _Difference(NamedTuple):
    """Two values that differ, and where; `MISSING` where there is none."""

    path: Path
    a: Any
    b: Any


def _as_written(differences: list[_Difference], *payloads: bytes) -> Iterator[FieldChange]:
    """Differences as texts: a float is written as its payload has it."""
    has_float = any(isinstance(value, float) for _, *values in differences for value in values)
    documents = [_with_texts(payload) if has_float else None for payload in payloads]
    for path, *values in differences:
        a, b = (
            _json(_at(document, path, value) if isinstance(value, float) else value)
            for value, document in zip(values, documents, strict=True)
        )
        yield FieldChange(paths.show(path), a, b)


def _with_texts(payload: bytes) -> Any:
    """A JSON document in which numbers are their texts; None where it is nested too deep."""
    try:
        return json.loads(payload, parse_float=orjson.Fragment, parse_int=orjson.Fragment)
    except (ValueError, RecursionError):
        return None


def _at(document: Any, path: Path, value: float) -> Any:
    """What stands at a path of such a document, else the value."""
    text = paths.get(document, path)
    return text if isinstance(text, orjson.Fragment) else value


def _walk(a: Any, b: Any) -> list[_Difference]:
    changes: list[_Difference] = []
    waiting: list[tuple[Path, Any, Any]] = [((), a, b)]
    while waiting and len(changes) < _MOST:
        path, left, right = waiting.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            names = [*left, *(name for name in right if name not in left)]
            inner = [((*path, name), left.get(name, MISSING), right.get(name, MISSING)) for name in names]
            waiting += inner[::-1]
        elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            waiting += [((*path, index), left[index], right[index]) for index in range(len(left))][::-1]
        elif left is MISSING or right is MISSING or left != right or type(left) is not type(right):
            changes.append(_Difference(path, left, right))
    return changes


def _json(value: Any) -> str | None:
    return None if value is MISSING else orjson.dumps(value).decode()


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")
