"""How a payload begins, on several lines, made harmless."""

from __future__ import annotations

import orjson

from wsreplay.display import ELLIPSIS, preview, visible


def excerpt(payload: bytes, most: int) -> str:
    """The first `most` characters: JSON indented, other text on one line, what is no text in hex; no line can do harm."""
    if not payload:
        return ""
    try:
        text = orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError):
        return preview(payload, most)
    cut = text[:most] + (ELLIPSIS if len(text) > most else "")
    return "\n".join(map(visible, cut.split("\n")))
