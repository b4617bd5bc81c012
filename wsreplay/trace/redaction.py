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
from urllib.parse import quote_plus, unquote_plus

import orjson

from wsreplay.model import Headers
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.payload_secrets import PayloadSecrets
from wsreplay.trace.secret_names import SecretNames

PREFIX = "redacted:"
_SCHEME = re.compile(r"(bearer|basic|digest|negotiate|token)\s+", re.I)
# Subprotocols that carry a token, since browsers can send no other header: what stands before it stays.
_TOKEN_SUBPROTOCOL = re.compile(
    r"((?:.*\.)?(?:[\w-]*(?:jwt|bearer|token|authorization|api-?key|secret|password|credentials?))(?:\.k8s\.io)?[.]"
    r"|header-(?=[\w-]{16,}={0,2}$))(.+)",
    re.I,
)
_TOKEN_FOLLOWS = re.compile(
    r"jwt|bearer|basic|(?:[\w-]*[-_])?(?:token|secret)|(?:[\w-]*[-_])?(?:api|access)[-_]?key|authorization|auth|password", re.I
)
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]*\.[\w-]*")
_BOT = re.compile(r"(?<=/bot)([0-9]+:[\w-]+)")
_PAIR = re.compile(r"((?:^|[?&;#\s])[\w.%\[\]-]+=)([^&\s;>,\"'#]+)")
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*:)?//[^/?#]*@", re.I)
_URL_USERINFO = re.compile(r"(?<=://)[^/?#\s@<>\"]+@")
_PLAIN_HEADERS = frozenset(("sec-websocket-key", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-version"))
_MOST_OFFERED = 10_000


class Redactor:
    """Hashes secrets with one key. `fields` says what to hide besides what is built in: see `SecretNames.parse`."""

    def __init__(self, key: bytes | None = None, fields: Iterable[str] = ()) -> None:
        """Raises ValueError where a field says nothing of what to hide."""
        self.key = key or secrets.token_bytes(32)
        self.secret_names = SecretNames.parse(fields)
        self.fields = self.secret_names.paths
        self.looks = PayloadSecrets(self.secret_names, self.value) if self.secret_names.auto else None
        names = ([part for part in path if isinstance(part, str)] for path in self.fields)
        self._offered: dict[str, None] = {}  # pseudonyms of tokens offered as subprotocols: a server may choose one
        self._names = [name[-1].encode("utf-8", "surrogatepass") for name in names if name]

    @property
    def hides_payloads(self) -> bool:
        """Whether messages are changed at all."""
        return bool(self.fields) or self.looks is not None

    def value(self, secret: str) -> str:
        """`redacted:` and 12 hexadecimal digits."""
        if secret.startswith(PREFIX):
            return secret
        return PREFIX + hmac.new(self.key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]

    def headers(self, headers: Headers) -> Headers:
        """The headers of a handshake without secrets; an authorization keeps its scheme."""
        return tuple((name, self._header(name.lower(), value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if name == "sec-websocket-protocol":
            return self._subprotocols(value)
        if self.secret_names.is_header(name):
            scheme = _SCHEME.match(value) if name.endswith("authorization") else None
            return value[: scheme.end()] + self.value(value[scheme.end() :]) if scheme else self.value(value)
        if name in ("referer", "location"):
            return self.path(value)
        return value if name in _PLAIN_HEADERS else self._text(value)

    def _text(self, text: str) -> str:
        """A text with URLs in it, such as `Link` or `X-Forwarded-Uri`, without their userinfo and their secrets."""
        if "=" in text or "@" in text:
            text = _PAIR.sub(self._pair, _URL_USERINFO.sub("", text))
        return self._shapes(text)

    def _pair(self, match: re.Match[str]) -> str:
        name = match[1].lstrip("?&;# \t").removesuffix("=")
        return match[1] + (self.value(match[2]) if self.secret_names.is_parameter(unquote_plus(name)) else match[2])

    def _shapes(self, text: str) -> str:
        """A text without what is a secret by its shape."""
        return self.secret_names.replace_shapes(text, self.value)

    def _subprotocols(self, value: str) -> str:
        """A list of subprotocols; in some, a name such as `bearer` says that a token follows."""
        shown: list[str] = []
        before = ""
        for part in value.split(","):
            name = part.strip()
            if _TOKEN_FOLLOWS.fullmatch(before) and name:
                shown.append(self.value(name))
                if len(self._offered) < _MOST_OFFERED:
                    self._offered[self.value(name)] = None
            else:
                shown.append(self.subprotocol(name) or "")
            before = name
        return ", ".join(shown)

    def subprotocol(self, name: str | None) -> str | None:
        """A subprotocol that carries a token (`jwt.…`, `bearer.…`) keeps its prefix only."""
        if not name:
            return name
        if self._offered and self.value(name) in self._offered:
            return self.value(name)
        if token := _TOKEN_SUBPROTOCOL.fullmatch(name):
            return token[1] + self.value(token[2])
        return self.value(name) if _JWT.fullmatch(name) else self._shapes(name)

    def path(self, path: str) -> str:
        """A request target or a URL without its userinfo, and without what is a secret by its name or its shape."""
        rest, hash_mark, fragment = _USERINFO.sub(lambda match: f"{match[1] or ''}//", path).partition("#")
        before, mark, query = rest.partition("?")
        before = _BOT.sub(lambda match: self.value(match[1]), before)
        if ";" in before:
            before = _PAIR.sub(self._pair, before)
        return self._shapes(f"{before}{mark}{self._parameters(query)}{hash_mark}{self._parameters(fragment)}")

    def _parameters(self, query: str) -> str:
        return "&".join(map(self._parameter, query.split("&"))) if "=" in query else query

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not value:
            return pair
        if self.secret_names.is_parameter(unquote_plus(name)):
            return f"{name}{equals}{self.value(value)}"
        if "%3d" in value.lower():  # a URL in a URL
            inner = unquote_plus(value)
            shown = self.path(inner)
            if shown != inner:
                return f"{name}{equals}{quote_plus(shown)}"
        return pair

    def url(self, url: str) -> str:
        """A URL without its userinfo and its token-like query parameters."""
        return self.path(url)

    @property
    def hides_everything(self) -> bool:
        """Whether `$` is a field: all of every message."""
        return () in self.fields

    def hide_fields(self, document: object) -> bool:
        """Hash the secret fields of a decoded message in place; whether there were any."""
        return bool([path for path in self.fields if self._redact_field(document, path)])

    def payload(self, payload: bytes) -> bytes | None:
        """A JSON text message with its secret fields hashed.

        None where it cannot be read, or is nested too deep to be written again, so that it must be withheld.
        """
        try:
            document = orjson.loads(payload)
            if self.hides_everything:
                return orjson.dumps(self.value(payload.decode()))
            return orjson.dumps(document) if self.hide_fields(document) or self.may_be_hidden(payload) else payload
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return None

    def may_be_hidden(self, payload: bytes) -> bool:
        """Whether a field's name occurs, or may do so in escapes: of a doubled key, only the raw text holds the first value."""
        return b"\\" in payload or any(name in payload for name in self._names)

    def _redact_field(self, document: object, path: paths.Path) -> bool:
        value = paths.get(document, path)
        if value is paths.MISSING:
            return False
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return paths.replace(document, path, self.value(text))
