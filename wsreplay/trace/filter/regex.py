"""Regular expressions over hostile payloads: Python's engine backtracks, so some patterns never end on some texts.

A pattern whose repeats can divide the same text in many ways takes time exponential in its length, and is refused; what
remains is polynomial, with a degree that grows with its unbounded repeats, so the more of these, the less text is searched.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_PATTERN = 1000
SEARCHED_BYTES = (1 << 20, 32 * 1024, 4 * 1024, 1024)
"""How much of a payload is searched, by the number of unbounded repeats in the pattern."""

_LEADING = re.compile(r"(?:\.[*+]\??(?![*+?{]))+")

_TOKEN = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?:P<\w+>|<[=!]|P=\w+|[a-zA-Z-]*[:)]|\(\w+\)|.))?)|(?P<close>\))"
    r"|(?P<or>\|)|(?P<repeat>[*+?]|\{(?P<low>\d*)(?P<comma>,)?(?P<high>\d*)\})(?P<mode>[+?]?)|(?P<other>.)",
    re.DOTALL,
)


class UnsafePattern(ValueError):
    """A pattern that is refused; `position` is the offset in it."""

    def __init__(self, message: str, position: int) -> None:
        self.message, self.position = message, position
        super().__init__(message)


@dataclass
class _Group:
    """What the scan knows of a group: whether its content can match one text in several ways."""

    atomic: bool = False
    flexible: bool = False
    firsts: list[str | None] = field(default_factory=lambda: [None])
    at_start: bool = True

    @property
    def ambiguous(self) -> bool:
        if len(self.firsts) > 1 and (None in self.firsts or len(set(self.firsts)) < len(self.firsts)):
            return True
        return self.flexible


def searcher(pattern: str, *, ignore_case: bool) -> Callable[[bytes], bool]:
    """A function that says whether a payload, as UTF-8 text, contains a match.

    Raises UnsafePattern where the pattern is no regular expression, or one that may not end.
    """
    _compile(pattern, ignore_case)
    pattern = _without_leading_dots(pattern)
    compiled = _compile(pattern, ignore_case)
    limit = SEARCHED_BYTES[min(check(pattern), len(SEARCHED_BYTES) - 1)]
    search = compiled.search
    return lambda payload: search(payload[:limit].decode("utf-8", "replace")) is not None


def _without_leading_dots(pattern: str) -> str:
    """A pattern without the `.*` it begins with, which finds nothing more and makes a search quadratic; `.+` leaves a dot."""
    match = _LEADING.match(pattern)
    if match is None or "|" in pattern:
        return pattern
    return "." * match[0].count("+") + pattern[match.end() :]


def _compile(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    if len(pattern) > LONGEST_PATTERN:
        raise UnsafePattern(f"a pattern of more than {LONGEST_PATTERN} characters", LONGEST_PATTERN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise UnsafePattern(f"not a regular expression: {error.msg}", error.pos or 0) from error
    except (RecursionError, OverflowError) as error:
        raise UnsafePattern("not a regular expression: nested too deeply, or a repeat too large", 0) from error
    if compiled.flags & re.VERBOSE:
        raise UnsafePattern("the flag x is not supported", 0)
    return compiled


def check(pattern: str) -> int:
    """The number of unbounded repeats in a valid pattern. Raises UnsafePattern where it can take exponential time."""
    groups = [_Group()]
    last: _Group | None = None  # the group that has just been closed, which a repeat would repeat
    unbounded = 0
    for token in _TOKEN.finditer(pattern):
        current = groups[-1]
        closed, last = last, None
        if token["repeat"]:
            if not _repeats(token):
                current.at_start = False
                continue
            varies, many = _variation(token)
            if many and closed is not None and closed.ambiguous and not closed.atomic:
                raise UnsafePattern(
                    "a repeat around something that can match in several ways may never end: make the inner one"
                    " possessive (a++) or the group atomic (?>…)",
                    token.start(),
                )
            unbounded += token["repeat"] in ("*", "+") or (token["comma"] is not None and not token["high"])
            if varies and token["mode"] != "+":
                current.flexible = True
                if current.firsts[-1] is not None and _is_first(pattern, token):
                    current.firsts[-1] = None
        elif token["open"]:
            if token["open"].endswith(")") or token["open"].startswith("(?P="):
                continue
            current.at_start = False
            groups.append(_Group(atomic=token["open"] == "(?>"))
        elif token["close"]:
            if len(groups) > 1:
                last = groups.pop()
                if last.ambiguous and not last.atomic:
                    groups[-1].flexible = True
        elif token["or"]:
            current.firsts.append(None)
            current.at_start = True
        else:
            if current.at_start and (token["other"] or "").isalnum():
                current.firsts[-1] = token["other"].casefold()
            current.at_start = False
    return unbounded


def _is_first(pattern: str, token: re.Match[str]) -> bool:
    """Whether a repeat belongs to the first atom of its alternative, which may then be absent."""
    return token.start() < 2 or pattern[token.start() - 2] in "(|:>"


def _repeats(token: re.Match[str]) -> bool:
    """Whether a `{…}` is a repeat at all: `{` and `{}` and `{a}` stand for themselves."""
    return not token["repeat"].startswith("{") or bool(token["low"] or token["comma"])


def _variation(token: re.Match[str]) -> tuple[bool, bool]:
    """Whether a repeat may take different numbers, and whether more than one."""
    sign = token["repeat"]
    if sign == "?":
        return True, False
    if sign in "*+":
        return True, True
    if token["comma"] is None:
        return False, int(token["low"]) > 1
    return token["low"] != token["high"] or not token["high"], not token["high"] or int(token["high"]) > 1
