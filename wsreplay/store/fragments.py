"""Frames put together to the messages that were sent in them (RFC 6455, section 5.4): here, and nowhere else.

A message that is recorded whole is read whole, however long it is: how much of one is recorded is for the recorder to say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from wsreplay.model import FIN, Frame, Message, Opcode

FragmentT = TypeVar("FragmentT")


class Fragments(Generic[FragmentT]):
    """Gathers the fragments of messages, whatever stands for one; `way` is a connection and direction."""

    def __init__(self) -> None:
        # By way, the fragments of the message that is not complete.
        self.unfinished: dict[Hashable, list[FragmentT]] = {}

    def add(self, way: Hashable, fragment: FragmentT, opcode: int, *, final: bool) -> list[FragmentT] | None:
        """Take a TEXT, BINARY or CONTINUATION frame; all fragments of the message that it completes."""
        if opcode:
            if final:
                self.interrupt(way)
                return [fragment]
            self.unfinished[way] = [fragment]
            return None
        fragments = self.unfinished.get(way)
        if fragments is None:
            return None
        fragments.append(fragment)
        return self.unfinished.pop(way) if final else None

    def interrupt(self, way: Hashable) -> None:
        """A whole message came where another was unfinished: that one never will be."""
        self.unfinished.pop(way, None)


class FragmentJoiner:
    """Joins the frames of any number of connections; a message that was never finished is left out."""

    def __init__(self) -> None:
        self._fragments: Fragments[tuple[Any, ...]] = Fragments()

    def join(self, frames: Iterable[Frame] | Iterable[tuple[Any, ...]]) -> Iterator[Message]:
        """The messages and control frames that these frames complete; they come in the order of their ids, with or without
        names for their fields. What follows may be given in another call."""
        fragments, unfinished = self._fragments, self._fragments.unfinished
        make = tuple.__new__
        for frame in frames:
            (id, connection_id, seq, t_ns, direction, opcode, flags, _, _, type, payload) = frame
            if opcode > Opcode.BINARY or (opcode and flags & FIN):
                if unfinished and opcode <= Opcode.BINARY:
                    fragments.interrupt((connection_id, direction))
                yield make(Message, (id, connection_id, seq, t_ns, direction, opcode, type, payload, id))
                continue
            parts = fragments.add((connection_id, direction), frame, opcode, final=bool(flags & FIN))
            if parts is not None:
                yield _message(parts)

    def add(self, frame: Frame) -> Message | None:
        """The message that one frame completes; None for a control frame."""
        if frame.opcode > Opcode.BINARY:
            return None
        way = frame.connection_id, frame.direction
        parts = self._fragments.add(way, frame, frame.opcode, final=bool(frame.flags & FIN))
        return None if parts is None else _message(parts)


def _message(parts: list[tuple[Any, ...]]) -> Message:
    """The message of all its frames."""
    first, last = Frame._make(parts[0]), Frame._make(parts[-1])
    payload = last.payload if len(parts) == 1 else b"".join(part[-1] for part in parts)
    return Message(last.id, last.connection_id, last.seq, last.t_ns, last.direction, first.opcode, last.type, payload, first.id)
