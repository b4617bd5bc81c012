"""Handlers from their source to functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from types import CodeType
from typing import Protocol

from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import CALLS, HandlerWriter


class Emitter(Protocol):
    """Whoever has something to do when an event comes."""

    def emit(self, writer: HandlerWriter) -> None:
        """Write what to do with an event of the writer's direction and type."""


@lru_cache(maxsize=2_000)
def _compiled(text: str, name: str) -> CodeType:
    """Compiled source, which many engines of one contract share: compiling takes most of the time that a small file takes."""
    return compile(text, f"<{name}>", "exec")


class Compiler:
    """Writes and compiles the handlers of one engine."""

    def __init__(self, globals: Globals, emitters: Iterable[Emitter]) -> None:
        # in the order in which they look at an event
        self._globals, self._emitters = globals, tuple(emitters)
        # direction and source → function: types that nothing tells apart share one
        self._shared: dict[tuple[int, str], Callable[..., None]] = {}

    def source(self, direction: int, type_: str) -> str:
        """The source of the function for an event type."""
        return "\n".join(self._written(direction, type_).lines()).replace(CALLS, "n_calls")

    def handler(self, direction: int, type_: str, housekeeping: bool = False) -> Callable[..., None]:
        """The function of (message, connection, event number, time, body, type) for an event type; `housekeeping` says that the
        type is the protocol's own."""
        writer = self._written(direction, type_, housekeeping)
        text = "\n".join(writer.lines())
        handler = self._shared.get((direction, text))
        if handler is None:
            calls = self._globals.counter(f"calls_{direction}_{blake2b(text.encode(), digest_size=8).hexdigest()}")
            self._globals.count_by_calls(writer.counted_by_call, calls)
            exec(_compiled(text.replace(CALLS, calls), self._globals.contract.name), self._globals.space)  # noqa: S102
            handler = self._shared[direction, text] = self._globals.space.pop("handle")
        return handler

    def _written(self, direction: int, type_: str, housekeeping: bool = False) -> HandlerWriter:
        writer = HandlerWriter(self._globals, direction, type_, housekeeping)
        for emitter in self._emitters:
            emitter.emit(writer)
        return writer
