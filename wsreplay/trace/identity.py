"""Whose connection it is, as far as its handshake says, or where somebody says that it stands."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import orjson

from wsreplay.errors import UsageError
from wsreplay.model import Connection, Headers
from wsreplay.trace import jsonpath
from wsreplay.trace.redaction import PREFIX, Redactor
from wsreplay.trace.secret_names import find_jwts

_TOKEN_PARAMETERS = ("token", "access_token", "jwt")
_USER_PARAMETERS = ("user", "user_id")
_USER_HEADER = "x-user-id"
_CLAIMS = ("sub", "user_id", "uid", "email")
_SESSION_COOKIE = re.compile(r"(?:^|[-_.])(?:sess(?:ion)?(?:[-_.]?id)?|sid|connect\.sid)$", re.I)
_PLACE = re.compile(r"(?P<kind>header|query|path|cookie|claim):(?P<name>.+)")
_PSEUDONYMS = ("cookie:", "token:")
WAYS = "header:X-User-Id, query:user, path:/ws/{user}, cookie:NAME, claim:uid or $.user_id"


class UserSource(NamedTuple):
    """Where a connection's user stands: `kind` is header, query, path, cookie, claim, or message, whose `name` is a path."""

    kind: str
    name: str


def parse_user_source(text: str) -> UserSource:
    """`header:X-User-Id`, `query:user`, `path:/ws/{user}`, `cookie:NAME`, `claim:uid`, `$.user_id`. Raises UsageError."""
    if text.startswith("$"):
        try:
            jsonpath.parse(text)
        except ValueError as error:
            raise UsageError(f"{text!r} does not say where to find the user: {error}") from None
        return UserSource("message", text)
    match = _PLACE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} does not say where to find the user; write {WAYS}")
    if match["kind"] == "path" and match["name"].count("{user}") != 1:
        raise UsageError(f"{text!r}: say with {{user}} which part of the path names the user, as in path:/ws/{{user}}")
    return UserSource(match["kind"], match["name"])


def user_source_text(source: UserSource) -> str:
    """As it is written."""
    return source.name if source.kind == "message" else f"{source.kind}:{source.name}"


def is_pseudonym(user: str) -> bool:
    """Whether a user is known by a secret's pseudonym alone, which cannot be compared with a name."""
    return user.startswith(_PSEUDONYMS)


def identify(path: str, headers: Headers, redactor: Redactor, sources: Iterable[UserSource] = ()) -> str | None:
    """The user of a connection: what stands at one of the sources, the first that has something.

    Without any, or where they have nothing: a claim of its JWT (read, not verified), the header X-User-Id, the query parameters
    `user` and `user_id`, and its session cookie's pseudonym. Of claims the first of `sub`, `user_id`, `uid` and `email`. A
    JWT is looked for in `Authorization: Bearer`, in the query parameters `token`, `access_token` and `jwt`, in the subprotocols
    `jwt.TOKEN` and `bearer, TOKEN`, then wherever else one stands in a header or in the path, in this order.
    """
    for source in sources:
        if user := _find(source, path, headers, redactor):
            return user
    for token in _tokens(path, headers):
        if user := _claim(token, _CLAIMS):
            return user
    query = dict(parse_qsl(path.partition("?")[2]))
    for value in (_header(_USER_HEADER, headers), *(query.get(name) for name in _USER_PARAMETERS)):
        if value:
            return value
    for name, value in _cookies(headers):
        if value and _SESSION_COOKIE.search(name):
            return _pseudonym("cookie", value, redactor)
    return None


def identified(connections: list[Connection], sources: Sequence[UserSource]) -> list[Connection]:
    """Recorded connections, each with the user that its path and headers name at one of the sources, else as it is. Claims and
    cookies are no longer there."""
    return [_identify_again(connection, sources) for connection in connections] if sources else connections


def _identify_again(connection: Connection, sources: Sequence[UserSource]) -> Connection:
    for source in sources:
        user = _find(source, connection.path, connection.request_headers, None)
        if user:
            return connection._replace(user=user)
    return connection


def _find(source: UserSource, path: str, headers: Headers, redactor: Redactor | None) -> str | None:
    """What stands at a source; without a redactor, of what has been redacted."""
    match source.kind:
        case "header":
            value = _header(source.name.lower(), headers)
            is_secret = redactor is not None and redactor.headers(((source.name, value or ""),))[0][1] != value
        case "query":
            value = dict(parse_qsl(path.partition("?")[2])).get(source.name)
            is_secret = redactor is not None and PREFIX in redactor.path(f"/?{source.name}={value}")
        case "path":
            value, is_secret = _in_path(source.name, path), False
        case "cookie":
            value, is_secret = dict(_cookies(headers)).get(source.name), True
            return _pseudonym("cookie", value, redactor) if value and redactor is not None else None
        case "claim" if redactor is not None:
            return next((user for token in _tokens(path, headers) if (user := _claim(token, (source.name,)))), None)
        case _:
            return None
    if not value:
        return None
    return _pseudonym("token", value, redactor) if is_secret or PREFIX in value else value


def _pseudonym(kind: str, secret: str, redactor: Redactor | None) -> str:
    hashed = secret if redactor is None else redactor.value(secret)
    return f"{kind}:{hashed.rpartition(PREFIX)[2]}"


def _header(name: str, headers: Headers) -> str | None:
    return next((value for other, value in headers if other.lower() == name), None)


def _in_path(template: str, path: str) -> str | None:
    before, _, after = template.partition("{user}")
    match = re.fullmatch(f"{re.escape(before)}([^/]+){re.escape(after)}", path.partition("?")[0])
    return None if match is None else unquote(match[1])


def _cookies(headers: Headers) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if name.lower() == "cookie":
            for pair in value.split(";"):
                cookie, _, content = pair.strip().partition("=")
                yield cookie, content


def _tokens(path: str, headers: Headers) -> list[str]:
    bearers = (value for name, value in headers if name.lower() == "authorization" and value[:7].lower() == "bearer ")
    tokens = [value[7:].strip() for value in bearers]
    query = dict(parse_qsl(path.partition("?")[2]))
    tokens += [query[name] for name in _TOKEN_PARAMETERS if name in query]
    for name, value in headers:
        if name.lower() == "sec-websocket-protocol":
            parts = [part.strip() for part in value.split(",")]
            tokens += [part[4:] for part in parts if part.startswith("jwt.")]
            tokens += [after for before, after in pairwise(parts) if before.lower() == "bearer"]
    for text in (*(value for _, value in headers), path):
        tokens += find_jwts(text)
    return tokens


def _claim(token: str, names: Iterable[str]) -> str | None:
    """The first claim of these (RFC 7519, section 4) that a JWT in compact form has."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    for name in names if isinstance(claims, dict) else ():
        value = claims.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None
