"""The filter language: which frames to show.

    type:tool_* user:u1 sev>=warning "timeout"        terms separated by spaces must all match
    type:agent_error | $.payload.code>=500            | means or
    !(op:ping | op:pong) t>=1:30 size>10kB            ! means not
    /tool.*failed/i                                   a regular expression (RE2) over the payload
    $.tool_name=search*   $.done=true   $.error       JSON paths (RFC 9535, singular); alone: it is there

Values may hold `*`; a quoted value and a character after `\\` stand for themselves. Fields: `type`, `user`, `thread`, `run`,
`rule` (text); `conn`, `session`, `size` (bytes of payload; kB MB GB TB KiB MiB GiB TiB), `t` (`1.5s`, `1:30`; since the
recording's start); `sev` (info < warning < error); `dir` (c2s, s2c); `op` (text, binary, ping, pong, close, continuation).
`sev` and `rule` are those of the findings that point at a frame. Searching text means the payload as it was sent.

A filter is about frames: of a message sent in fragments, paths and text are looked for in each fragment; the last has the type.

    ast         the nodes, and how they are written
    parser      text → nodes
    context     what is known of a frame beside the frame
    matching    nodes → a predicate
    bounds      nodes → a condition of the store that every match fulfils
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wsreplay.model import Frame
from wsreplay.store.condition import Condition
from wsreplay.trace.filter import ast, bounds, matching, parser
from wsreplay.trace.filter.context import Context

__all__ = ["Context", "Filter", "parse"]


@dataclass(frozen=True)
class Filter:
    """A parsed filter. `str(filter)` is its canonical text, which parses to an equal filter."""

    root: ast.Node
    _bound: list[tuple[Context, Callable[[Frame], bool]]] = field(default_factory=list, repr=False, compare=False)

    def __str__(self) -> str:
        return str(self.root)

    def __reduce__(self) -> tuple[type[Filter], tuple[ast.Node]]:
        """Pickled without the predicates that were bound to it, which are functions made on the spot."""
        return Filter, (self.root,)

    @property
    def is_empty(self) -> bool:
        """Whether it lets every frame through because nothing was asked."""
        return self.root == ast.EVERYTHING

    @property
    def needs_judgement(self) -> bool:
        """Whether it asks for findings, so that a `Context` without a judgement matches nothing."""
        return any(node.name in ("sev", "rule") for node in self.fields())

    def fields(self) -> Iterator[ast.Field]:
        """All fields that it asks for."""
        return (node for node in ast.walk(self.root) if isinstance(node, ast.Field))

    def predicate(self, context: Context) -> Callable[[Frame], bool]:
        """The exact filter as a function; not for two threads at once, and faster than `matches` for many frames."""
        return matching.predicate(self.root, context)

    def matches(self, frame: Frame, context: Context) -> bool:
        """Whether the filter lets a frame through."""
        for known, bound in self._bound:
            if known is context:
                return bound(frame)
        bound = self.predicate(context)
        self._bound[:] = [(context, bound)]
        return bound(frame)

    def where(self, context: Context) -> Condition:
        """A condition for the store which every matching frame fulfils.

        Others may fulfil it too, so `matches` has the last word. `TRUE` where nothing can be said in SQL.
        """
        return bounds.where(self.root, context)


def parse(text: str) -> Filter:
    """Read a filter. Raises FilterError with the position of what is wrong."""
    return Filter(parser.parse(text))
