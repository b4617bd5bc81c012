"""Events as tests read them: the JSON object that a message holds, or what a decoder sees in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from wsreplay.contract import Contract, load
from wsreplay.contract.decoding import decoder_for
from wsreplay.decode import BINARY, PLAIN, TEXT, Event, Linker, heartbeat_of


def event_of(message: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object that a message holds; None where it holds no such thing."""
    try:
        value = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def members_of(event: Event) -> Mapping[str, Any]:
    """The document of a decoded event, where it is an object; else nothing."""
    return event.document if isinstance(event.document, dict) else {}


class EventReader:
    """Reads one connection's messages by a decoder, with types where a contract's `envelope` has them.

    `decoder` goes before the contract's own. Raises UsageError for an unknown decoder, ContractError for a broken contract.
    """

    def __init__(self, decoder: str | None = None, contract: str | Path | Contract | None = None) -> None:
        read = load(str(contract)) if isinstance(contract, str | Path) else contract
        named = read.envelope.decoder if read is not None else None
        self._decoder = decoder_for(decoder or named or PLAIN, read)
        self.begin()

    def begin(self) -> None:
        """Another connection: nothing that was asked is answered there."""
        self._linker = Linker(self._decoder)
        self._count = 0

    def read(self, direction: int, message: str | bytes) -> list[Event]:
        """The events that a message completes; `direction` is 0 for what the client sends."""
        self._count += 1
        return self._linker.feed(self._count, direction, *_raw(message))

    def answer(self, message: str | bytes) -> str | bytes | None:
        """What a client says to a heartbeat of the server's; None to anything else."""
        opcode, payload = _raw(message)
        beat = heartbeat_of(self._decoder, 1, opcode, payload)
        if beat is None or beat.answer is None:
            return None
        return beat.answer if opcode == BINARY else beat.answer.decode()


def _raw(message: str | bytes) -> tuple[int, bytes]:
    return (TEXT, message.encode("utf-8", "surrogatepass")) if isinstance(message, str) else (BINARY, message)


class HasEvent:
    """What carries an `event`: its type, and its members by `has_event["name"]`; `name` is the type that a decoder gives it."""

    __slots__ = ()
    event: Mapping[str, Any]
    name: str | None

    @property
    def type(self) -> str | None:
        """The type; without a decoder's word the text at `type`, if there is one."""
        if self.name is not None:
            return self.name
        kind = self.event.get("type")
        return kind if isinstance(kind, str) else None

    def __getitem__(self, name: str) -> Any:
        """A member of the event. Raises KeyError."""
        return self.event[name]
