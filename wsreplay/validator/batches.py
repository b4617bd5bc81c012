"""Messages that hold several events: each is read as far as the contract reads it, as if it had come by itself.

What is no list of events for certain is left to the decoder of plain JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wsreplay.contract.paths import Path
from wsreplay.decode.json import MOST_PARTS, may_be_lines

_ITEMS = "items"

Split = Callable[[bytes], Sequence[bytes | msgspec.Raw] | None]
"""From a payload to the items of a list, each of them JSON; None where none is there. Raises ValueError or RecursionError."""


BatchItem = tuple[bytes, Any]
"""One event of a list: its JSON, and the message that was read of it, whose `kind` is the event's type."""


class BatchReader:
    """Takes apart arrays, JSON lines and the lists that stand in objects at the paths `unpack`. `decode` reads one event; it
    raises ValueError or RecursionError."""

    def __init__(self, decode: Callable[[bytes], Any], unpack: Sequence[Path]) -> None:
        self._decode = decode
        self._array: Split = msgspec.json.Decoder(list[msgspec.Raw]).decode
        self._lists = [split_at(path) for path in unpack]

    def read(self, payload: bytes) -> list[BatchItem]:
        """The events of a list, in their order; none where the message is anything else, or not so simple."""
        try:
            items = self._split(payload)
            if items is None or not 0 < len(items) <= MOST_PARTS:
                return []
            if not payload.isascii():
                payload.decode()
            decode, events = self._decode, []
            for item in map(bytes, items):
                message = decode(item)
                if message.kind.__class__ is not str:
                    return []
                events.append((item, message))
        except (ValueError, TypeError, RecursionError):
            return []
        return events

    def _split(self, payload: bytes) -> Sequence[bytes | msgspec.Raw] | None:
        if payload[:1] == b"[":
            return self._array(payload)
        for split in self._lists:
            items = split(payload)
            if items:
                return items
        return [line for line in payload.split(b"\n", MOST_PARTS + 1) if line.strip()] if may_be_lines(payload) else None


def split_at(path: Path) -> Split:
    """What takes apart the list that stands at a path of an object."""
    type_: Any = list[msgspec.Raw]
    for step in reversed(path.steps):
        if not isinstance(step, str):
            return _refuse
        type_ = msgspec.defstruct("Holder", [(_ITEMS, type_ | None, None)], rename={_ITEMS: step}, gc=False)
    decode, depth = msgspec.json.Decoder(type_).decode, len(path.steps)

    def split(payload: bytes) -> list[msgspec.Raw] | None:
        there: Any = decode(payload)
        for _ in range(depth):
            there = None if there is None else there.items
        items: list[msgspec.Raw] | None = there
        return items

    return split


def _refuse(payload: bytes) -> None:
    """Lists within arrays are left to the decoder."""
    raise ValueError
