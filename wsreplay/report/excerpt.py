"""How a payload begins, on several lines, made harmless."""

from __future__ import annotations

from wsreplay.display import ELLIPSIS, indented_json, preview, visible


def excerpt(payload: bytes, most: int) -> str:
    """The first `most` characters: JSON indented, other text on one line, what is no text in hex; no line can do harm."""
    if not payload:
        return ""
    document = indented_json(payload)
    if document is None:
        return preview(payload, most)
    text = document.decode()
    cut = text[:most] + (ELLIPSIS if len(text) > most else "")
    return "\n".join(map(visible, cut.split("\n")))
