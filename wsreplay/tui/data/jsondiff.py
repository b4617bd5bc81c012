"""The difference of two messages, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from wsreplay.replay.compare import FieldChange
from wsreplay.tui.data.facts import Line
from wsreplay.tui.data.layout import json_lines, raw_lines

MOST_LINES = 2000
_MOST_TEXT = 500


def changed_fields(fields: tuple[FieldChange, ...]) -> Iterator[Line]:
    """What differs, value by value: its path, and what a and b have there."""
    for change in fields:
        yield "accent", change.path + (f"  ({change.note})" if change.note else "")
        for sign, kind, value in (("-", "error", change.a), ("+", "ok", change.b)):
            if value is not None:
                yield kind, f"  {sign} {value[:_MOST_TEXT]}"


def difference(a: bytes | None, b: bytes | None) -> list[Line]:
    """Lines of (kind, text): what only a has (`error`, with -), what only b has (`ok`, with +), what both have (`code`)."""
    left, right = _lines(a), _lines(b)
    lines: list[Line] = []
    for what, low_a, high_a, low_b, high_b in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            lines += [("code", f"  {text}") for text in left[low_a:high_a]]
        else:
            lines += [("error", f"- {text}") for text in left[low_a:high_a]]
            lines += [("ok", f"+ {text}") for text in right[low_b:high_b]]
    return lines


def _lines(payload: bytes | None) -> list[str]:
    return [] if payload is None else (json_lines(payload) or raw_lines(payload))[:MOST_LINES]
