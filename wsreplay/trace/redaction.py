"""Secrets leave a trace only as `redacted:` and a keyed hash.

The key is random and lives in memory only, so equal values look equal within one run of the recorder, and cannot be guessed
from the file. What is redacted already stays as it is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from urllib.parse import unquote_plus, urlsplit, urlunsplit

import orjson

from wsreplay.model import Headers
from wsreplay.trace import paths

PREFIX = "redacted:"
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "set-cookie"}
_SECRET_PARAMETER = re.compile(
    r"token|secret|passw|pwd|auth|jwt|signature|(?:api|access)[-_]?key|credential|session|ticket|^(?:sig|key|code|sid)$", re.I
)
_SCHEME = re.compile(r"(bearer|basic|digest|negotiate|token)\s+", re.I)


class Redactor:
    """Hashes secrets with one key. `fields` are JSON paths of payload values to hide, such as `$.password`."""

    def __init__(self, key: bytes | None = None, fields: Iterable[str] = ()) -> None:
        """Raises ValueError where a field is no JSON path."""
        self.key = key or secrets.token_bytes(32)
        self.fields = [paths.parse(field) for field in fields]

    def value(self, secret: str) -> str:
        """`redacted:` and 12 hexadecimal digits."""
        if secret.startswith(PREFIX):
            return secret
        return PREFIX + hmac.new(self.key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if name in _SECRET_HEADERS:
            scheme = _SCHEME.match(value) if name.endswith("authorization") else None
            return value[: scheme.end()] + self.value(value[scheme.end() :]) if scheme else self.value(value)
        if name == "sec-websocket-protocol":
            return ", ".join(self.subprotocol(part.strip()) or "" for part in value.split(","))
        if name in ("referer", "location"):
            return self.path(value)
        return value

    def subprotocol(self, name: str | None) -> str | None:
        """A subprotocol that carries a token (`jwt.…`) keeps its prefix only."""
        if name and name.startswith("jwt."):
            return "jwt." + self.value(name[4:])
        return name

    def path(self, path: str) -> str:
        """A request target or a URL without the values of its token-like query parameters."""
        before, mark, query = path.partition("?")
        if not mark:
            return path
        query, hash_mark, fragment = query.partition("#")
        pairs = (self._parameter(pair) for pair in query.split("&"))
        return f"{before}?{'&'.join(pairs)}{hash_mark}{fragment}"

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not value or not _SECRET_PARAMETER.search(unquote_plus(name)):
            return pair
        return f"{name}{equals}{self.value(value)}"

    def url(self, url: str) -> str:
        """A URL without its userinfo and its token-like query parameters."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return self.path(urlunsplit(parts._replace(netloc=host)))

    def payload(self, payload: bytes) -> bytes | None:
        """A JSON text message with its secret fields hashed; None where it cannot be read, so that it must be withheld."""
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return None
        changed = [path for path in self.fields if self._redact_field(document, path)]
        return orjson.dumps(document) if changed else payload

    def _redact_field(self, document: object, path: paths.Path) -> bool:
        found = paths.get(document, path)
        if found is paths.MISSING:
            return False
        text = found if isinstance(found, str) else orjson.dumps(found).decode()
        return paths.replace(document, path, self.value(text))
