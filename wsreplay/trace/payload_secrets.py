"""Secrets in messages, found by the names of members and by their shape, in whatever JSON a message holds.

A message that is JSON, or JSON behind a few characters as in Socket.IO's `40{…}`, is decoded, also JSON within its texts; of
others the text is looked through for `"name": "value"`, for header lines and for shapes. A message without secrets stays byte
for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from wsreplay.trace.secret_names import SecretNames

# How many messages of a client are among its first, in which it introduces itself.
FIRST_MESSAGES = 10
_MOST_BEFORE = 200  # characters that may stand before the JSON of a message
_DEEPEST = 100
_SHORTEST_OPAQUE = 20
_PAIR = re.compile(r'(?P<before>"(?P<name>(?:[^"\\]|\\.){1,100})"\s*:\s*)"(?P<value>(?:[^"\\]|\\.)*)"', re.DOTALL)
_LINES = (
    re.compile(r"^(?P<before>(?P<name>[A-Za-z][\w-]{1,60})[ \t]*:[ \t]*)(?P<value>\S[^\r\n\0]*)", re.MULTILINE),
    re.compile(r"^(?P<before>(?P<name>PASS|AUTH)[ \t]+)(?P<value>\S[^\r\n\0]*)", re.MULTILINE),
)
_SCHEME = re.compile(r"(bearer|basic|digest|negotiate|token)\s+", re.IGNORECASE)
_URL_PAIR = re.compile(r"((?:^|[?&;#])(?P<name>[\w.%\[\]-]+)=)(?P<value>[^&\s;>,\"'#]+)")
_URL_LIKE = re.compile(r"://|^[/?]")


class PayloadSecrets:
    """`value` makes a pseudonym of a secret."""

    def __init__(self, names: SecretNames, value: Callable[[str], str]) -> None:
        self._names, self._value = names, value

    def hide(self, payload: bytes, *, is_first: bool) -> bytes | None:
        """None where a secret seems to stand in what is not text."""
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            return None if self._seems_secret(_legible(payload), is_first) else payload
        shown = self._in_text(text, is_first)
        return payload if shown == text else shown.encode()

    def hide_in(self, document: Any, *, is_first: bool) -> Any:
        """A decoded message without its secrets; the same object where it holds none."""
        return self._walked(document, is_first, 0)

    def has_shape(self, payload: bytes) -> bool:
        """Whether a secret stands in it that is one by its shape."""
        return self._names.has_shape(_legible(payload))

    def _seems_secret(self, text: str, is_first: bool) -> bool:
        if self._names.has_shape(text):
            return True
        return is_first and any(self._names.is_member(word) for word in re.findall(r"[A-Za-z][\w-]{2,60}", text))

    def _in_text(self, text: str, is_first: bool) -> str:
        start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
        if 0 <= start <= _MOST_BEFORE:
            try:
                document = orjson.loads(text[start:])
                shown = self._walked(document, is_first, 0)
                if shown is not document:
                    text = text[:start] + orjson.dumps(shown).decode()
            except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
                start = -1
        text = _PAIR.sub(lambda match: self._pair(match, is_first), text)
        if start < 0 and is_first:
            for line in _LINES:
                text = line.sub(self._line, text)
        return self._names.replace_shapes(text, self._value)

    def _pair(self, match: re.Match[str], is_first: bool) -> str:
        """A member in the text itself: of a message that is not JSON, or of a doubled name."""
        value = match["value"]
        name, value = (_unescaped(part) if "\\" in part else part for part in (match["name"], value))
        shown = self._member(name, value, is_first)
        return match[0] if shown == value else f'{match["before"]}{orjson.dumps(shown).decode()}'

    def _line(self, match: re.Match[str]) -> str:
        """`Authorization: Bearer …` in STOMP, `PASS …` in IRC."""
        shown = self._member(match["name"], match["value"], True)
        return match["before"] + shown

    def _member(self, name: str, value: str, is_first: bool) -> str:
        """The value of a member, which is a text."""
        if value and self._is_secret(name, value, is_first):
            scheme = _SCHEME.match(value)
            return value[: scheme.end()] + self._value(value[scheme.end() :]) if scheme else self._value(value)
        return value

    def _is_secret(self, name: str, value: str, is_first: bool) -> bool:
        if self._names.is_member(name):
            return True
        is_opaque = len(value) >= _SHORTEST_OPAQUE and not any(character.isspace() for character in value)
        return (is_first or is_opaque) and self._names.may_be_member(name)

    def _walked(self, value: Any, is_first: bool, depth: int, name: str = "") -> Any:
        """The same object where nothing in it is secret. `name` is that of the member it is in, if that is a secret's."""
        if depth > _DEEPEST:
            return value
        if isinstance(value, str):
            return self._member(name, value, is_first) if name else self._within(value, is_first, depth)
        if isinstance(value, dict):
            members = {
                key: self._walked(member, is_first, depth + 1, self._name(key, name)) for key, member in value.items()
            }
            return members if any(members[key] is not member for key, member in value.items()) else value
        if isinstance(value, list):
            items = [self._walked(item, is_first, depth + 1, name) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if isinstance(value, bytes):
            text = _legible(value)
            is_secret = self._is_secret(name, text, is_first) if name else self._names.has_shape(text)
            return self._value(text).encode() if value and is_secret else value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return self._value(str(value)) if is_number and name and self._names.is_member(name) else value

    def _name(self, key: str, outer: str) -> str:
        """The name by which a member is judged: its own, or that of the secret it is a part of."""
        if self._names.is_member(key) or self._names.may_be_member(key):
            return key
        return outer if outer and self._names.is_member(outer) else ""

    def _within(self, text: str, is_first: bool, depth: int) -> str:
        """A text of a document: JSON in it, a URL, a shape."""
        if text[:1] in ("{", "["):
            try:
                inner = orjson.loads(text)
            except orjson.JSONDecodeError:
                pass
            else:
                shown = self._walked(inner, is_first, depth + 1)
                return text if shown is inner else orjson.dumps(shown).decode()
        shown = text
        if "=" in text and _URL_LIKE.search(text):
            shown = _URL_PAIR.sub(self._url_pair, text)
        shown = self._names.replace_shapes(shown, self._value)
        return text if shown == text else shown

    def _url_pair(self, match: re.Match[str]) -> str:
        return match[1] + (self._value(match["value"]) if self._names.is_parameter(match["name"]) else match["value"])


def _unescaped(text: str) -> str:
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        return text


def _legible(payload: bytes) -> str:
    """Bytes as text in which what is not ASCII is part of no word."""
    return payload.decode("ascii", "replace")
