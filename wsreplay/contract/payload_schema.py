"""JSON Schemas (drafts 4, 6 and 7) as functions over hostile payloads: their patterns take time linear in a text.

fastjsonschema compiles `pattern` and `patternProperties` with Python's engine, and its formats of addresses backtrack too.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import fastjsonschema

from wsreplay.trace.regex import PatternError, compile_pattern

_FORMAT_KEY = "_re_pattern"  # ends the names of the library's own patterns, which are anchored and of bounded repeats


def compile_schema(schema: Any) -> Callable[[Any], Any]:
    """A function that raises JsonSchemaValueException where a decoded message does not fit.

    A `$ref` leads to a place within the schema. Raises ValueError (PatternError for a pattern), TypeError, KeyError,
    AttributeError or JsonSchemaDefinitionException where the schema is wrong.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python's engine may once take otherwise: it is not used
            check: Callable[[Any], Any] = fastjsonschema.compile(
                schema, handlers=_Unread(), use_default=False, formats={"email": _is_email, "idn-email": _is_idn_email}
            )
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"not a regular expression: {error}", 0) from None
    patterns: dict[str, Any] = inspect.unwrap(check).__globals__["REGEX_PATTERNS"]
    for name, compiled in patterns.items():
        if not name.endswith(_FORMAT_KEY) or _FORMAT_KEY in compiled.pattern:
            patterns[name] = _Pattern(name)
    return check


class _Unread(dict[str, Callable[[str], Any]]):
    """What the library asks for schemas elsewhere, of whatever scheme: no network and no file is touched for a contract."""

    def __contains__(self, scheme: object) -> bool:
        return True

    def __missing__(self, scheme: str) -> Callable[[str], Any]:
        return _refuse


def _refuse(uri: str) -> Any:
    raise ValueError(f"$ref {uri!r} is outside this schema: copy what it refers to into `definitions`")


class _Pattern:
    """What the compiled schema calls: `search` of a text."""

    __slots__ = ("_search",)

    def __init__(self, pattern: str) -> None:
        self._search = compile_pattern(pattern)

    def search(self, text: str) -> Any:
        return self._search(text.encode("utf-8", "replace"))


def _is_email(text: str) -> bool:
    local = text.partition("@")[0]
    return _is_idn_email(text) and not local.startswith(".") and not local.endswith(".") and ".." not in local


def _is_idn_email(text: str) -> bool:
    local, _, domain = text.partition("@")
    return bool(local) and "@" not in domain and "." in domain[1:-1]
