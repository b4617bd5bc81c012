"""Regular expressions over hostile payloads, in time linear in the text: RE2 in place of Python's engine, which backtracks.

What needs backtracking (lookarounds, backreferences, atomic groups, possessive repeats) is refused, with its place.
`\\d`, `\\w`, `\\s` and `\\b` are of ASCII, as https://github.com/google/re2/wiki/Syntax says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import re2

LONGEST_PATTERN = 1000

_BACKTRACKING = {
    "(?=": "lookaheads (?=…) are", "(?!": "lookaheads (?!…) are", "(?<=": "lookbehinds (?<=…) are",
    "(?<!": "lookbehinds (?<!…) are", "(?>": "atomic groups (?>…) are", "(?P=": "backreferences (?P=…) are",
    "(?(": "conditions (?(…) are",
}  # fmt: skip
# A token where a repeat or an escape may stand: outside sets, and not behind a backslash.
_TOKEN = re.compile(r"\\(?P<digit>[1-9])|\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\(\?(?:P=|<[=!]|[=!>(]))"
                    r"|(?P<possessive>(?:[*+?]|\{\d+(?:,\d*)?\})\+)|(?P<upto>\{,\d*\})|.", re.DOTALL)  # fmt: skip


class PatternError(ValueError):
    """A pattern that cannot be used; `position` is the offset in it."""

    def __init__(self, message: str, position: int) -> None:
        self.message, self.position = message, position
        super().__init__(message)


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Callable[[bytes], Any]:
    """A function that says whether bytes, as UTF-8 text, contain a match. Raises PatternError."""
    search: Callable[[bytes], Any] = _compile(pattern, ignore_case).search
    return search  # of bytes: several times as fast as of str


def compile_finder(pattern: str) -> Callable[[bytes], Iterator[Any]]:
    """A function that gives all matches in bytes, from left to right; `match[0]` is what matches. Raises PatternError."""
    find: Callable[[bytes], Iterator[Any]] = _compile(pattern, ignore_case=False).finditer
    return find


def _compile(pattern: str, ignore_case: bool) -> Any:
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"a pattern of more than {LONGEST_PATTERN:,} characters", LONGEST_PATTERN)
    _refuse_backtracking(pattern)
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern.encode("utf-8", "replace"), options)
    except re2.error as error:
        message = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        part = message.rpartition(": ")[2]
        raise PatternError(f"not a regular expression: {message}", max(pattern.find(part), 0)) from None


def _refuse_backtracking(pattern: str) -> None:
    for token in _TOKEN.finditer(pattern):
        if token["digit"]:
            raise PatternError(f"backreferences (\\{token['digit']}) are not supported: {_WHY}", token.start())
        if token["open"]:
            raise PatternError(f"{_BACKTRACKING[token['open']]} not supported: {_WHY}", token.start())
        if token["possessive"]:
            raise PatternError("possessive repeats are not needed: leave the + away, nothing is tried twice", token.end() - 1)
        if token["upto"]:
            raise PatternError("write {0,n} for up to n", token.start())


_WHY = "patterns are matched in one pass over the text"
