"""How far a body reaches: counted, chunked, or until the connection closes (RFC 9112, sections 6 and 7).

Each framing is fed the bytes as they come; `measure` says how many of them are the body's, `complete` that it ends there.
"""

from __future__ import annotations

import re

# A chunk's line and its extensions, or one trailer line.
MAX_LINE = 64 * 1024

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")


class BodyError(Exception):
    """A body that breaks its own framing."""


class Counted:
    """A body of `Content-Length` bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = length == 0

    def measure(self, data: bytes) -> int:
        size = min(self._left, len(data))
        self._left -= size
        self.complete = self._left == 0
        return size


class UntilClose:
    """A response's body without a length."""

    complete = False

    def measure(self, data: bytes) -> int:
        return len(data)


class Chunked:
    """A body in chunks, with its trailers."""

    def __init__(self) -> None:
        self.complete = False
        self._line = b""  # the beginning of a line whose end is still to come
        self._left = 0  # of the chunk's data
        self._expect = "size"  # size, data, gap (the line end behind a chunk's data), trailer

    def measure(self, data: bytes) -> int:
        pos = 0
        while pos < len(data) and not self.complete:
            if self._expect == "data":
                size = min(self._left, len(data) - pos)
                self._left -= size
                pos += size
                if not self._left:
                    self._expect = "gap"
                continue
            end = data.find(b"\n", pos) + 1
            self._line += data[pos : end or len(data)]
            pos = end or len(data)
            if len(self._line) > MAX_LINE:
                raise BodyError(f"a line of more than {MAX_LINE >> 10} KiB in a chunked body")
            if end:
                line, self._line = self._line, b""
                self._take_line(line)
        return pos

    def _take_line(self, line: bytes) -> None:
        if self._expect == "gap":
            if line.strip(b"\r\n"):
                raise BodyError("a chunk that is longer than its size")
            self._expect = "size"
        elif self._expect == "trailer":
            self.complete = not line.strip(b"\r\n")
        else:
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise BodyError("a chunk size that is no number")
            self._left = int(match[1], 16)
            self._expect = "data" if self._left else "trailer"
