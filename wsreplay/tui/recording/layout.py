"""A payload laid out in lines: as JSON, raw, or in hex; and any lines broken for a width, which makes them harmless.

`SHOWN_BYTES` caps what a pane shows: a 5 MB line would be laid out for a second and read by nobody. $PAGER shows the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len

from wsreplay.display import indented_json, visible
from wsreplay.tui.recording.facts import DetailLine
from wsreplay.tui.recording.summary import decoded

SHOWN_BYTES = 256 * 1024
_NARROWEST = 8
_INDENT_LIMIT = 24
_SECOND_COLUMN = 12  # cells that a second column is still worth
_COLUMN = re.compile(r"\S[\S ]*?\s{2,}")
_WORD = re.compile(r"(?<= )[^ ]|(?<=\w-)[^\W\d]")  # how one begins: after a space, or a hyphen

Shown = Callable[[str], str]
"""How a text is painted: harmless, and in the glyphs that the terminal has. It is measured so."""


class Shortened(NamedTuple):
    """The lines of a text, and how many bytes of it are not in them."""

    lines: list[str]
    rest: int


def json_lines(payload: bytes) -> Shortened | None:
    """A JSON document, indented; None where it is no JSON, or too long to be read whole."""
    if len(payload) > SHOWN_BYTES * 20:
        return None
    text = indented_json(payload)
    if text is None:
        return None
    return Shortened(text[:SHOWN_BYTES].decode("utf-8", "ignore").split("\n"), max(0, len(text) - SHOWN_BYTES))


def shortened(text: Shortened, room: int) -> Shortened:
    """The lines of a text that have so many characters together at most."""
    for count, line in enumerate(text.lines):
        room -= len(line)
        if room < 0:
            return Shortened(text.lines[:count], text.rest + sum(map(len, text.lines[count:])))
    return text


def raw_lines(payload: bytes) -> Shortened:
    """The payload as it is, broken at its line ends."""
    return Shortened(decoded(payload[:SHOWN_BYTES]).split("\n"), max(0, len(payload) - SHOWN_BYTES))


def hex_lines(payload: bytes, width: int) -> list[str]:
    """Offset, bytes and text, as many bytes a line as fit: 8 or 16."""
    step = 16 if width >= 9 + 16 * 3 + 2 + 16 else 8
    lines: list[str] = []
    for start in range(0, min(len(payload), SHOWN_BYTES), step):
        chunk = payload[start : start + step]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
        lines.append(f"{start:07x}  {chunk.hex(' '):<{step * 3 - 1}}  {text}")
    return lines


def cut_note(rest: int, key: str) -> str | None:
    """What to say where a pane leaves out so many bytes of a payload's text, and the key for all of it."""
    return f"… {rest:,} bytes more: {key} opens all of it in $PAGER" if rest > 0 else None


def broken(lines: Iterable[DetailLine], width: int, shown: Shown = visible) -> list[DetailLine]:
    """Lines of (kind, text) of at most `width` cells, broken anywhere; what goes over is indented below its own beginning."""
    width = max(width, _NARROWEST)
    out: list[DetailLine] = []
    for kind, text in lines:
        text = shown(text)
        indent = min(len(text) - len(text.lstrip(" ")) + 2, _INDENT_LIMIT, width // 2)
        out += [(kind, piece) for piece in _pieces(text, width, indent, between_words=False)]
    return out


def wrapped(lines: Iterable[DetailLine], width: int, shown: Shown = visible) -> list[DetailLine]:
    """Lines of (kind, text) of at most `width` cells, broken between words.

    What goes over is indented to where the first line's second column begins, if it has one.
    """
    width = max(width, _NARROWEST)
    out: list[DetailLine] = []
    for kind, text in lines:
        text = shown(text)
        column = _COLUMN.match(text)
        second = cell_len(column[0]) if column else 0
        indent = second if width - second >= _SECOND_COLUMN else 0
        out += [(kind, piece) for piece in _pieces(text, width, indent, between_words=True)]
    return out


def _pieces(text: str, width: int, indent: int, *, between_words: bool) -> Iterator[str]:
    """A line in pieces of at most `width` cells; all but the first are indented by so many."""
    start, lead = 0, ""
    while (end := _reach(text, start, width - len(lead))) < len(text):
        if between_words:
            end = _at_a_word(text, start, end, width - indent)
        yield lead + (text[start:end].rstrip(" ") if between_words else text[start:end])
        while between_words and text.startswith(" ", end):
            end += 1
        start, lead = end, " " * indent
    if start < len(text) or not start:
        yield lead + text[start:]


def _reach(text: str, start: int, room: int) -> int:
    """Where a line ends that begins at `start` and has so many cells; one character at least."""
    if text.isascii():
        return min(len(text), start + room)
    for at in range(start, len(text)):
        room -= cell_len(text[at])
        if room < 0:
            return max(at, start + 1)
    return len(text)


def _at_a_word(text: str, start: int, end: int, room: int) -> int:
    """The last place up to `end` between two words; `end` where the word there has more than `room` cells."""
    if text[end] == " ":
        return end
    place = max((match.start() for match in _WORD.finditer(text, start + 1, end + 1)), default=start)
    word = text[place : place + room + 1].partition(" ")[0]
    return end if not text[start:place].strip(" ") or cell_len(word) > room else place
