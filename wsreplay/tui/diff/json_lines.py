"""The difference of two messages, in lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, takewhile

from wsreplay.diff.align import longest_ascending
from wsreplay.diff.compare import FieldChange
from wsreplay.tui.recording.facts import DetailLine
from wsreplay.tui.recording.layout import json_lines, raw_lines

MOST_LINES = 2000
_MOST_TEXT = 500
_MOST_PAIRS = 150 * 150  # of lines that are matched with each other: as many as are done within a key's time


def changed_fields(fields: tuple[FieldChange, ...]) -> Iterator[DetailLine]:
    """What differs, value by value: its path, and what a and b have there."""
    for change in fields:
        yield "accent", change.path + (f"  ({change.note})" if change.note else "")
        if change.a is not None:
            yield "error", f"  - {change.a[:_MOST_TEXT]}"
        if change.b is not None:
            yield "ok", f"  + {change.b[:_MOST_TEXT]}"


def difference(a: bytes | None, b: bytes | None) -> list[DetailLine]:
    """Lines of (kind, text): what only a has (`error`, with -), what only b has (`ok`, with +), what both have (`code`)."""
    left, right = _lines(a), _lines(b)
    head = _alike(left, right)
    tail = _alike(left[head:][::-1], right[head:][::-1])
    middle = _compared(left[head : len(left) - tail], right[head : len(right) - tail])
    return [*_both(left[:head]), *middle, *_both(left[len(left) - tail :])]


def _alike(left: Sequence[str], right: Sequence[str]) -> int:
    """How many lines are the same at the beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _compared(left: list[str], right: list[str]) -> Iterator[DetailLine]:
    """Many lines are compared between those that stand once on each side, and where there is none of them line by line."""
    room = _MOST_PAIRS
    anchors = _anchors(left, right) if len(left) * len(right) > room else []
    from_a = from_b = 0
    for to_a, to_b in [*anchors, (len(left), len(right))]:
        part_a, part_b = left[from_a:to_a], right[from_b:to_b]
        pairs = len(part_a) * len(part_b)
        if pairs <= room:
            room -= pairs
            yield from _matched(part_a, part_b)
        else:
            yield from _in_step(part_a, part_b)
        yield from _both(left[to_a : to_a + 1])
        from_a, from_b = to_a + 1, to_b + 1


def _anchors(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    """Where lines stand that each side has once: as many as come in the same order on both."""
    once = {text for text, count in Counter(left).items() if count == 1}
    once &= {text for text, count in Counter(right).items() if count == 1}
    places = {text: place for place, text in enumerate(right) if text in once}
    return longest_ascending([(place, places[text]) for place, text in enumerate(left) if text in once])


def _matched(left: list[str], right: list[str]) -> Iterator[DetailLine]:
    for what, low_a, high_a, low_b, high_b in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        is_both = what == "equal"
        yield from _both(left[low_a:high_a]) if is_both else _either(left[low_a:high_a], right[low_b:high_b])


def _in_step(left: list[str], right: list[str]) -> Iterator[DetailLine]:
    length = min(len(left), len(right))
    for is_both, places in groupby(range(length), key=lambda place: left[place] == right[place]):
        first, *rest = places
        part = slice(first, first + len(rest) + 1)
        yield from _both(left[part]) if is_both else _either(left[part], right[part])
    yield from _either(left[length:], right[length:])


def _both(lines: list[str]) -> Iterator[DetailLine]:
    return (("code", f"  {text}") for text in lines)


def _either(left: list[str], right: list[str]) -> Iterator[DetailLine]:
    yield from (("error", f"- {text}") for text in left)
    yield from (("ok", f"+ {text}") for text in right)


def _lines(payload: bytes | None) -> list[str]:
    return [] if payload is None else (json_lines(payload) or raw_lines(payload)).lines[:MOST_LINES]
