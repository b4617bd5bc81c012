"""The difference of two payloads, in lines."""

from __future__ import annotations

import difflib

from wsreplay.tui.data.alignment import Entry
from wsreplay.tui.data.facts import Line
from wsreplay.tui.data.layout import json_lines, raw_lines

MOST_LINES = 2000


def difference(a: Entry | None, b: Entry | None) -> list[Line]:
    """Lines of (kind, text): what only a has (`error`, with -), what only b has (`ok`, with +), what both have (`code`)."""
    if a is None or b is None:
        side, sign, kind = (b, "+", "ok") if a is None else (a, "-", "error")
        return [(kind, f"{sign} {text}") for text in _lines(side)] if side else []
    lines: list[Line] = []
    for text in difflib.ndiff(_lines(a), _lines(b)):
        if text.startswith("- "):
            lines.append(("error", text))
        elif text.startswith("+ "):
            lines.append(("ok", text))
        elif not text.startswith("? "):
            lines.append(("code", text))
    return lines


def _lines(entry: Entry) -> list[str]:
    return (json_lines(entry.payload) or raw_lines(entry.payload))[:MOST_LINES]
