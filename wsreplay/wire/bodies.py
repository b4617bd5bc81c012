"""How far a body reaches: counted, chunked, or until the connection closes (RFC 9112, sections 6 and 7).

Heads are read leniently, this is not: where two peers could disagree on where a body ends, what is behind it could be a request
to one of them and not to the other. That is an error here. Each framing is fed the bytes as they come; `measure` says how many
of them are the body's, `complete` that it ends there.
"""

from __future__ import annotations

import re

from wsreplay.wire.heads import lenient_lines

# A chunk's line and its extensions, or one trailer line.
MAX_LINE = 64 * 1024

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
_TRAILER = re.compile(rb"[^\r\n]*\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HEADER_LINE_END = re.compile(rb"\r?\n(?![ \t])")
# In a value that one reader takes whole and another cuts: a folded line, a bare CR.
_CUTTING = re.compile(rb"[\r\n\0\v\f]")


class BodyError(Exception):
    """A body that breaks its own framing."""


class Counted:
    """A body of `Content-Length` bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = length == 0

    def measure(self, data: bytes) -> int:
        """How many bytes at the beginning of `data` belong to the body."""
        size = min(self._left, len(data))
        self._left -= size
        self.complete = self._left == 0
        return size


class UntilClose:
    """A response's body without a length."""

    complete = False

    def measure(self, data: bytes) -> int:
        """How many bytes belong to the body: all."""
        return len(data)


class Chunked:
    """A body in chunks, with its trailers."""

    def __init__(self) -> None:
        # its last chunk and trailers have come
        self.complete = False
        self._line = b""  # the beginning of a line whose end is still to come
        self._left = 0  # of the chunk's data
        self._expect = "size"  # size, data, gap (the line end behind a chunk's data), trailer

    def measure(self, data: bytes) -> int:
        """How many bytes at the beginning of `data` belong to the body, its framing included. Raises BodyError."""
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
            if line != b"\r\n":
                raise BodyError("a chunk that is longer than its size")
            self._expect = "size"
        elif self._expect == "trailer":
            if not _TRAILER.fullmatch(line):
                raise BodyError("a trailer that does not end in CR LF")
            self.complete = line == b"\r\n"
        else:
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise BodyError("a chunk size that is not a number, or a line of it that does not end in CR LF")
            self._left = int(match[1], 16)
            self._expect = "data" if self._left else "trailer"


def request_framing(fields: bytes, version: bytes) -> Counted | Chunked:
    """How a request's body is framed (RFC 9112, section 6.3), by its header lines. Raises BodyError."""
    length, chunked = _framing_headers(fields, version)
    if chunked and length is not None:
        raise BodyError("both Content-Length and Transfer-Encoding in a request")
    return Chunked() if chunked else Counted(length or 0)


def response_framing(fields: bytes, version: bytes) -> Counted | Chunked | UntilClose:
    """How a response's body is framed, where it may have one. Raises BodyError."""
    length, chunked = _framing_headers(fields, version)
    if chunked:
        return Chunked()
    return UntilClose() if length is None else Counted(length)


def _framing_headers(fields: bytes, version: bytes) -> tuple[int | None, bool]:
    """The content length, and whether the body is chunked. Raises BodyError where peers may read this differently."""
    values: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": []}
    plain = 0  # how many lines are such headers by the letter
    for line in _HEADER_LINE_END.split(fields):
        name, _, value = line.partition(b":")
        if name.lower() in values and not _CUTTING.search(value):
            plain += 1
            values[name.lower()] += [part.strip(b" \t").lower() for part in value.split(b",")]
    if plain != sum(name in values for _, name, _ in lenient_lines(fields)):
        raise BodyError("a Content-Length or Transfer-Encoding that is oddly written")
    return _length(values[b"content-length"]), _is_chunked(values[b"transfer-encoding"], version)


def _length(values: list[bytes]) -> int | None:
    if not values:
        return None
    if len(set(values)) > 1 or not _LENGTH.fullmatch(values[0]):
        raise BodyError("a Content-Length that is not one number")
    return int(values[0])


def _is_chunked(codings: list[bytes], version: bytes) -> bool:
    if not codings:
        return False
    if codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
        raise BodyError("a Transfer-Encoding that does not end in chunked")
    if version.rpartition(b"/")[2] < b"1.1":
        raise BodyError(f"a Transfer-Encoding in {version.decode('latin-1')}")
    return True
