"""HTTP/1.x heads: what they are, how they are read, and how a request's is changed without touching the rest of it.

They are read as the most lenient of common peers reads them, not by the letter of RFC 9112: what a server accepts as an opening
handshake must be seen as one. How a body is framed is another matter: see `bodies`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HeaderList = list[tuple[bytes, bytes]]

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_VERSION = re.compile(rb"[A-Za-z]+/[0-9](?:\.[0-9])?")
_METHOD = re.compile(rb"[!-~]+")
_ANY_LINE_END = re.compile(rb"[\r\n]+")
# What a lenient reader may strip: ASCII and Latin-1 control characters and spaces.
_STRIPPED = bytes((*range(0x21), *range(0x7F, 0xA1)))


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and its headers.

    `raw` begins with the empty lines that may stand before it; `upgrade`: it asks for a WebSocket; `has_body`: a body follows.
    """

    raw: bytes
    method: bytes
    target: bytes
    headers: HeaderList
    upgrade: bool
    has_body: bool = False


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A status line and its headers. `switched`: with this 101, the connection has become a WebSocket."""

    raw: bytes
    status: int
    headers: HeaderList
    switched: bool


def split_request_line(line: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Method, target and version; None where it is no request line. The target is all that stands between the other two."""
    method, rest = _cut_word(line)
    target, version = _cut_last_word(rest.rstrip(b" \t\r\n"))
    if _METHOD.fullmatch(method) and target and _VERSION.fullmatch(version):
        return method, target, version
    return None


def _cut_word(text: bytes) -> tuple[bytes, bytes]:
    ends = [at for at in (text.find(b" "), text.find(b"\t")) if at >= 0]
    at = min(ends, default=len(text))
    return text[:at], text[at:].lstrip(b" \t")


def _cut_last_word(text: bytes) -> tuple[bytes, bytes]:
    at = max(text.rfind(b" "), text.rfind(b"\t")) + 1
    return text[:at].rstrip(b" \t"), text[at:]


def lenient_lines(fields: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each line wherever a lenient reader may begin one, with the name that it then has, in lower case, and the value.

    Where there is no colon the name is empty.
    """
    for line in _ANY_LINE_END.split(fields):
        name, colon, value = line.partition(b":")
        yield line, name.strip(_STRIPPED).lower() if colon else b"", value


def asks_for_websocket(fields: bytes) -> bool:
    """Whether header lines hold an `Upgrade` to WebSocket, or the key of one (RFC 6455, section 4.2.1).

    Whatever else the handshake must hold is the server's to judge, and servers differ: method, version, `Host`, `Connection`.
    """
    is_upgrade = False  # whether the last header was one, which a folded line continues
    for line, name, value in lenient_lines(fields):
        if name == b"upgrade":
            is_upgrade, line = True, value
        elif line[:1] not in (b" ", b"\t"):
            is_upgrade = False
        if (is_upgrade and b"websocket" in line.lower()) or name == b"sec-websocket-key":
            return True
    return False


def parse_head(raw: bytes) -> tuple[tuple[str, str, str], list[tuple[str, str]]]:
    """Read a raw head as Latin-1, leniently.

    Returns the three parts of its first line (method, target, version; or version, status, reason; "" where one is missing)
    and the headers in their order and case. Folded lines are joined by a space.
    """
    line, _, fields = raw.lstrip(b"\r\n").partition(b"\n")
    words = split_request_line(line)
    if words is None:
        first, rest = _cut_word(line.rstrip(b"\r"))
        words = (first, *_cut_word(rest))
    method, target, version = (word.decode("latin-1") for word in words)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in parse_fields(fields)]
    return (method, target, version), headers


def parse_fields(fields: bytes) -> HeaderList:
    """Header lines in their order and case: folded lines are joined by a space, a line without a colon is none."""
    headers: list[tuple[bytes, list[bytes]]] = []
    for line in _ANY_LINE_END.split(fields):
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and headers:
            headers[-1][1].append(line.strip(b" \t"))
        elif colon:
            headers.append((name.strip(b" \t"), [value.strip(b" \t")]))
    return [(name, b" ".join(filter(None, parts))) for name, parts in headers]


def rewrite_request(
    head: RequestHead, *, host: str | None = None, prefix: str = "", set_headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """The request's bytes with another target, host, and headers; every other byte stays as it was.

    `prefix` is put before a target that is a path; `host` replaces the value of `Host`; each of `set_headers` replaces the
    header of its name where it stood, or is added behind the others. Text is sent as UTF-8.
    """
    given: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for text, value_text in set_headers:
        given.setdefault(_encode(text).lower(), []).append((_encode(text), _encode(value_text)))
    added = set(given)
    if host is not None:
        given.setdefault(b"host", [(b"Host", _encode(host))])

    lead, line, fields, blank = _split(head.raw)
    newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    if prefix and head.target.startswith(b"/"):
        at = line.index(head.target, len(head.method))
        line = line[:at] + _encode(prefix).rstrip(b"/") + line[at:]
    out: list[bytes] = []
    done: set[bytes] = set()
    for field in fields:
        name, colon, value = field.partition(b":")
        key = name.strip(_STRIPPED).lower() if colon else b""
        if key not in given:
            out.append(field)
        elif key not in done:
            done.add(key)
            (_, new), *more = given[key]
            bare = value.rstrip(b"\r\n")
            start = len(bare) - len(bare.lstrip(b" \t"))
            end = start + len(bare.strip(b" \t"))
            out += [name + colon + value[:start] + new + value[end:], *_lines(more, newline)]
    for key in given:
        if key in added - done:
            out += _lines(given[key], newline)
    return b"".join((lead, line, *out, blank))


def _split(raw: bytes) -> tuple[bytes, bytes, list[bytes], bytes]:
    """Empty lines before the request line, that line, the header fields with the lines folded into them, the empty line."""
    start = len(raw) - len(raw.lstrip(b"\r\n"))
    line, *rest = _LINE.findall(raw[start:])
    fields: list[list[bytes]] = []
    for part in rest[:-1]:
        if part[:1] in (b" ", b"\t") and fields:
            fields[-1].append(part)
        else:
            fields.append([part])
    return raw[:start], line, [b"".join(parts) for parts in fields], rest[-1]


def _lines(headers: HeaderList, newline: bytes) -> list[bytes]:
    return [name + b": " + value + newline for name, value in headers]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
