"""Frames put together to the messages that were sent in them (RFC 6455, section 5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wsreplay.model import FIN, Frame, Message, Opcode


class FragmentJoiner:
    """Joins the frames of any number of connections; a message that was never finished is left out."""

    def __init__(self) -> None:
        # By connection and direction, the frames of the message that is not complete.
        self._unfinished: dict[tuple[int, int], list[tuple[Any, ...]]] = {}

    def join(self, frames: Iterable[Frame] | Iterable[tuple[Any, ...]]) -> Iterator[Message]:
        """The messages and control frames that these frames complete; they come in the order of their ids, with or without
        names for their fields. What follows may be given in another call."""
        unfinished = self._unfinished
        make = tuple.__new__
        for frame in frames:
            (id, connection_id, seq, t_ns, direction, opcode, flags, _, _, type, payload) = frame
            if opcode > Opcode.BINARY or (opcode and flags & FIN):
                if unfinished and opcode <= Opcode.BINARY:
                    unfinished.pop((connection_id, direction), None)
                yield make(Message, (id, connection_id, seq, t_ns, direction, opcode, type, payload, id))
                continue
            if opcode:
                unfinished[connection_id, direction] = [frame]
            elif parts := unfinished.get((connection_id, direction)):
                parts.append(frame)
                if flags & FIN:
                    del unfinished[connection_id, direction]
                    first, whole = Frame._make(parts[0]), b"".join(part[-1] for part in parts)
                    yield Message(id, connection_id, seq, t_ns, direction, first.opcode, type, whole, first.id)
