"""The entries of a HAR one by one, of a document that is large, cut off or damaged: none is parsed before it is whole.

    {"log": {…, "entries": [ENTRY, ENTRY, …], …}}

Only strings and brackets are looked at (RFC 8259, section 2). Bytes go in, entries come out; there is no input or output here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

LONGEST_ENTRY = 256 * 2**20  # bytes
_STRUCTURE = re.compile(rb'["{}\[\]]')
# As far as a string goes without its end. It stops before a quote, or before a backslash at the end of what is there.
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_CLOSING = {ord("{"): b"}", ord("["): b"]"}
_BETWEEN = b" \t\r\n,"
_LOG, _ENTRIES, _ENTRY = 1, 2, 3  # how many brackets are open around the members of each


class TooLong(Exception):
    """An entry, or what comes before the entries, is longer than LONGEST_ENTRY."""


class EntrySplitter:
    """Feed it bytes; it gives the text of each whole entry. `rest` is then what is left of one that is not whole."""

    def __init__(self) -> None:
        self.before = b""  # the document up to its entries, once they have begun
        self.over = False  # the list of entries is closed
        # what is still needed of what was fed, and up to where it was looked at
        self._buffer = bytearray()
        self._position = 0
        # whether that place is in a string, and where the string began in the buffer
        self._in_string = False
        self._string_start = 0
        # how many brackets are open
        self._depth = 0
        self._names: list[bytes] = [b"", b"", b""]  # the last string at each of the outer depths: a member's name
        # what the open brackets belong to: the member `log`, the list of its entries
        self._in_log = False
        self._in_entries = False

    @property
    def rest(self) -> bytes:
        """What is left of the entries once there is no more to feed: the beginning of one that was cut off."""
        return bytes(self._buffer) if self._in_entries else b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises TooLong."""
        self._buffer += data
        while not self.over:
            if self._in_string and not self._pass_string():
                break
            match = _STRUCTURE.search(self._buffer, self._position)
            if match is None:
                self._position = len(self._buffer)
                break
            at = self._position = match.start()
            sign = self._buffer[at]
            self._position += 1
            if sign == ord('"'):
                self._in_string, self._string_start = True, at + 1
            elif sign in _CLOSING:
                yield from self._open(sign, at)
            else:
                yield from self._close(at)
        if len(self._buffer) > LONGEST_ENTRY:
            raise TooLong

    def _pass_string(self) -> bool:
        """Go behind the string's end, if that is there."""
        match = _IN_STRING.match(self._buffer, self._position)
        assert match is not None
        self._position = match.end()
        if self._position >= len(self._buffer) or self._buffer[self._position] != ord('"'):
            return False
        if self._depth < len(self._names) and not self._in_entries:
            self._names[self._depth] = bytes(self._buffer[self._string_start : self._position])
        self._position += 1
        self._in_string = False
        return True

    def _open(self, sign: int, at: int) -> Iterator[bytes]:
        if self._in_entries and self._depth == _ENTRY:
            yield from self._cut(at)
        if self._depth == _LOG and self._names[_LOG] == b"log":
            self._in_log = sign == ord("{")
        elif self._depth == _ENTRIES and self._in_log and sign == ord("[") and self._names[_ENTRIES] == b"entries":
            self._in_entries = True
            self.before = bytes(self._buffer[: at + 1])
            del self._buffer[: at + 1]
            self._position = 0
        self._depth += 1

    def _close(self, at: int) -> Iterator[bytes]:
        if self._depth == 0:
            return  # it closes nothing: damage before the document
        self._depth -= 1
        if self._in_entries and self._depth == _ENTRY:
            yield from self._cut(at + 1)
        elif self._in_entries and self._depth < _ENTRY:
            yield from self._cut(at)
            self.over = True
            self._buffer.clear()

    def _cut(self, end: int) -> Iterator[bytes]:
        """What stands before a place, if anything, is an entry."""
        entry = bytes(self._buffer[:end]).strip(_BETWEEN)
        del self._buffer[:end]
        self._position -= end
        if entry:
            yield entry


def parse_json(text: bytes) -> Any:
    """A document, also one with what JavaScript writes and JSON has not: unpaired surrogates, NaN. Raises ValueError."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_beginning(text: bytes) -> Any:
    """The beginning of an object that was cut off, up to the last item of a list in it that is whole; None where none is."""
    open_brackets: list[int] = []
    whole, closing = 0, b""
    position = 0
    while (match := _STRUCTURE.search(text, position)) is not None:
        sign, position = text[match.start()], match.end()
        if sign == ord('"'):
            string = _IN_STRING.match(text, position)
            assert string is not None
            position = string.end() + 1
            if position > len(text):
                break
        elif sign in _CLOSING:
            open_brackets.append(sign)
        elif not open_brackets or _CLOSING[open_brackets.pop()] != text[position - 1 : position]:
            break
        elif open_brackets and open_brackets[-1] == ord("["):
            whole, closing = position, b"".join(_CLOSING[bracket] for bracket in reversed(open_brackets))
    try:
        return parse_json(text[:whole] + closing) if whole else None
    except ValueError:
        return None
