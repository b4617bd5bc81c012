"""Indented JSON as a tree: which line stands for which node, where a node ends, and lines with nodes folded."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wsreplay.units import count_text

if TYPE_CHECKING:
    from wsreplay.tui.recording.facts import DetailLine

_LINE = re.compile(r'(?: *)(?P<key>"(?:[^"\\]|\\.)*": )?(?P<value>.*?),?$')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class JsonNode(NamedTuple):
    """A node of a document: its path (RFC 9535), and its first and last line."""

    path: str
    first: int
    last: int

    @property
    def is_foldable(self) -> bool:
        return self.last > self.first


class TreeLine(NamedTuple):
    """A line as it is shown, and the node that begins or ends there; None for what is no JSON."""

    line: DetailLine
    node: JsonNode | None


class _Open:
    """A node whose end has not been seen: its path, and its first line."""

    def __init__(self, path: str, first: int) -> None:
        self.path, self.first = path, first
        # how many there were so far
        self.members = 0


def nodes_of(lines: Sequence[DetailLine]) -> list[JsonNode | None]:
    """The node that stands in each line. What is cut off ends with the last line."""
    nodes: list[JsonNode | None] = [None] * len(lines)
    stack: list[_Open] = []
    for number, (kind, text) in enumerate(lines):
        if kind != "json":
            stack.clear()
            continue
        match = _LINE.fullmatch(text)
        value = match["value"] if match is not None else text
        if value in ("}", "]") and stack:
            opened = stack.pop()
            nodes[opened.first] = nodes[number] = JsonNode(opened.path, opened.first, number)
            continue
        path = _path(stack[-1], match["key"] if match is not None else None) if stack else "$"
        if value in ("{", "["):
            stack.append(_Open(path, number))
            nodes[number] = JsonNode(path, number, len(lines) - 1)
        else:
            nodes[number] = JsonNode(path, number, number)
    return nodes


def _path(parent: _Open, key: str | None) -> str:
    parent.members += 1
    if key is None:
        return f"{parent.path}[{parent.members - 1}]"
    name = orjson.loads(key[:-2])
    return f"{parent.path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{parent.path}[{key[:-2]}]"


def tree_lines(lines: Sequence[DetailLine], folded: Collection[str]) -> list[TreeLine]:
    """The lines with some nodes folded, by their paths: of each its first line is left, which says how many are not shown."""
    nodes = nodes_of(lines)
    shown: list[TreeLine] = []
    number = 0
    while number < len(lines):
        (kind, text), node = lines[number], nodes[number]
        if node is not None and node.is_foldable and node.first == number and node.path in folded:
            end = lines[node.last][1].strip()
            is_cut = end.rstrip(",") not in ("}", "]")
            hidden = count_text(node.last - node.first - (not is_cut), "line")
            shown.append(TreeLine((kind, f"{text} … {'' if is_cut else end}  {hidden}"), node))
            number = node.last + 1
        else:
            shown.append(TreeLine((kind, text), node))
            number += 1
    return shown


def value_text(lines: Sequence[DetailLine], node: JsonNode) -> str:
    """What a node holds: a text as it is, anything else as JSON."""
    texts = [text for _, text in lines[node.first : node.last + 1]]
    indent = len(texts[0]) - len(texts[0].lstrip(" "))
    match = _LINE.fullmatch(texts[0])
    first = match["value"] if match is not None else texts[0].strip()
    if not node.is_foldable:
        return str(orjson.loads(first)) if first.startswith('"') and first.endswith('"') else first
    return "\n".join([first, *(text[indent:] for text in texts[1:])]).removesuffix(",")


def filter_term(lines: Sequence[DetailLine], node: JsonNode) -> str | None:
    """A filter for frames with the same value there; None for a node with members."""
    match = _LINE.fullmatch(lines[node.first][1])
    if node.is_foldable or match is None or match["value"] in ("{}", "[]"):
        return None
    return f"{node.path}={match['value']}"
