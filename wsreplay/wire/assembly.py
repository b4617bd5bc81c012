"""The frames of one direction become messages: held together until the last one is there, and inflated (RFC 6455, section 5.4).

Where frames begin and end is found in `frames`. A message of one whole frame never comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from wsreplay.model import FIN, MASKED, RSV1, RSV2, RSV3, Opcode
from wsreplay.wire.deflate import Inflate

# An unfinished message of more frames than this (interleaved pings included) is not held together any longer.
MAX_PENDING = 100_000

# The `flags` for each first byte of a frame.
_FLAGS = tuple(
    (FIN if head & 0x80 else 0) | (RSV1 if head & 0x40 else 0) | (RSV2 if head & 0x20 else 0) | (RSV3 if head & 0x10 else 0)
    for head in range(256)
)


class DecodedFrame(NamedTuple):
    """One frame, unmasked and inflated.

    `offset` is where it begins in its direction's byte stream, `wire_length` its length there, head included. `payload` is
    cut at `max_payload`; `missing` counts the payload bytes that are not in it (wire bytes, where the inflated length is
    unknown). `message` is the joined payload, on the last frame of a text or binary message that is held whole;
    `message_opcode` is TEXT or BINARY on a message's last frame, the opcode of a control frame, else 0.
    """

    t_ns: int
    opcode: int
    flags: int
    wire_length: int
    offset: int
    payload: bytes
    missing: int
    message: bytes | None
    message_opcode: int


FrameValues = tuple[int, int, int, int, int, bytes, int, "bytes | None", int]
"""A DecodedFrame without the names of its fields."""

# A NamedTuple's own constructor takes twice as long.
make_frame: Callable[[FrameValues], DecodedFrame] = partial(tuple.__new__, DecodedFrame)


class MessageAssembly:
    """The message in progress in one direction, and what is known of its compression. See `StreamDecoder` for the arguments."""

    def __init__(
        self,
        deflate: Inflate | None,
        max_payload: int,
        *,
        undecodable: str | None,
        unfinished: tuple[int, int] | None,
        closed: bool,
        prompt: bool,
    ) -> None:
        # The first thing that RFC 6455 or 7692 forbids, in words.
        self.protocol_error: str | None = None
        self.undecodable = undecodable
        # How many bytes the last call inflated.
        self.inflated = 0
        self._deflate = deflate
        self._max_payload = max(max_payload, 125)
        # The message in progress: its opcode (0: none), its frames, and what is kept of it.
        self._opcode, self._kept = unfinished or (0, 0)
        self._compressed = False
        self._pending: list[DecodedFrame] = []
        self._whole = unfinished is None  # nothing of the message was cut, withheld or let go
        self._closed = closed
        self._prompt = prompt

    @property
    def held(self) -> int:
        """Payload bytes of a message in progress that are held until it is complete."""
        return self._kept if self._pending else 0

    def _let_go(self) -> list[FrameValues]:
        """Hold the message in progress together no longer: return its frames so far."""
        out: list[FrameValues] = []
        self._release(out)
        self._whole = False
        return out

    def _begin(self, head: int, offset: int, out: list[FrameValues]) -> None:
        """A frame begins: is it the first of a message?"""
        opcode = head & 0x0F
        if opcode > Opcode.BINARY:
            return
        if opcode == Opcode.CONTINUATION:
            if not self._opcode:
                self._note(offset, ("it continues a message that never began", "5.4"))
                self._start(0, False)
            return
        if self._opcode:
            self._note(offset, ("a message begins inside another", "5.4"))
            self._release(out)
        self._start(opcode, bool(head & 0x40) and self._deflate is not None)

    def _start(self, opcode: int, compressed: bool) -> None:
        self._opcode, self._compressed, self._kept, self._whole = opcode, compressed, 0, True
        if compressed and self._deflate is not None:
            self._deflate.begin_message()

    def _keep(self, payload: bytes) -> tuple[bytes, int]:
        """Cut a piece of the message's payload at what may be kept, after inflating it; return also what is missing."""
        if self._compressed:
            kept, missing = self._inflate(payload)
        else:
            room = self._max_payload - self._kept
            kept, missing = (payload, 0) if len(payload) <= room else (payload[:room], len(payload) - room)
        self._kept += len(kept)
        return kept, missing

    def _inflate(self, payload: bytes, *, last: bool = False) -> tuple[bytes, int]:
        deflate = self._deflate
        if deflate is None or self.undecodable:
            return b"", len(payload)
        room = self._max_payload - self._kept
        kept, missing = deflate.end_message(room) if last else deflate.feed(payload, room)
        self.inflated += len(kept)
        if deflate.broken:
            missing = self._note_broken(deflate, missing, len(payload))
        return kept, missing

    def _note_broken(self, deflate: Inflate, missing: int, wire_bytes: int) -> int:
        """Say that the message cannot be inflated; return how many bytes are missing of it."""
        missing = max(missing, wire_bytes, int(self._whole))
        self._whole = False
        self.protocol_error = self.protocol_error or f"a compressed message cannot be inflated: {deflate.broken} (RFC 7692)"
        if deflate.context_takeover:
            self.undecodable = deflate.broken
        return missing

    def _end(
        self,
        head: int,
        has_mask: bool,
        wire_length: int,
        offset: int,
        payload: bytes,
        missing: int,
        t_ns: int,
        out: list[FrameValues],
    ) -> None:
        """The last byte of a frame is there: return the frame, or hold it until its message is complete."""
        opcode = head & 0x0F
        flags = _FLAGS[head] | (MASKED if has_mask else 0)
        pending = self._pending
        message: bytes | None = None
        message_opcode = opcode if opcode >= Opcode.CLOSE else 0
        if opcode <= Opcode.BINARY:
            if head & 0x80:
                if self._compressed:
                    rest, cut = self._inflate(b"", last=True)
                    payload += rest
                    missing += cut
                message_opcode = self._opcode
                if self._whole and not missing and message_opcode:
                    message = self._joined(payload)
                self._opcode = 0
            if missing:
                self._whole = False
        elif opcode == Opcode.CLOSE:
            self._closed = True
        frame = make_frame((t_ns, opcode, flags, wire_length, offset, payload, missing, message, message_opcode))
        if self._prompt and opcode >= Opcode.CLOSE:
            out.append(frame)
        elif self._opcode and (self._whole or pending):
            pending.append(frame)
            if not self._whole or len(pending) > MAX_PENDING:
                self._release(out)
                self._whole = False
        else:
            self._release(out)
            out.append(frame)

    def _joined(self, last: bytes) -> bytes:
        if not self._pending:
            return last
        return b"".join([*(frame.payload for frame in self._pending if frame.opcode <= Opcode.BINARY), last])

    def _release(self, out: list[FrameValues]) -> None:
        out += self._pending
        self._pending = []

    def _note(self, offset: int, error: tuple[str, str] | None) -> None:
        if self.protocol_error is None and error is not None:
            self.protocol_error = f"the frame at byte {offset}: {error[0]} (RFC 6455, section {error[1]})"


def withheld(frame: FrameValues) -> FrameValues:
    """A frame whose payload nobody may look at: all of it is missing. Control frames are as they are."""
    t_ns, opcode, flags, wire_length, offset, payload, missing, _, message_opcode = frame
    if opcode > Opcode.BINARY:
        return frame
    return t_ns, opcode, flags, wire_length, offset, b"", missing + len(payload), None, message_opcode
