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
from urllib.parse import unquote_plus

import orjson

from wsreplay.model import Headers
from wsreplay.trace import jsonpath as paths

PREFIX = "redacted:"
_SECRET_HEADER = re.compile(
    r"^(?:proxy-)?authorization$|^(?:set-)?cookie2?$|^x-.*auth|token|secret|passw|credential|(?:api|access)[-_]?key", re.I
)
_SECRET_PARAMETER = re.compile(
    r"token|secret|passw|pwd|auth|jwt|signature|(?:api|access)[-_]?key|credential|session|ticket|^(?:sig|key|code|sid)$", re.I
)
_SCHEME = re.compile(r"(bearer|basic|digest|negotiate|token)\s+", re.I)
# Subprotocols that carry a token, since browsers can send no other header: what stands before it stays.
_TOKEN_SUBPROTOCOL = re.compile(r"((?:.*\.)?(?:jwt|bearer|token|authorization)(?:\.k8s\.io)?[.])(.+)", re.I)
_TOKEN_FOLLOWS = re.compile(r"jwt|bearer|(?:access[-_]?)?token|authorization", re.I)
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]*\.[\w-]*")
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*:)?//[^/?#]*@", re.I)


class Redactor:
    """Hashes secrets with one key. `fields` are JSON paths of payload values to hide, such as `$.password`."""

    def __init__(self, key: bytes | None = None, fields: Iterable[str] = ()) -> None:
        """Raises ValueError where a field is no JSON path."""
        self.key = key or secrets.token_bytes(32)
        self.fields = [paths.parse(field) for field in fields]
        names = ([part for part in path if isinstance(part, str)] for path in self.fields)
        self._names = [name[-1].encode("utf-8", "surrogatepass") for name in names if name]

    def value(self, secret: str) -> str:
        """`redacted:` and 12 hexadecimal digits."""
        if secret.startswith(PREFIX):
            return secret
        return PREFIX + hmac.new(self.key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if name == "sec-websocket-protocol":
            return self._subprotocols(value)
        if _SECRET_HEADER.search(name):
            scheme = _SCHEME.match(value) if name.endswith("authorization") else None
            return value[: scheme.end()] + self.value(value[scheme.end() :]) if scheme else self.value(value)
        if name in ("referer", "location"):
            return self.path(value)
        return value

    def _subprotocols(self, value: str) -> str:
        """A list of subprotocols; in some, a name such as `bearer` says that a token follows."""
        shown: list[str] = []
        before = ""
        for part in value.split(","):
            name = part.strip()
            shown.append(self.value(name) if _TOKEN_FOLLOWS.fullmatch(before) else self.subprotocol(name) or "")
            before = name
        return ", ".join(shown)

    def subprotocol(self, name: str | None) -> str | None:
        """A subprotocol that carries a token (`jwt.…`, `bearer.…`) keeps its prefix only."""
        if not name:
            return name
        if token := _TOKEN_SUBPROTOCOL.fullmatch(name):
            return token[1] + self.value(token[2])
        return self.value(name) if _JWT.fullmatch(name) else name

    def path(self, path: str) -> str:
        """A request target or a URL without its userinfo, and without token-like parameters in its query and fragment."""
        rest, hash_mark, fragment = _USERINFO.sub(lambda match: f"{match[1] or ''}//", path).partition("#")
        before, mark, query = rest.partition("?")
        return f"{before}{mark}{self._parameters(query)}{hash_mark}{self._parameters(fragment)}"

    def _parameters(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&"))) if "=" in query else query

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not value or not _SECRET_PARAMETER.search(unquote_plus(name)):
            return pair
        return f"{name}{equals}{self.value(value)}"

    def url(self, url: str) -> str:
        """A URL without its userinfo and its token-like query parameters."""
        return self.path(url)

    def payload(self, payload: bytes) -> bytes | None:
        """A JSON text message with its secret fields hashed.

        None where it cannot be read, or is nested too deep to be written again, so that it must be withheld.
        """
        try:
            document = orjson.loads(payload)
            if () in self.fields:
                return orjson.dumps(self.value(payload.decode()))
            changed = [path for path in self.fields if self._redact_field(document, path)]
            return orjson.dumps(document) if changed or self._may_be_hidden(payload) else payload
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return None

    def _may_be_hidden(self, payload: bytes) -> bool:
        """Whether a field's name occurs, or may do so in escapes: of a doubled key, only the raw text holds the first value."""
        return b"\\" in payload or any(name in payload for name in self._names)

    def _redact_field(self, document: object, path: paths.Path) -> bool:
        found = paths.get(document, path)
        if found is paths.MISSING:
            return False
        text = found if isinstance(found, str) else orjson.dumps(found).decode()
        return paths.replace(document, path, self.value(text))
