"""Text becomes nodes: a recursive descent over the grammar

    either  = both { "|" both }
    both    = one { one }
    one     = "!" one | "(" either ")" | quoted | "/" pattern "/" ["i"] | path [op value] | field op value | word
    op      = ":" | "=" | "!=" | ">=" | ">" | "<=" | "<"
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from wsreplay.errors import FilterError
from wsreplay.model import OPCODE_NAMES
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.filter import ast
from wsreplay.trace.regex import PatternError, compile_pattern
from wsreplay.units import parse_duration, parse_integer, parse_size

LONGEST = 4000
DEEPEST = 50
MOST_TERMS = 200

_SPACE = re.compile(r"\s*")
_BARE = re.compile(r'(?:\\.|[^\s|()"\\])+', re.DOTALL)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_PATTERN = re.compile(r"/((?:\\.|[^\\/])+)/([A-Za-z]*)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_][\w.-]*)(!=|>=|<=|[:=<>])")
_OP = re.compile(r"!=|>=|<=|[:=<>]")
_PATH = re.compile(r"""\$(?:\.[^\s.\[\]=<>!:|()"]*|\[(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\]"']*)\])*""", re.DOTALL)

_Value = TypeVar("_Value")
_TEXT_FIELDS = ("type", "user", "thread", "run", "rule")
FIELDS = ("type", "dir", "op", "conn", "session", "user", "thread", "run", "sev", "rule", "size", "t")


def parse(text: str) -> ast.Node:
    """The root node; `ast.EVERYTHING` for an empty text. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(f"too long: more than {LONGEST} characters", LONGEST)
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise FilterError("not a valid character", position)
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        # what is to be read next; how many parentheses are open, and how many terms there were
        self.text, self.position, self.depth, self.terms = text, 0, 0, 0

    def whole(self) -> ast.Node:
        self.skip()
        if self.at_end():
            return ast.EVERYTHING
        node = self.either()
        if not self.at_end():
            raise self.error("this ) closes nothing: remove it, or quote it to search for it")
        return node

    # The grammar.

    def either(self) -> ast.Node:
        parts = [self.both()]
        while self.current() == "|":
            self.advance(1)
            parts.append(self.both())
        return ast.disjunction(parts)

    def both(self) -> ast.Node:
        parts = []
        while not self.at_end() and self.current() not in "|)":
            parts.append(self.one())
        if not parts:
            raise self.error("something to match is missing here")
        return ast.conjunction(parts)

    def one(self) -> ast.Node:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise self.error(f"too long: more than {MOST_TERMS} terms")
        match self.current():
            case "!":
                return ast.Not(self.nested("!"))
            case "(":
                return self.nested("(")
            case '"':
                return ast.Text(self.quoted())
            case "/":
                return self.pattern()
            case "$":
                return self.json()
        match = _FIELD.match(self.text, self.position)
        return self.field(match) if match else self.word()

    def nested(self, opening: str) -> ast.Node:
        start = self.position
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"nested too deeply: more than {DEEPEST} levels")
        self.advance(1)
        if opening == "!":
            if self.at_end() or self.current() in "|)":
                raise self.error("! needs a term after it", start)
            node = self.one()
        else:
            node = self.either()
            if self.current() != ")":
                raise self.error("this ( is never closed", start)
            self.advance(1)
        self.depth -= 1
        return node

    # The leaves.

    def word(self) -> ast.Node:
        start = self.position
        glob = self.bare()
        if len(glob.parts) > 1:
            raise self.error(
                f"a word is searched in the payload as it is: write type:{self.text[start : self.position].strip()} for types,"
                ' or quote it to search for a "*"',
                start,
            )
        return ast.Text(glob.parts[0])

    def pattern(self) -> ast.Node:
        start = self.position
        match = _PATTERN.match(self.text, start)
        if match is None:
            raise self.error("a /regular expression/ that is never closed, or empty; quote a path to search for it")
        body = re.sub(r"\\(.)", lambda pair: "/" if pair[1] == "/" else pair[0], match[1], flags=re.DOTALL)
        if match[2] not in ("", "i"):
            raise self.error(f'unknown flag "{match[2]}": only i (ignore case); quote a path to search for it', match.start(2))
        try:
            compile_pattern(body, ignore_case=match[2] == "i")
        except PatternError as error:
            raise self.error(error.message, min(start + 1 + error.position, match.end(1))) from error
        self.advance(len(match[0]))
        return ast.Regex(body, match[2] == "i")

    def json(self) -> ast.Node:
        start = self.position
        match = _PATH.match(self.text, start)
        assert match is not None
        try:
            path = paths.parse(match[0])
        except ValueError as error:
            raise self.error(str(error), start) from error
        self.position = match.end()
        op = _OP.match(self.text, self.position)
        if op is None:
            if not self.at_end() and self.current() not in "|)" and not self.text[self.position].isspace():
                raise self.error("a comparison (= != > >= < <=), or a space, was expected here")
            self.skip()
            return ast.Json(path)
        self.position = op.end()
        at = self.position
        value = self.json_value()
        comparison, negated = _comparison(op[0])
        if comparison != "=" and (value is None or isinstance(value, bool | ast.Glob)):
            raise self.error(f"{op[0]} compares numbers and texts only", at)
        node = ast.Json(path, comparison, value)
        return ast.Not(node) if negated else node

    def json_value(self) -> ast.JsonValue:
        if self.current() == '"':
            return self.quoted()
        at = self.position
        glob = self.bare()
        raw = self.text[at : self.position].strip()
        if len(glob.parts) > 1:
            return glob
        if raw in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[raw]
        if re.fullmatch(r"-?\d[\d.eE+-]*", raw):
            return self.located(at, _number, raw)
        return glob.parts[0]

    def field(self, match: re.Match[str]) -> ast.Node:
        start = self.position
        name, op = match[1], match[2]
        if name not in FIELDS:
            suggested = _suggest(name, FIELDS)
            is_member = suggested.startswith(" (") and not self.text.startswith("//", match.end())
            path = f"write $.{name}=VALUE for a member of messages, or " if is_member else ""
            raise self.error(f'unknown field "{name}"{suggested}; {path}quote the text to search for it', start)
        comparison, negated = _comparison(op)
        self.position = at = match.end()
        if name in _TEXT_FIELDS:
            value: ast.Glob | int = ast.Glob((self.quoted(),)) if self.current() == '"' else self.bare()
        else:
            self.bare()
            value = self.located(at, _READERS[name], self.text[at : self.position].strip())
        if comparison != "=" and (name in _TEXT_FIELDS or name in ("dir", "op")):
            raise self.error(f'"{name}" has no order: write {name}:value', start)
        node = ast.Field(name, comparison, value)
        return ast.Not(node) if negated else node

    # Tokens.

    def quoted(self) -> str:
        match = _QUOTED.match(self.text, self.position)
        if match is None:
            raise self.error('this " is never closed')
        try:
            text = json.loads(match[0], strict=False)
            text.encode()
        except ValueError as error:
            raise self.error("an escape that JSON does not know (\\\" \\\\ \\n \\t \\u00e9)") from error
        self.advance(len(match[0]))
        return str(text)

    def bare(self) -> ast.Glob:
        """Text up to a space or a sign of the grammar, divided at its stars; `\\` takes a character as it is."""
        match = _BARE.match(self.text, self.position)
        if match is None:
            raise self.error("a value is missing here" if not self.text.startswith("\\", self.position) else "\\ at the end")
        parts = [""]
        for piece in re.findall(r"\\.|[^\\]", match[0], flags=re.DOTALL):
            if piece == "*":
                parts.append("")
            else:
                parts[-1] += piece[-1]
        self.advance(len(match[0]))
        return ast.Glob(tuple(parts))

    def located(self, at: int, read: Callable[[str], _Value], value: str) -> _Value:
        """What `read` makes of a value, its ValueError told with its place."""
        try:
            return read(value)
        except ValueError as error:
            raise self.error(str(error), at) from error

    def current(self) -> str:
        return self.text[self.position : self.position + 1]

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def advance(self, count: int) -> None:
        self.position += count
        self.skip()

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def error(self, message: str, position: int | None = None) -> FilterError:
        return FilterError(message, self.position if position is None else position)


def _comparison(op: str) -> tuple[ast.Comparison, bool]:
    """The comparison of an operator, and whether it is negated."""
    match op:
        case ">=" | ">" | "<=" | "<":
            return op, False
    return "=", op == "!="


def _suggest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f" (there are {', '.join(known)})"


def _named(what: str, names: Sequence[str]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.lower() not in names:
            raise ValueError(f'unknown {what} "{text}"{_suggest(text, names)}')
        return list(names).index(text.lower())

    return read


def _opcode(text: str) -> int:
    return list(OPCODE_NAMES)[_named("opcode", tuple(OPCODE_NAMES.values()))(text)]


def _number(text: str) -> int | float:
    """A JSON number."""
    if re.fullmatch(r"-?[0-9]{1,300}", text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f'"{text}" is not a number: quote it to compare it as text')
    return value


_READERS: dict[str, Callable[[str], int]] = {
    "dir": _named("direction", ast.DIRECTIONS),
    "op": _opcode,
    "sev": _named("severity", ast.SEVERITIES),
    "conn": parse_integer,
    "session": parse_integer,
    "size": parse_size,
    "t": parse_duration,
}
