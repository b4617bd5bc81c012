"""A payload laid out in lines: as JSON, raw, or in hex. Nothing here is harmless yet: who paints a line makes it so.

`SHOWN_BYTES` caps what a pane shows: a 5 MB line would be laid out for a second and read by nobody. $PAGER shows the rest.
"""

from __future__ import annotations

import orjson

from wsreplay.tui.data.summary import decoded

SHOWN_BYTES = 256 * 1024
_INDENT_LIMIT = 24


def json_lines(payload: bytes) -> list[str] | None:
    """A JSON document, indented; None where it is no JSON, or too long to be read whole."""
    if len(payload) > SHOWN_BYTES * 20:
        return None
    try:
        document = orjson.loads(payload)
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)[:SHOWN_BYTES].decode("utf-8", "ignore").split("\n")
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def raw_lines(payload: bytes) -> list[str]:
    """The payload as it is, broken at its line ends."""
    return decoded(payload[:SHOWN_BYTES]).split("\n")


def hex_lines(payload: bytes, width: int) -> list[str]:
    """Offset, bytes and text, as many bytes a line as fit: 8 or 16."""
    step = 16 if width >= 9 + 16 * 3 + 2 + 16 else 8
    lines: list[str] = []
    for start in range(0, min(len(payload), SHOWN_BYTES), step):
        chunk = payload[start : start + step]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
        lines.append(f"{start:07x}  {chunk.hex(' '):<{step * 3 - 1}}  {text}")
    return lines


def cut_note(payload: bytes) -> str | None:
    """What to say where a pane does not show all of a payload."""
    rest = len(payload) - SHOWN_BYTES
    return f"… {rest:,} bytes more: f opens all of it in $PAGER" if rest > 0 else None


def wrapped(lines: list[str], width: int) -> list[str]:
    """Lines of at most `width` characters; what goes over is indented below its own beginning."""
    if width < 8:
        return lines
    out: list[str] = []
    for text in lines:
        if len(text) <= width:
            out.append(text)
            continue
        indent = min(len(text) - len(text.lstrip(" ")) + 2, _INDENT_LIMIT, width // 2)
        out.append(text[:width])
        step = width - indent
        out.extend(" " * indent + text[start : start + step] for start in range(width, len(text), step))
    return out
