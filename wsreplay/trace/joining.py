"""The frames of a message, put together (RFC 6455, section 5.4)."""

from __future__ import annotations

from wsreplay.decode import RawMessage
from wsreplay.model import FIN, Frame, Opcode

# What a message sent in fragments may hold to be decoded, bytes.
LONGEST_JOINED = 64 * 2**20


class _Unfinished:
    """A message whose last frame has not come."""

    __slots__ = ("first_id", "opcode", "parts", "size")

    def __init__(self, first: Frame) -> None:
        self.opcode, self.first_id = first.opcode, first.id
        self.parts = [first.payload]
        self.size = len(first.payload)


class Joiner:
    """Joins the frames of any number of connections, each given once and in order."""

    def __init__(self) -> None:
        # By connection and direction.
        self._unfinished: dict[tuple[int, int], _Unfinished] = {}

    def join(self, frame: Frame) -> tuple[RawMessage, int] | None:
        """The message that a frame completes, and the id of its first frame."""
        if frame.opcode > Opcode.BINARY:
            return None
        place = frame.connection_id, frame.direction
        if frame.opcode != Opcode.CONTINUATION:
            self._unfinished.pop(place, None)
            if frame.flags & FIN:
                return RawMessage(frame.direction, frame.opcode, frame.payload), frame.id
            self._unfinished[place] = _Unfinished(frame)
            return None
        message = self._unfinished.get(place)
        if message is None:
            return None
        if message.size <= LONGEST_JOINED:  # what is longer is cut, and so is nothing that a decoder can read
            message.parts.append(frame.payload)
            message.size += len(frame.payload)
        if not frame.flags & FIN:
            return None
        del self._unfinished[place]
        return RawMessage(frame.direction, message.opcode, b"".join(message.parts)), message.first_id
