"""Ways that usual messages take without their decoders: what reads them, and what handles their events.

A lane reads whole messages of a connection; a cutter those whose document is a part of the payload; an answering lane knows
requests and answers. What none of them can read raises an error, and is given to the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wsreplay.decode import Linker
from wsreplay.validator.state.state import ConnectionState

Handlers = dict[Any, Callable[..., None]]
"""What handles an event of a type, by type."""
Decode = Callable[[bytes], Any]
"""From a payload to a message whose `kind` is its type; raises ValueError or RecursionError where it is not so simple."""
Prepare = Callable[[int, str, bool], object]
"""Make the handler of a direction's type, and whether it is the protocol's own: an answer."""

MOST_TYPES = 10_000  # of one direction


class ReadingLane(NamedTuple):
    """What reads whole messages, and handles their events, by direction."""

    decode: Decode
    handlers: tuple[Handlers, Handlers]


class AnsweringLane:
    """What reads requests and answers too, and names each answer after its request: for each connection by its own linker."""

    def __init__(self, decode: Decode, look: Callable[[Any], tuple[Any, Any, Any, Any, Any]], prepare: Prepare) -> None:
        self._decode, self._prepare = decode, prepare
        # from a message to its type, its id, the id's scope, result and error
        self._look = look

    def lane(self, linker: Linker, direction: int, handlers: Handlers) -> Decode:
        """What reads one connection's messages of one direction."""
        decode, look, prepare = self._decode, self._look, self._prepare
        ask, answer = linker.ask, linker.answer

        def decode_linked(payload: bytes) -> Any:
            message = decode(payload)
            kind, id, scope, result, error = look(message)
            if id.__class__ is int:
                id = f"{id}"
            elif id.__class__ is not str:
                if id is None and kind.__class__ is str:
                    return message
                raise _NotSimple
            if scope is not None:
                if scope.__class__ is not str:
                    raise _NotSimple
                id = f"{scope}/{id}"
            if not payload.isascii():
                payload.decode()  # before anything is remembered
            if kind.__class__ is str:
                ask(direction, id, kind)
                if kind not in handlers:
                    prepare(direction, kind, False)
                return message
            if (result is None) is (error is None):
                raise _NotSimple
            kind = answer(direction, id, error is not None)
            if kind is None:
                raise _NotSimple
            message.kind = kind
            if kind not in handlers:
                prepare(direction, kind, True)
            return message

        return decode_linked


class Cutter:
    """Reads messages whose document is a part of the payload."""

    def __init__(self, decode: Decode, body: Callable[[bytes], tuple[str | None, bytes] | None]) -> None:
        self._decode, self._body = decode, body
        # what was cut out of the payload that was decoded last, which is handled before the next one
        self.document = b""

    def decode(self, payload: bytes) -> Any:
        """The message that a document says. Raises ValueError or RecursionError."""
        cut = self._body(payload)
        if cut is None:
            raise _NotSimple
        kind, self.document = cut
        message = self._decode(self.document)
        if kind is not None:
            message.kind = kind
        return message


class ItemCutter(Cutter):
    """Reads messages that are one event, alone or as the only item of an array."""

    def __init__(self, decode: Decode) -> None:
        super().__init__(decode, lambda payload: (None, payload))

    def decode(self, payload: bytes) -> Any:
        """The message that the event says. Raises ValueError or RecursionError."""
        if payload[:2] == b"[{" and payload[-1:] == b"]":
            payload = payload[1:-1]
        self.document = payload
        return self._decode(payload)


class CutHandlers(Handlers):
    """Handlers for what a cutter reads: by type, made when they are asked for."""

    def __init__(self, handlers: Handlers, cutter: Cutter) -> None:
        super().__init__()
        self._handlers, self._cutter = handlers, cutter

    def __missing__(self, type_: Any) -> Callable[..., None]:
        if type_.__class__ is not str:  # True is equal to 1, and no type
            raise KeyError(type_)
        handle, cutter = self._handlers[type_], self._cutter

        def handle_cut(message: Any, conn: ConnectionState, fid: int, t: int, payload: bytes, kind: str) -> None:
            handle(message, conn, fid, t, cutter.document, kind)

        if len(self) > MOST_TYPES:
            self.clear()
        self[type_] = handle_cut
        return handle_cut


class _NotSimple(ValueError):
    """A message needs its decoder."""


class _HoldsEvents(ValueError):
    """A message may be several events."""


def without_lists(decode: Decode, lists: Sequence[Callable[[Any], Any]]) -> Decode:
    """The same decoder, but for messages in which a list of events may stand: for them it raises an error."""

    def decode_whole(payload: bytes) -> Any:
        message = decode(payload)
        if any(find(message) is not None for find in lists):
            raise _HoldsEvents
        return message

    return decode_whole
