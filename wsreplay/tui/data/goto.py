"""Where a user asks to go: `5003`, `#5003`, `1:23.5`, `12.5s`, `+2s`, `-500ms`."""

from __future__ import annotations

from typing import NamedTuple

from wsreplay.tui.times import MILLISECOND, parse_length


class Target(NamedTuple):
    """kind: `frame` (value is an id), `time` (ns since the session's start), `delta` (ns from here).

    A time is that of the last nanosecond which is shown as what was typed: what is shown as 00:00.037 has come by then.
    """

    kind: str
    value: int


def parse_target(text: str) -> Target | None:
    """None where the text says no place."""
    text = text.strip()
    try:
        if text.startswith("#") or (text.isascii() and text.isdigit()):
            return Target("frame", int(text.removeprefix("#")))
        if text[:1] in ("+", "-"):
            delta = parse_length(text[1:])
            return Target("delta", -delta if text[0] == "-" else delta)
        return Target("time", parse_length(text) + MILLISECOND - 1)
    except (ValueError, OverflowError):
        return None
