"""Whose connection it is, as far as its handshake says."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import parse_qsl

import orjson

from wsreplay.decode.values import text_of
from wsreplay.model import Headers
from wsreplay.trace.redaction import Redactor
from wsreplay.trace.secret_names import find_jwts

_TOKEN_PARAMETERS = ("token", "access_token", "jwt")
_SESSION_COOKIE = re.compile(r"(?:^|[-_.])(?:sess(?:ion)?(?:[-_.]?id)?|sid|connect\.sid)$", re.I)


def identify(path: str, headers: Headers, redactor: Redactor) -> str | None:
    """The user of a connection: the `sub` of its JWT (read, not verified), else its session cookie's pseudonym, else None.

    A JWT is looked for in `Authorization: Bearer`, in the query parameters `token`, `access_token` and `jwt`, in a `jwt.`
    subprotocol, then wherever else one stands in a header or in the path, in this order.
    """
    for token in _tokens(path, headers):
        if subject := _subject(token):
            return subject
    for name, value in headers:
        if name.lower() == "cookie":
            for pair in value.split(";"):
                cookie, _, content = pair.strip().partition("=")
                if content and _SESSION_COOKIE.search(cookie):
                    return "cookie:" + redactor.value(content).removeprefix("redacted:")
    return None


def _tokens(path: str, headers: Headers) -> list[str]:
    bearers = (value for name, value in headers if name.lower() == "authorization" and value[:7].lower() == "bearer ")
    tokens = [value[7:].strip() for value in bearers]
    query = dict(parse_qsl(path.partition("?")[2]))
    tokens += [query[name] for name in _TOKEN_PARAMETERS if name in query]
    for name, value in headers:
        if name.lower() == "sec-websocket-protocol":
            tokens += [part.strip()[4:] for part in value.split(",") if part.strip().startswith("jwt.")]
    for text in (*(value for _, value in headers), path):
        tokens += find_jwts(text)
    return tokens


def _subject(token: str) -> str | None:
    """The `sub` claim (RFC 7519, section 4.1.2) of a JWT in compact form."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return text_of(subject) or None
