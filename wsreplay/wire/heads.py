"""HTTP/1.x heads: what they are, how they are read, and how a request's is changed without touching the rest of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HeaderList = list[tuple[bytes, bytes]]

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_FIELD = re.compile(rb"([^:\r\n]*)(:[ \t]*)([^\n]*?)([ \t]*\r?\n)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and its headers. `raw` begins with the empty lines that may stand before it; `upgrade`: it asks for a
    WebSocket."""

    raw: bytes
    method: bytes
    target: bytes
    headers: HeaderList
    upgrade: bool


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A status line and its headers. `switched`: with this 101, the connection has become a WebSocket."""

    raw: bytes
    status: int
    headers: HeaderList
    switched: bool


def asks_for_websocket(method: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request is an opening handshake (RFC 6455, section 4.2.1); its key and version are the server's to judge."""
    tokens: dict[bytes, set[bytes]] = {b"connection": set(), b"upgrade": set()}
    for name, value in headers:
        if (of_name := tokens.get(name.lower())) is not None:
            of_name.update(token.strip().lower() for token in value.split(b","))
    return method == b"GET" and b"upgrade" in tokens[b"connection"] and b"websocket" in tokens[b"upgrade"]


def is_upgrade(head: RequestHead) -> bool:
    """Whether a request is an opening handshake."""
    return asks_for_websocket(head.method, head.headers)


def parse_head(raw: bytes) -> tuple[tuple[str, str, str], list[tuple[str, str]]]:
    """Read a raw head as Latin-1, leniently.

    Returns the three parts of its first line (method, target, version; or version, status, reason; "" where one is missing)
    and the headers in their order and case. Folded lines are joined by a space.
    """
    lines = [line.rstrip("\r\n") for line in raw.decode("latin-1").lstrip("\r\n").split("\n")]
    first, second, third = (*lines[0].split(" ", 2), "", "")[:3]
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}".strip())
        elif line:
            name, _, value = line.partition(":")
            headers.append((name.strip(" \t"), value.strip(" \t")))
    return (first, second, third), headers


def rewrite_request(
    head: RequestHead, *, host: str | None = None, prefix: str = "", set_headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """The request's bytes with another target, host, and headers; every other byte stays as it was.

    `prefix` is put before a target that is a path; `host` replaces the value of `Host`; each of `set_headers` replaces the
    header of its name where it stood, or is added behind the others. Text is sent as UTF-8.
    """
    given: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, value in set_headers:
        given.setdefault(_encode(name).lower(), []).append((_encode(name), _encode(value)))
    added = set(given)
    if host is not None:
        given.setdefault(b"host", [(b"Host", _encode(host))])

    lead, line, fields, blank = _split(head.raw)
    newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    if prefix and head.target.startswith(b"/"):
        at = len(head.method) + 1
        line = line[:at] + _encode(prefix).rstrip(b"/") + line[at:]
    out: list[bytes] = []
    done: set[bytes] = set()
    for field in fields:
        match = _FIELD.match(field)
        key = match[1].strip().lower() if match else b""
        if match is None or key not in given:
            out.append(field)
        elif key not in done:
            done.add(key)
            (_, new), *more = given[key]
            out += [match[1] + match[2] + new + match[4], *_lines(more, newline)]
    for key in given:
        if key in added - done:
            out += _lines(given[key], newline)
    return b"".join((lead, line, *out, blank))


def _split(raw: bytes) -> tuple[bytes, bytes, list[bytes], bytes]:
    """Empty lines before the request line, that line, the header fields with the lines folded into them, the empty line."""
    start = len(raw) - len(raw.lstrip(b"\r\n"))
    line, *rest = _LINE.findall(raw[start:])
    fields: list[bytes] = []
    for part in rest[:-1]:
        if part[:1] in (b" ", b"\t") and fields:
            fields[-1] += part
        else:
            fields.append(part)
    return raw[:start], line, fields, rest[-1]


def _lines(headers: HeaderList, newline: bytes) -> list[bytes]:
    return [name + b": " + value + newline for name, value in headers]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
