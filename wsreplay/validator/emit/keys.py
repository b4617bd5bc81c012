"""How a contract's keys are found in a message: as source text for the common case, as functions for all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsreplay.contract.model import Contract
from wsreplay.contract.paths import Path
from wsreplay.validator.emit.exact import exact
from wsreplay.validator.emit.partial_decoder import PartialDecoder
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import ConnectionState

_CONNECTION = {"conn.id": "conn.key", "conn.user": "conn.user", "conn.session": "conn.session.key"}

_TRUE, _FALSE = Token("true"), Token("false")


def scalar(value: Any, path: Path, payload: bytes) -> Any:
    """A value that can be a key, or None. Texts and numbers stay apart; so do integers that a float cannot tell apart."""
    if value.__class__ is str or value.__class__ is int:
        return value
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, float):
        return path.find(exact(payload))
    return None


Resolver = Callable[[Any, ConnectionState, bytes], Any]
"""A function of message, connection and payload: a key's value, or None."""


class Keys:
    """The keys of one contract."""

    def __init__(self, contract: Contract, decoder: PartialDecoder) -> None:
        self.contract, self.decoder = contract, decoder

    def resolver(self, name: str) -> Resolver:
        """A function of message, connection and payload: the key's value, or None."""
        if name in _CONNECTION:
            return {
                "conn.id": lambda message, conn, payload: conn.key,
                "conn.user": lambda message, conn, payload: conn.user,
                "conn.session": lambda message, conn, payload: conn.session.key,
            }[name]
        sources = [
            self._path_resolver(source) if isinstance(source, Path) else self.resolver(source)
            for source in self.contract.keys[name].sources
        ]

        def resolve(message: Any, conn: ConnectionState, payload: bytes) -> Any:
            for source in sources:
                value = source(message, conn, payload)
                if value is not None:
                    return value
            return None

        return resolve

    def _path_resolver(self, path: Path) -> Callable[[Any, ConnectionState, bytes], Any]:
        read = self.decoder.getter(path)
        return lambda message, conn, payload: scalar(read(message), path, payload)

    def needed(self, names: set[str]) -> list[str]:
        """These keys and those they fall back on, each after what it needs."""
        ordered: list[str] = []

        def visit(name: str) -> None:
            if name in ordered or name in _CONNECTION:
                return
            for source in self.contract.keys[name].sources:
                if isinstance(source, str):
                    visit(source)
            ordered.append(name)

        for name in sorted(names):
            visit(name)
        return ordered

    def always(self, name: str) -> bool:
        """Whether the key has a value for every event."""
        if name in _CONNECTION:
            return name != "conn.user"
        return any(isinstance(source, str) and self.always(source) for source in self.contract.keys[name].sources)

    def variable(self, name: str) -> str:
        """The expression that holds the key's value in generated source."""
        return _CONNECTION.get(name) or f"k_{list(self.contract.keys).index(name)}"

    def together(self, names: tuple[str, ...]) -> str:
        """The expression of a slice's key: one value, or a tuple of several."""
        variables = [self.variable(name) for name in names]
        return variables[0] if len(variables) == 1 else f"({', '.join(variables)})"

    def missing(self, names: tuple[str, ...]) -> str:
        """A condition: one of these has no value. Empty where all always have one."""
        return " or ".join(f"{self.variable(name)} is None" for name in names if not self.always(name))

    def source(self, name: str, expression: Callable[[Path], str]) -> list[str]:
        """Lines that set the key's variable; `expression` reads a path. What is no text there is left to the resolver."""
        return self._source(self.variable(name), self.contract.keys[name].sources, expression)

    def _source(self, variable: str, sources: tuple[Path | str, ...], expression: Callable[[Path], str]) -> list[str]:
        first, *others = sources
        if isinstance(first, str):
            lines = [f"{variable} = {self.variable(first)}"]
            if not others or self.always(first):
                return lines
            return [*lines, f"if {variable} is None:", *self._indented(variable, tuple(others), expression)]
        lines = [f"{variable} = {expression(first)}", f"if {variable} is None:"]
        lines += self._indented(variable, tuple(others), expression) if others else ["    pass"]
        return [*lines, f"elif {variable}.__class__ is not str:", f"    {variable} = resolve{variable}(d, conn, payload)"]

    def _indented(self, variable: str, sources: tuple[Path | str, ...], expression: Callable[[Path], str]) -> list[str]:
        """The same where the variable is None so far."""
        last = sources[0] if len(sources) == 1 else None
        guarded = self.decoder.guarded(last) if isinstance(last, Path) else None
        if guarded is None:
            return ["    " + line for line in self._source(variable, sources, expression)]
        guard, source = guarded
        return [
            f"    if {guard} is not None:",
            f"        {variable} = {source}",
            f"        if {variable} is not None and {variable}.__class__ is not str:",
            f"            {variable} = resolve{variable}(d, conn, payload)",
        ]
