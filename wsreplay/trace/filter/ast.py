"""The nodes of a filter, and how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wsreplay.model import OPCODE_NAMES
from wsreplay.trace import jsonpath as paths

Comparison = Literal["=", ">=", ">", "<=", "<"]
SEVERITIES = ("info", "warning", "error")
DIRECTIONS = ("c2s", "s2c")


@dataclass(frozen=True, slots=True)
class Glob:
    """A text value: literal parts with anything between them. One part means exactly this text."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        if len(self.parts) == 1 and not _plain(self.parts[0]):
            return _quoted(self.parts[0])
        return "*".join(map(_escaped, self.parts))

    def matches(self, text: str) -> bool:
        """Linear in the text, whatever the pattern."""
        first, *rest = self.parts
        if not rest:
            return text == first
        *middle, last = rest
        if not text.startswith(first):
            return False
        position = len(first)
        for part in middle:
            index = text.find(part, position)
            if index < 0:
                return False
            position = index + len(part)
        return len(text) - len(last) >= position and text.endswith(last)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a frame compared with a value: a Glob, a number, an index for `dir` and `sev`, an opcode, ns for `t`."""

    name: str
    op: Comparison
    value: Glob | int

    def __str__(self) -> str:
        return f"{self.name}{':' if self.op == '=' else self.op}{_value(self.name, self.value)}"


@dataclass(frozen=True, slots=True)
class Text:
    """The payload contains this text."""

    needle: str

    def __str__(self) -> str:
        return _quoted(self.needle)


@dataclass(frozen=True, slots=True)
class Regex:
    """The payload, as text, contains a match of this pattern."""

    pattern: str
    ignore_case: bool = False

    def __str__(self) -> str:
        body = re.sub(r"\\.|/", lambda match: "\\/" if match[0] == "/" else match[0], self.pattern, flags=re.DOTALL)
        return f"/{body}/{'i' if self.ignore_case else ''}"


JsonValue = str | int | float | bool | Glob | None


@dataclass(frozen=True, slots=True)
class Json:
    """What a JSON path selects, compared with a value; `op` None: it selects something."""

    path: paths.Path
    op: Comparison | None = None
    value: JsonValue = None

    def __str__(self) -> str:
        path = paths.show(self.path)
        if self.op is None:
            return path
        value = str(self.value) if isinstance(self.value, Glob) else json.dumps(self.value, ensure_ascii=False)
        return f"{path}{self.op}{value}"


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not say."""

    part: Node

    def __str__(self) -> str:
        return f"!({self.part})" if isinstance(self.part, And | Or) else f"!{self.part}"


@dataclass(frozen=True, slots=True)
class And:
    """What all parts say."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """What one of the parts says at least."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.parts))


Node = And | Or | Not | Field | Text | Regex | Json
EVERYTHING = And(())


def conjunction(parts: list[Node]) -> Node:
    """All of them, without an And inside an And."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(parts: list[Node]) -> Node:
    """Any of them, without an Or inside an Or."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from walk(part)
    elif isinstance(node, Not):
        yield from walk(node.part)


def _plain(text: str) -> bool:
    return re.fullmatch(r"[\w.:@/+-]+", text) is not None


def _escaped(text: str) -> str:
    return re.sub(r"[^\w.:@/+-]", lambda match: "\\" + match[0], text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _value(name: str, value: Glob | int) -> str:
    if isinstance(value, Glob):
        return str(value)
    if name == "sev":
        return SEVERITIES[value]
    if name == "dir":
        return DIRECTIONS[value]
    if name == "op":
        return OPCODE_NAMES[value]
    if name == "t":
        seconds, rest = divmod(value, 1_000_000_000)
        return f"{seconds}.{rest:09}".rstrip("0").rstrip(".") + "s"
    return str(value)
