"""One connection while it is recorded: its two directions become rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsreplay.model import Ending, Opcode
from wsreplay.recorder.protocol import Opened
from wsreplay.recorder.tail import TailCodec
from wsreplay.store.writer import FrameRow, Writer
from wsreplay.trace.events import event_type
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.deflate import Extensions, Inflate
from wsreplay.wire.frames import DecodedFrame, StreamDecoder


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all connections of a run."""

    redactor: Redactor
    tails: TailCodec
    max_payload: int
    base_ns: int  # where the run stands on the recording's time axis


@dataclass(slots=True)
class Stream:
    """One direction: its decoder, and the chunks of an unfinished message that the file does not hold yet."""

    decoder: StreamDecoder
    chunks: list[tuple[int, int, bytes]] = field(default_factory=list)  # offset, t_ns, bytes
    kept: int = 0  # the file's tail reaches up to here
    has_tail: bool = False
    told_undecodable: bool = False


class LiveConnection:
    """Feeds what a connection carries to a writer."""

    def __init__(self, connection_id: int, writer: Writer, rules: Rules) -> None:
        self.id = connection_id
        self.seq = 0
        self.events = 0
        self.opened = Opened(connection_id, "", "")
        self.opened_ns = 0
        self.status: int | None = None
        self.streams: tuple[Stream, Stream] | None = None
        self.closed_by: str | None = None
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self._close_seen = [False, False]
        self._writer = writer
        self._rules = rules
        self._redacts = bool(rules.redactor.fields)

    def upgrade(self, extensions: str | None) -> None:
        """The server said 101: from now on there are frames."""
        self.streams = (self._stream(0, extensions), self._stream(1, extensions))

    def _stream(
        self, direction: int, extensions: str | None, *, offset: int = 0, window: bytes = b"", undecodable: str | None = None
    ) -> Stream:
        decoder = StreamDecoder(
            deflate=Inflate.from_extensions(extensions, direction, window=window),
            max_payload=self._rules.max_payload,
            offset=offset,
            direction=direction,
            extended=bool(Extensions.parse(extensions).other),
            undecodable=undecodable,
        )
        return Stream(decoder, kept=offset)

    def restore(self, direction: int, extensions: str | None, offset: int, window: bytes, undecodable: str | None) -> None:
        """Go on where the rows of one direction end; both directions are restored before anything is fed."""
        stream = self._stream(direction, extensions, offset=offset, window=window, undecodable=undecodable)
        other = self.streams[1 - direction] if self.streams else stream
        self.streams = (stream, other) if direction == 0 else (other, stream)

    def feed(self, direction: int, t_ns: int, data: bytes) -> None:
        """Bytes of one direction, arrived at `t_ns` on the recording's time axis."""
        if self.streams is None:
            return
        stream = self.streams[direction]
        decoder = stream.decoder
        offset = decoder.received
        frames = decoder.feed(data, t_ns)
        if frames:
            self._add(direction, frames)
            if stream.has_tail and decoder.frontier >= stream.kept:
                self._writer.drop_tail(self.id, direction)
                stream.has_tail = False
        if decoder.frontier < decoder.received:
            stream.chunks.append((offset, t_ns, data))

    def _add(self, direction: int, frames: list[DecodedFrame]) -> None:
        connection_id, seq = self.id, self.seq
        rows: list[FrameRow] = []
        for t_ns, opcode, flags, wire_length, offset, payload, missing, message, message_opcode in frames:
            seq += 1
            kind = None
            if message_opcode == 1 and message is not None:
                kind = event_type(message)
                if kind is not None:
                    self.events += 1
            elif opcode == Opcode.CLOSE:
                self.saw_close(direction, payload)
            rows.append((connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset, kind, payload))
            if missing:
                self._gap(direction, len(rows), "payload cut", missing)
        self.seq = seq
        if self._redacts:
            rows = self._redacted(direction, rows, frames)
        self._writer.add_frames(rows)
        self._tell_undecodable(direction)

    def _gap(self, direction: int, ahead: int, reason: str, size: int) -> None:
        """A gap at the frame that is `ahead` rows after the last one the writer has."""
        self._writer.add_gap(self.id, direction, self._writer.last_frame_id + ahead, reason, size)

    def _redacted(self, direction: int, rows: list[FrameRow], frames: list[DecodedFrame]) -> list[FrameRow]:
        """Rows with redacted payloads: a fragmented message's text moves into its last frame, what is not JSON is withheld."""
        kept: list[FrameRow] = []
        for number, (row, frame) in enumerate(zip(rows, frames, strict=True), 1):
            payload = row[9]
            if row[4] < Opcode.CLOSE:
                text = None
                if frame.message_opcode == Opcode.TEXT and frame.message is not None:
                    text = self._rules.redactor.payload(frame.message)
                if text is None and frame.message_opcode:
                    size = len(frame.message) if frame.message is not None else len(payload)
                    self._gap(direction, number, "withheld: no JSON to redact", size)
                payload = text or b""
            kept.append((*row[:9], payload))
        return kept

    def _tell_undecodable(self, direction: int) -> None:
        if self.streams is None:
            return
        stream = self.streams[direction]
        if stream.decoder.undecodable and not stream.told_undecodable:
            stream.told_undecodable = True
            self._writer.add_gap(
                self.id, direction, self._writer.last_frame_id, f"cannot be inflated from here: {stream.decoder.undecodable}", 0
            )

    def saw_close(self, direction: int, payload: bytes) -> None:
        self._close_seen[direction] = True
        if self.closed_by is None:
            self.closed_by = "server" if direction else "client"
            if len(payload) >= 2:
                self.close_code = int.from_bytes(payload[:2], "big")
                self.close_reason = payload[2:].decode("utf-8", "replace")

    def keep_tails(self) -> None:
        """Before a commit: what arrived of unfinished messages goes into the file too."""
        for direction, stream in enumerate(self.streams or ()):
            self._keep_tail(direction, stream)

    def _keep_tail(self, direction: int, stream: Stream) -> None:
        start = max(stream.decoder.frontier, stream.kept)
        for offset, t_ns, data in stream.chunks:
            fresh = data[max(0, start - offset) :]
            if fresh:
                at = offset + len(data) - len(fresh)
                self._writer.add_tail(self.id, direction, at, t_ns, self._rules.tails(fresh, self.id, direction, at))
                stream.has_tail = True
        stream.kept = max(stream.kept, stream.decoder.received)
        stream.chunks.clear()

    def finish(self) -> None:
        """Both directions are over: the rest of an unfinished message becomes rows and a gap. What is malformed stays raw."""
        for direction, stream in enumerate(self.streams or ()):
            malformed = stream.decoder.malformed
            if malformed:
                self._keep_tail(direction, stream)
            stream.chunks.clear()
            frames, left = stream.decoder.finish()
            self._add(direction, frames)
            if left:
                self._gap(direction, 0, malformed or "unfinished", left)
            if stream.has_tail and not malformed:
                self._writer.drop_tail(self.id, direction)
                stream.has_tail = False

    @property
    def protocol_error(self) -> str | None:
        """The first thing a peer did that RFC 6455 forbids, and which peer."""
        for who, stream in zip(("client", "server"), self.streams or (), strict=False):
            if stream.decoder.protocol_error:
                return f"{who}: {stream.decoder.protocol_error}"
        return None

    def ending(self) -> Ending:
        if self.streams is None:
            return Ending.REFUSED
        if self.protocol_error:
            return Ending.MALFORMED
        return Ending.CLEAN if all(self._close_seen) else Ending.DROPPED
