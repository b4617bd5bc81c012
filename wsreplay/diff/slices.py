"""Which threads, runs and tool calls of one session are those of another, whatever their ids are."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from wsreplay.contract.identities import Id
from wsreplay.diff.align import align_all
from wsreplay.diff.conversation import ComparedMessage, ComparedSession, SlicePath


class _Node:
    """One slice of one session: its birth, and what was said in it."""

    __slots__ = ("birth", "chain", "children", "kinds", "label", "opening")

    def __init__(self, chain: SlicePath, birth: tuple[int, str], label: tuple[Any, ...], opening: int) -> None:
        self.chain, self.birth, self.label, self.opening = chain, birth, label, opening
        # in the order in which they began
        self.children: list[_Node] = []
        self.kinds = 0  # a digest of the types that were said in it, in order

    @property
    def level(self) -> str:
        return self.chain[-1][0]

    @property
    def value(self) -> Id:
        return self.chain[-1][1]


def _tree(talk: ComparedSession) -> _Node:
    root = _Node((), (0, ""), (), 0)
    nodes: dict[SlicePath, _Node] = {(): root}
    for message in talk.said:
        chain = message.place.chain
        if not chain:
            continue
        node = nodes.get(chain)
        if node is None:
            node = _grow(nodes, message)
        node.kinds = hash((node.kinds, message.direction, message.name))
    return root


def _grow(nodes: dict[SlicePath, _Node], message: ComparedMessage) -> _Node:
    """The slice of a message, which is the first in it, below what it is a part of."""
    node = nodes[()]
    for depth in range(1, len(message.chain) + 1):
        prefix = message.chain[:depth]
        if prefix not in nodes:
            nodes[prefix] = _Node(prefix, (message.direction, message.name), message.place.label, message.content)
            node.children.append(nodes[prefix])
        node = nodes[prefix]
    return node


class Correspondence:
    """Numbers for slices: two slices that belong together have the same one; one that stands alone has its own."""

    def __init__(self, a: ComparedSession, b: ComparedSession) -> None:
        # of each side: by slice, and by the ids of the innermost levels (the first slice of an id stays); the last number
        self._numbers: tuple[dict[SlicePath, int], dict[SlicePath, int]] = ({(): 0}, {(): 0})
        self._ids: tuple[dict[tuple[str, Id], int], dict[tuple[str, Id], int]] = ({}, {})
        self._count = 0
        self._pair(_tree(a), _tree(b))

    def number(self, side: int, chain: SlicePath) -> int:
        """The number of a slice; `side` is 0 for a, 1 for b."""
        return self._numbers[side][chain]

    def of_id(self, side: int, chain: SlicePath, domain: str, value: Id) -> int | None:
        """The number of the slice that an id in a message names: one that the message is in, else any of that name."""
        for depth in range(len(chain), 0, -1):
            if chain[depth - 1] == (domain, value):
                return self._numbers[side][chain[:depth]]
        return self._ids[side].get((domain, value))

    def _pair(self, a: _Node, b: _Node) -> None:
        waiting = [(a, b)]
        while waiting:
            left, right = waiting.pop()
            pairs = _pair_children(left.children, right.children)
            for i, j in pairs:
                self._enter((left.children[i], right.children[j]))
                waiting.append((left.children[i], right.children[j]))
            lone_a = set(range(len(left.children))) - {i for i, _ in pairs}
            lone_b = set(range(len(right.children))) - {j for _, j in pairs}
            for i in lone_a:
                self._enter_alone(0, left.children[i])
            for j in lone_b:
                self._enter_alone(1, right.children[j])

    def _enter(self, nodes: tuple[_Node, _Node]) -> None:
        self._count += 1
        for side, node in enumerate(nodes):
            self._numbers[side][node.chain] = self._count
            self._ids[side].setdefault((node.level, node.value), self._count)

    def _enter_alone(self, side: int, node: _Node) -> None:
        waiting = [node]
        while waiting:
            reached = waiting.pop()
            self._count += 1
            self._numbers[side][reached.chain] = self._count
            self._ids[side].setdefault((reached.level, reached.value), self._count)
            waiting += reached.children


def _pair_children(a: list[_Node], b: list[_Node]) -> list[tuple[int, int]]:
    """Slices with the same course belong together, of these first those with the same id and those that begin alike; then
    those with the same id or the same birth; at last those that are left, in their order."""

    def column(what: Any) -> tuple[list[Hashable], list[Hashable]]:
        return [what(node) for node in a], [what(node) for node in b]

    return align_all((
        (
            column(lambda node: (node.level, node.value, node.kinds, node.label)),
            column(lambda node: (node.level, node.kinds, node.label, node.opening)),
            column(lambda node: (node.level, node.kinds, node.label)),
        ),
        (
            column(lambda node: (node.level, node.value)),
            column(lambda node: (node.level, node.birth, node.label, node.opening)),
            column(lambda node: (node.level, node.birth, node.label)),
            column(lambda node: (node.level, node.birth)),
            column(lambda node: (node.level, node.label)),
            column(lambda node: node.level),
        ),
    ))
