"""What a played client shows at the door: the recorded request, with credentials that are given anew.

Secrets are not in a recording. Where the recorded client named its user by a token that was redacted, and no other is given, a
token that is signed by nobody says who it was: the new recording then knows its users; a backend that checks refuses it.
"""

from __future__ import annotations

import base64
import csv
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

import orjson

from wsreplay.contract.identities import IdMap
from wsreplay.errors import UsageError
from wsreplay.model import Connection
from wsreplay.replay.targets import map_target
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.redaction import PREFIX

_HANDSHAKE = frozenset((
    "host", "connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-key", "sec-websocket-version",
    "sec-websocket-extensions", "sec-websocket-accept", "sec-websocket-protocol", "keep-alive", "te", "trailer",
))  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_TOKENS = ("token", "access_token", "jwt")


@dataclass(frozen=True, slots=True)
class HandshakeOverrides:
    """What is given anew: headers, query parameters, values at JSON paths of messages, a target. Texts may hold
    `{placeholders}`."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    target: str | None = None  # path and query in the place of the recorded ones

    def check(self, names: Sequence[str]) -> None:
        """Raises UsageError where a placeholder is not among these names, or a path is none."""
        texts = [text for pair in (*self.headers, *self.query, *self.values) for text in pair[1:]]
        for text in (*texts, self.target or ""):
            for name in _PLACEHOLDER.findall(text):
                if name not in names:
                    known = ", ".join(f"{{{other}}}" for other in names)
                    raise UsageError(f"unknown placeholder {{{name}}}; there are {known}")
        for path, _ in self.values:
            _path(path)

    def filled(self, facts: Mapping[str, str]) -> HandshakeOverrides:
        """With every placeholder replaced."""

        def fill(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            return tuple((name, _PLACEHOLDER.sub(lambda match: facts.get(match[1], match[0]), text)) for name, text in pairs)

        target = None
        if self.target is not None:
            target = _PLACEHOLDER.sub(lambda match: quote(facts.get(match[1], match[0]), safe=""), self.target)
        return HandshakeOverrides(fill(self.headers), fill(self.query), fill(self.values), target)

    def settings(self) -> list[tuple[paths.Path, Any]]:
        """The values for messages: JSON where the text is JSON, else the text."""
        return [(_path(path), _value(text)) for path, text in self.values]


def _path(text: str) -> paths.Path:
    try:
        return paths.parse(text)
    except ValueError as error:
        raise UsageError(f"--set {error}") from None


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def read_users(path: Path) -> list[dict[str, str]]:
    """A user a row: a CSV file with a head line, or JSON lines. Raises UsageError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    if text.lstrip().startswith("{"):
        try:
            rows = [orjson.loads(line) for line in text.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise UsageError(f"{path}: a line is not JSON: {error}") from None
        return [{str(name).lower(): str(value) for name, value in row.items()} for row in rows]
    table = csv.DictReader(text.splitlines())
    return [{(name or "").strip().lower(): value or "" for name, value in row.items()} for row in table]


def unsigned_token(user: str) -> str:
    """A JWT (RFC 7519, section 6) that says who its bearer is, and that nobody vouches for it."""

    def encode(value: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()

    return f"{encode({'alg': 'none', 'typ': 'JWT'})}.{encode({'sub': user})}."


def request_of(
    connection: Connection, presented: HandshakeOverrides, ids: IdMap | None = None
) -> tuple[str, list[tuple[str, str]]]:
    """The target and the headers of the request that opens a recorded connection again; `ids` are those known by now."""
    given = {name.lower() for name, _ in presented.headers}
    stand_in = unsigned_token(connection.user) if connection.user and "authorization" not in given else None
    recorded = presented.target if presented.target is not None else connection.path
    target = _target(map_target(recorded, ids) if ids is not None and ids.renames else recorded, presented, stand_in)
    headers: list[tuple[str, str]] = []
    for name, value in connection.request_headers:
        lower = name.lower()
        if lower in _HANDSHAKE or lower in given:
            continue
        if PREFIX in value:
            replaced = _header(lower, connection.user, stand_in)
            if replaced is None:
                continue
            value = replaced
        headers.append((name, value))
    if "sec-websocket-protocol" not in given:
        headers += _offer(connection, stand_in)
    shown = any(stand_in in value for _, value in headers) or stand_in in target if stand_in else True
    if stand_in and not shown and not str(connection.user).startswith("cookie:") and not presented.query:
        headers.append(("Authorization", f"Bearer {stand_in}"))
    return target, [*headers, *presented.headers]


def _header(name: str, user: str | None, stand_in: str | None) -> str | None:
    """What stands for a redacted header, None for nothing."""
    if name == "authorization" and stand_in is not None:
        return f"Bearer {stand_in}"
    if name == "cookie" and user is not None and user.startswith("cookie:"):
        return f"sid={PREFIX}{user.removeprefix('cookie:')}"
    return None


def _offer(connection: Connection, stand_in: str | None) -> list[tuple[str, str]]:
    lines = [value for name, value in connection.request_headers if name.lower() == "sec-websocket-protocol"]
    names = [part.strip() for line in lines for part in line.split(",")]
    names = [f"jwt.{stand_in}" if name.startswith("jwt.") and stand_in else name for name in names]
    return [("Sec-WebSocket-Protocol", ", ".join(names))] if names else []


def _target(path: str, presented: HandshakeOverrides, stand_in: str | None) -> str:
    plain, mark, query = path.partition("?")
    given = dict(presented.query)
    pairs = []
    for pair in query.split("&") if mark else ():
        name, equals, value = pair.partition("=")
        decoded = unquote_plus(name)
        if decoded in given:
            value, equals = quote(given.pop(decoded), safe=""), "="
        elif decoded in _TOKENS and unquote_plus(value).startswith(PREFIX) and stand_in:
            value = stand_in
        pairs.append(f"{name}{equals}{value}")
    pairs += [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given.items()]
    return plain + ("?" + "&".join(pairs) if pairs else mark)


def new_id(recorded: str) -> str:
    """An id like the recorded one that nobody has used."""
    if re.fullmatch(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", recorded):
        digits = secrets.token_hex(16)
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:]))
    return f"{recorded}-{secrets.token_hex(6)}"  # of a million, two are the same once in 500 times
