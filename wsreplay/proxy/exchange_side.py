"""The connection of one peer while it speaks HTTP, as the event loop has it: what happens to it is told to its exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast


class ExchangeEvents(Protocol):
    """What an exchange hears of its peers: the client (0) and the upstream (1)."""

    def client_data(self, data: bytes) -> None:
        """The client has sent this."""

    def upstream_data(self, data: bytes) -> None:
        """The upstream has sent this."""

    def client_eof(self) -> None:
        """The client will send no more."""

    def upstream_eof(self) -> None:
        """The upstream will send no more."""

    def is_full(self, direction: int, full: bool) -> None:
        """The transport to the client (0) or the upstream (1) has enough to write, or not any more."""

    def lost(self, direction: int, error: Exception | None) -> None:
        """The client's (0) or the upstream's (1) connection is over."""


class Side(asyncio.Protocol):
    """The client (0) or the upstream (1). `begin` is told once it is connected, and returns the exchange."""

    def __init__(self, direction: int, begin: Callable[[asyncio.Transport], ExchangeEvents]) -> None:
        self._direction = direction
        self._begin = begin
        self._exchange: ExchangeEvents
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._exchange = self._begin(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._direction:
            self._exchange.upstream_data(data)
        else:
            self._exchange.client_data(data)

    def eof_received(self) -> bool:
        self._exchange.upstream_eof() if self._direction else self._exchange.client_eof()
        return self._transport.can_write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._exchange.lost(self._direction, error)

    def pause_writing(self) -> None:
        self._exchange.is_full(self._direction, True)

    def resume_writing(self) -> None:
        self._exchange.is_full(self._direction, False)
