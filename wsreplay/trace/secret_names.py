"""What counts as a secret: names of headers, parameters and members, and shapes. Listed in docs/reference/redaction.md."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wsreplay.trace import jsonpath
from wsreplay.trace.regex import PatternError, compile_pattern

# Words stand for themselves wherever in a name; the short ones only as a whole part of it: `pin` is not in `spinner`.
_WORDS = (
    r"token|secret|passw|passphrase|passcode|credential|jwt|assertion|signature|oidc|session|csrf|xsrf"
    r"|(?:api|access|private|signing|subscription|functions?|host|master|shared|account|service|client)[-_]?key"
)
_SHORT = r"(?:^|[-_.\[])(?:otp|pin|pass|pwd|hmac|mac|sig|sign|sid)(?:$|[-_.\]])"
_HEADER = re.compile(
    rf"^(?:proxy-)?authorization$|^(?:set-)?cookie2?$|^x-.*auth|{_WORDS}|{_SHORT}|^(?!sec-websocket-)(?:.*-)?key$", re.I
)
_PARAMETER = re.compile(rf"auth|ticket|pwd|{_WORDS}|{_SHORT}|^(?:key|code)$", re.I)
# Members of messages. What these name is a secret wherever it stands …
_MEMBER = re.compile(
    r"passw(?:or)?d|passphrase|passcode|secret|credential|jwt|authorization|cookie|private[-_]?key|client[-_]?assertion"
    r"|(?:access|refresh|id|auth|bearer|session|csrf|xsrf|api|client|security|device|push|user|connection|login)[-_]?token"
    r"|(?:api|access|signing|subscription|functions?|host|master|shared|account|service|client|encryption)[-_]?key|^x-.*auth",
    re.I,
)
# … and what these name where a client introduces itself, or where it is long and has no space: a `token` may be a word.
_MEMBER_OF_FIRST = re.compile(r"(?:token|ticket|signature|hmac|^auth|^pass|^pwd|^pin|^otp|^sig|^sid)$", re.I)
# What is a secret by its shape, wherever it stands: a JWT, and keys that their makers begin with a sign of their own.
_KEYS = re.compile(
    r"(?<![\w-])(?:(?:sk|rk|pk)[-_](?:live|test|proj|ant|or|svcacct|admin)?[-_]?|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|xai-|gsk_"
    r"|hf_|AKIA|ASIA|AIza|ya29\.|SG\.|npm_|pypi-|dop_v1_|shpat_)[\w.-]{12,}"
)
AUTO = "auto"


class _Shape:
    """A shape that is looked for in time linear in the text."""

    def __init__(self, pattern: str) -> None:
        """Raises PatternError."""
        self._search: Any = compile_pattern(pattern)

    def fits_everything(self) -> bool:
        return self._search(b"") is not None

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where it stands in a text as UTF-8: start and end."""
        position = 0
        while position < len(data) and (match := self._search(data, position)) is not None:
            start, position = match.span()
            if start == position:
                return  # it fits the empty text here, and so everywhere behind
            yield start, position

    def replace(self, text: str, value: Callable[[str], str]) -> str:
        data = text.encode("utf-8", "surrogatepass")
        parts: list[str] = []
        position = 0
        for start, end in self.find(data):
            parts += [_text(data[position:start]), value(_text(data[start:end]))]
            position = end
        return "".join([*parts, _text(data[position:])]) if parts else text


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_JWT = _Shape(r"eyJ[\w-]{4,}\.[\w-]+\.[\w-]*")


def find_jwts(text: str) -> list[str]:
    """Each JSON Web Token in compact form (RFC 7519) that stands in a text."""
    if "eyJ" not in text:
        return []
    data = text.encode("utf-8", "surrogatepass")
    return [_text(data[start:end]) for start, end in _JWT.find(data)]


@dataclass(frozen=True)
class SecretNames:
    """The built-in names and shapes, and those that were added. `paths` are JSON paths of payload values to hide.

    `auto`: messages are looked into for names and shapes as well.
    """

    paths: tuple[jsonpath.Path, ...] = ()
    auto: bool = False
    _globs: re.Pattern[str] | None = None
    _added: tuple[_Shape, ...] = ()

    @classmethod
    def parse(cls, items: Iterable[str]) -> SecretNames:
        """Of `$.path`, `auto`, `name:GLOB`, `shape:REGEX`. Raises ValueError, whose text says which item is wrong."""
        paths, globs, shapes, auto = [], [], [], False
        for item in items:
            kind, colon, rest = item.partition(":")
            if item == AUTO:
                auto = True
            elif colon and kind == "name":
                if not rest.strip("*?"):
                    raise ValueError(f"{item!r} names everything: write a name such as name:x-acme-*")
                globs.append(fnmatch.translate(rest.lower()))
            elif colon and kind == "shape":
                shapes.append(_shape(item, rest))
            elif item.startswith("$"):
                paths.append(jsonpath.parse(item))
            else:
                forms = "a path such as $.password, auto, name:x-acme-*, or shape:acme_[0-9a-f]{32}"
                raise ValueError(f"{item!r} does not say what to hide: {forms}; paths begin with $")
        return cls(tuple(paths), auto, re.compile("|".join(globs)) if globs else None, tuple(shapes))

    def _is_added(self, name: str) -> bool:
        return self._globs is not None and self._globs.match(name.lower()) is not None

    def is_header(self, name: str) -> bool:
        """Whether the value of a header of this name is a secret. The name is in lower case."""
        return _HEADER.search(name) is not None or self._is_added(name)

    def is_parameter(self, name: str) -> bool:
        """Whether the value of a URL's parameter of this name is a secret."""
        return _PARAMETER.search(name) is not None or self._is_added(name)

    def is_member(self, name: str) -> bool:
        """Whether the value of a JSON member of this name is a secret."""
        return _MEMBER.search(name) is not None or self._is_added(name)

    def may_be_member(self, name: str) -> bool:
        """Whether a member of this name is a secret in a client's first messages."""
        return _MEMBER_OF_FIRST.search(name) is not None

    def has_shape(self, text: str) -> bool:
        """Whether some of a text is a secret by its shape."""
        return self.replace_shapes(text, lambda secret: "") != text

    def replace_shapes(self, text: str, value: Callable[[str], str]) -> str:
        """Each part of a text that is a secret by its shape is given to `value`."""
        if "eyJ" in text:
            text = _JWT.replace(text, value)
        text = _KEYS.sub(lambda match: value(match[0]), text)
        for shape in self._added:
            text = shape.replace(text, value)
        return text


def _shape(item: str, pattern: str) -> _Shape:
    try:
        shape = _Shape(pattern)
    except PatternError as error:
        raise ValueError(f"{item!r}: {error}") from None
    if shape.fits_everything():
        raise ValueError(f"{item!r} matches everything: write a shape such as shape:acme_[0-9a-f]{{32}}")
    return shape
