"""The frame scanner: the bytes of one direction of one connection after its 101 become frames (RFC 6455).

A recorder has to be lenient, and honest about it. What a peer does wrong falls into three classes:

    protocol_error   the frame's boundaries are known, so it is a frame and scanning goes on: reserved bits and opcodes,
                     fragmented or long control frames, continuations of nothing, a message inside a message, a wrong mask,
                     a length written too long, a bad close payload, frames after a close. The first such error is kept.
    undecodable      the compressed data of this direction cannot be inflated any more (broken data, a bomb). Frames are
                     still returned; the payload of compressed ones is withheld (b"") and counted as `missing`.
    malformed        the boundaries are lost: a 64-bit length with its highest bit set (section 5.2). Nothing behind it can
                     be told apart; bytes from `frontier` on are raw.

UTF-8 of text is not checked here.
"""

from __future__ import annotations

import sys

from wsreplay.model import Opcode
from wsreplay.wire.assembly import DecodedFrame, FrameValues, MessageAssembly, make_frame, withheld
from wsreplay.wire.conformance import close_error, head_error
from wsreplay.wire.deflate import Extensions, Inflate
from wsreplay.wire.masking import apply_mask

MAX_PAYLOAD = 64 * 2**20
MAX_HEAD = 14
class _Streamed:
    """A data frame over `max_payload`, taken in piece by piece, of which only the head is kept."""

    __slots__ = ("head", "kept", "key", "left", "missing", "offset", "wire_length")

    def __init__(self, head: int, key: bytes, offset: int, wire_length: int, length: int) -> None:
        self.head, self.key, self.offset, self.wire_length = head, key, offset, wire_length
        self.left = length
        # of the payload, unmasked and inflated; and how many bytes are not kept
        self.kept = bytearray()
        self.missing = 0


class StreamDecoder(MessageAssembly):
    """Decodes one direction of one connection.

    Frames are returned once the message they belong to is complete, control frames inside a fragmented message together
    with it, in wire order; so a decoder can always start anew at `frontier`, with an inflater primed by the window of what
    was inflated before. The exception are messages that outgrow `max_payload` or 100,000 frames: from there on their frames
    are returned as they come.

    A message keeps `max_payload` bytes (at least 125, so that control frames are whole); the rest of it is skipped as it comes.
    `direction` (0 client to server, 1 server to client) lets wrong masking be noted; `extended` says that an extension other
    than permessage-deflate is in force, so that reserved bits and opcodes are its business; `undecodable` starts a decoder
    for a direction whose window is lost, `unfinished` inside a message whose first frames were returned before (its opcode, and
    how much of its payload was kept), `closed` behind a close frame. With `prompt`, for a peer that has to answer them, control
    frames inside a fragmented message are returned as they come, before it; such a decoder cannot start anew.

    A few bytes may inflate to many. With `max_inflated`, a call returns once it has inflated more than so many; `more` then
    says that complete frames may be waiting in what was fed, which `feed_values(b"", t_ns)` returns.
    """

    def __init__(
        self,
        *,
        deflate: Inflate | None = None,
        max_payload: int = MAX_PAYLOAD,
        offset: int = 0,
        direction: int | None = None,
        extended: bool = False,
        undecodable: str | None = None,
        unfinished: tuple[int, int] | None = None,
        closed: bool = False,
        prompt: bool = False,
        max_inflated: int = sys.maxsize,
    ) -> None:
        super().__init__(deflate, max_payload, undecodable=undecodable, unfinished=unfinished, closed=closed, prompt=prompt)
        self.frontier = offset
        self.received = offset
        # Whether the last call stopped for having inflated enough.
        self.more = False
        self._max_inflated = max_inflated
        # Why the boundaries of frames are lost; None: they are known.
        self.malformed: str | None = None
        self._masked = None if direction is None else direction == 0
        self._extended = extended
        # The beginning of a frame, and the length at which it is worth looking at again.
        self._partial = bytearray()
        self._wanted = 0
        # A frame that is too long to be held, while it comes.
        self._streamed: _Streamed | None = None

    @classmethod
    def from_extensions(
        cls,
        header: str | None,
        direction: int,
        *,
        window: bytes = b"",
        max_payload: int = MAX_PAYLOAD,
        offset: int = 0,
        undecodable: str | None = None,
    ) -> StreamDecoder:
        """The decoder that a 101 answer's `Sec-WebSocket-Extensions` calls for, in either direction."""
        return cls(
            deflate=Inflate.from_extensions(header, direction, window=window),
            max_payload=max_payload,
            offset=offset,
            direction=direction,
            extended=bool(Extensions.parse(header).other),
            undecodable=undecodable,
        )

    def feed(self, data: bytes, t_ns: int) -> list[DecodedFrame]:
        """Take in the next bytes of the stream; return the frames of the messages that they complete."""
        values = self.feed_values(data, t_ns)
        while self.more:
            values += self.feed_values(b"", t_ns)
        return list(map(make_frame, values))

    def feed_values(self, data: bytes, t_ns: int) -> list[FrameValues]:
        """As `feed`, for a recorder's loop: giving names to the fields takes half as long as decoding a frame."""
        base = self.received
        self.received += len(data)
        self.inflated, self.more = 0, False
        if self.malformed:
            return []
        out: list[FrameValues] = []
        start = 0
        if self._streamed is not None:
            start = self._stream(self._streamed, data, 0, t_ns, out)
        elif self._partial:
            if len(self._partial) + len(data) < self._wanted:
                self._partial += data
                return []
            base -= len(self._partial)
            data = b"".join((self._partial, data))
            self._partial.clear()
        if self._streamed is None:
            start = self._scan(data, start, base, t_ns, out)
            if self._streamed is None and not self.malformed and start < len(data):
                self._partial += data[start:]
        if self._pending:
            self.frontier = self._pending[0].offset
        elif self._streamed is not None:
            self.frontier = self._streamed.offset
        else:
            self.frontier = base + start
        return out

    @property
    def enough(self) -> int | None:
        """The offset behind which no byte adds to what is kept of the frame in progress; None while any may."""
        if self.malformed:
            return self.frontier + self._max_payload
        frame = self._streamed
        return None if frame is None else frame.offset + MAX_HEAD + self._max_payload

    def skip(self, size: int) -> None:
        """Go on behind `size` bytes that came beyond `enough` and are not there any more."""
        self.received += size
        frame = self._streamed
        if frame is None:
            return
        at = size % 4
        frame.left, frame.missing, frame.key = frame.left - size, frame.missing + size, frame.key[at:] + frame.key[:at]
        if frame.head & 0x0F > Opcode.BINARY:
            return
        self._whole, self._kept = False, self._max_payload
        if self._compressed and self._deflate is not None and self._deflate.context_takeover:
            self.undecodable = self.undecodable or "not all of a message over the limit was kept"
        self._compressed = False

    def finish(self) -> tuple[list[DecodedFrame], int]:
        """The stream ended: return the complete frames of an unfinished message, and the number of bytes left over."""
        frames, self._pending = self._pending, []
        if frames:
            self.frontier = frames[-1].offset + frames[-1].wire_length
        return frames, self.received - self.frontier

    def feed_withheld(self, data: bytes, t_ns: int, reason: str) -> list[FrameValues]:
        """As `feed_values`, for bytes whose payloads nobody may look at: they are missing.

        An inflater with context takeover would have had to see them: nothing is inflated any more, for this reason.
        """
        before, undecodable = self.received, self.undecodable
        self.undecodable = undecodable or reason
        frames = self.feed_values(data, t_ns)
        if self._deflate is None or not self._deflate.context_takeover:
            self.undecodable = undecodable
        if self._opcode:
            frames += self.let_go()
            self._kept, self._compressed = self._max_payload, False
        return [withheld(frame) if frame[4] + frame[3] > before else frame for frame in frames]

    def let_go(self) -> list[FrameValues]:
        """Hold the message in progress together no longer: return its frames so far; the others come as they are complete."""
        out = self._let_go()
        if out:
            _, _, _, wire_length, offset, *_ = out[-1]
            self.frontier = offset + wire_length
        return out

    def _scan(self, data: bytes, pos: int, base: int, t_ns: int, out: list[FrameValues]) -> int:
        """Decode the frames in `data` from `pos` on, where `data` begins at stream offset `base`; return where it stopped.

        The loop is what a recording costs for each frame: keep it free of calls and attributes.
        """
        end = len(data)
        limit = self._max_payload
        masked = self._masked
        deflate = self._deflate
        inflate = deflate.message if deflate is not None and not self.undecodable else None
        append = out.append
        inflated, enough = 0, self._max_inflated
        plain = not self._opcode and not self._closed
        while True:
            body = pos + 2
            if body > end:
                self._wanted = 2
                break
            head = data[pos]
            length = data[pos + 1]
            if has_mask := length > 127:
                length -= 128
            if length > 125:
                body += 2 if length == 126 else 8
                if body > end:
                    self._wanted = body - pos
                    break
                minimal = 126 if length == 126 else 65536
                length = int.from_bytes(data[pos + 2 : body], "big")
                if length < minimal:
                    self._note(base + pos, ("its length is not written in the shortest form", "5.2"))
                elif length >> 63:
                    self._lose(f"the frame at byte {base + pos} has a length of 64 bits (RFC 6455, section 5.2)", out)
                    break
            if has_mask:
                body += 4
            stop = body + length
            if stop > end or length > limit:
                if body > end or length <= limit:
                    self._wanted = (body if body > end else stop) - pos
                    break
                key = data[body - 4 : body] if has_mask else b""
                self._check(head, has_mask, length, base + pos)
                self._begin(head, base + pos, out)
                self._streamed = streamed = _Streamed(head, key, base + pos, stop - pos, length)
                pos = self._stream(streamed, data, body, t_ns, out)
                if streamed.left:
                    break
                plain = not self._opcode and not self._closed
                inflate = None if self.undecodable else inflate
                continue
            payload = data[body:stop]
            if has_mask and length:
                payload = apply_mask(payload, data[body - 4 : body])
            if plain and (head == 0x81 or head == 0x82) and (masked is None or masked is has_mask):
                head -= 0x80
                append((t_ns, head, 17 if has_mask else 1, stop - pos, base + pos, payload, 0, payload, head))
                pos = stop
                continue
            if plain and inflate and (head == 0xC1 or head == 0xC2) and (masked is None or masked is has_mask):
                payload, missing = inflate(payload, limit)
                if deflate is not None and deflate.broken:
                    self._whole = True
                    missing = self._note_broken(deflate, missing, length)
                    inflate = None if self.undecodable else inflate
                head -= 0xC0
                message = None if missing else payload
                flags = 19 if has_mask else 3
                append((t_ns, head, flags, stop - pos, base + pos, payload, missing, message, head))
                inflated += len(payload)
            else:
                self._check(head, has_mask, length, base + pos)
                self._whole_frame(head, has_mask, stop - pos, base + pos, payload, t_ns, out)
                plain = not self._opcode and not self._closed
                inflate = None if self.undecodable else inflate
                inflated, self.inflated = inflated + self.inflated, 0
            pos = stop
            if inflated > enough:
                self.more, self._wanted = pos < end, 0
                break
        if inflated:
            self.inflated += inflated
        return pos

    def _whole_frame(
        self, head: int, has_mask: bool, wire_length: int, offset: int, payload: bytes, t_ns: int, out: list[FrameValues]
    ) -> None:
        """Any frame within `max_payload` that is not a message of its own."""
        self._begin(head, offset, out)
        opcode = head & 0x0F
        missing = 0
        if opcode > Opcode.BINARY:
            if opcode == Opcode.CLOSE:
                self._note(offset, close_error(payload))
        else:
            payload, missing = self._keep(payload)
        self._end(head, has_mask, wire_length, offset, payload, missing, t_ns, out)

    def _stream(self, frame: _Streamed, data: bytes, pos: int, t_ns: int, out: list[FrameValues]) -> int:
        """Take in what `data` holds of a frame over `max_payload`; return where that stops."""
        piece = data[pos : pos + frame.left]
        frame.left -= len(piece)
        if frame.key and piece:
            at = len(piece) % 4
            piece, frame.key = apply_mask(piece, frame.key), frame.key[at:] + frame.key[:at]
        if frame.head & 0x0F > Opcode.BINARY:
            room = self._max_payload - len(frame.kept)
            kept, missing = piece[:room], max(0, len(piece) - room)
        else:
            kept, missing = self._keep(piece)
        frame.kept += kept
        frame.missing += missing
        if not frame.left:
            self._streamed = None
            payload = bytes(frame.kept)
            self._end(frame.head, bool(frame.key), frame.wire_length, frame.offset, payload, frame.missing, t_ns, out)
        return pos + len(piece)

    def _lose(self, reason: str, out: list[FrameValues]) -> None:
        self.malformed = reason
        self.protocol_error = self.protocol_error or reason
        self._release(out)

    def _check(self, head: int, has_mask: bool, length: int, offset: int) -> None:
        if self.protocol_error is None:
            if self._closed:
                self._note(offset, ("it comes after a close frame", "5.5.1"))
            deflate, extended = self._deflate is not None, self._extended
            self._note(
                offset, head_error(head, has_mask, length, expect_mask=self._masked, deflate=deflate, extended=extended)
            )
