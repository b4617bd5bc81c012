"""One connection while it is recorded: its two directions become rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from wsreplay.decode import RawMessage
from wsreplay.model import Direction, Ending, Opcode
from wsreplay.recorder.direction import BATCH_INFLATED, UNREAD, DirectionStream, ResumePoint, Unread, resumed
from wsreplay.recorder.protocol import Closing, ConnectionEnded, ConnectionOpened
from wsreplay.recorder.tail import TailCodec
from wsreplay.store.writer import LARGE, FrameRow, Writer
from wsreplay.trace.endings import close_of
from wsreplay.trace.events import event_type
from wsreplay.trace.frame_redaction import WITHHELD
from wsreplay.trace.message_redaction import MessageRedactor
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.assembly import FrameValues

# How much of messages in progress is held until they are complete, over all connections; what is over it becomes rows at once.
UNFINISHED_BYTES = 64 * 2**20


class UnfinishedMessages:
    """The large messages in progress of all connections: which ones are let go when they are too much together."""

    def __init__(self) -> None:
        # The bytes of each, by connection and direction.
        self._sizes: dict[tuple[LiveConnection, int], int] = {}

    def note(self, connection: LiveConnection, direction: int, size: int) -> None:
        """So many bytes of a message are held now."""
        if size:
            self._sizes[connection, direction] = size
        else:
            self._sizes.pop((connection, direction), None)
        while sum(self._sizes.values()) > UNFINISHED_BYTES:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            del self._sizes[largest]
            largest[0].let_go(largest[1])


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all connections of a run."""

    redactor: Redactor
    tails: TailCodec
    max_payload: int
    unfinished: UnfinishedMessages = field(default_factory=UnfinishedMessages)


class LiveConnection:
    """Feeds what a connection carries to a writer."""

    def __init__(self, opened: ConnectionOpened, opened_ns: int, writer: Writer, rules: Rules) -> None:
        self.id, self.opened, self.opened_ns = opened.id, opened, opened_ns
        # How many of its frames are rows, and the last one's id; None: none is.
        self.seq = 0
        self.last_frame_id: int | None = None
        # Messages with a type.
        self.events = 0
        # None until the server has answered.
        self.status: int | None = None
        # None until it has accepted.
        self.streams: tuple[DirectionStream, DirectionStream] | None = None
        # The directions that are not read.
        self.unread: dict[int, Unread] = {}
        # As the first close frame says; None: none came, or it has no code.
        self.closed_by: str | None = None
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.noted_error: str | None = None  # the protocol error that the file knows of
        # By direction, whether a close frame came; whether the file knows of the first.
        self._close_seen = [False, False]
        self._close_kept = False
        self._writer = writer
        self._rules = rules
        self._redacts = rules.redactor.hides_payloads
        # Redacts its messages, where that is asked for.
        self.messages = MessageRedactor(rules.redactor, opened.path)

    def answer(self, status: int | None) -> None:
        """The server has answered the request for it with this HTTP status."""
        self.status = status

    def go_on(self, seq: int, last_frame_id: int | None) -> None:
        """So many of its frames are rows; the last one is this."""
        self.seq, self.last_frame_id = seq, last_frame_id

    def resume_close(self, by: str | None, code: int | None, reason: str | None) -> None:
        """Its first close frame came before."""
        self.closed_by, self.close_code, self.close_reason = by, code, reason

    def upgrade(self, extensions: str | None) -> None:
        """The server said 101: from now on there are frames."""
        self.resume(extensions, (ResumePoint(), ResumePoint()))

    def resume(self, extensions: str | None, points: tuple[ResumePoint, ResumePoint]) -> None:
        """Go on where the rows of both directions end."""
        most = self._rules.max_payload
        self.streams = (resumed(0, extensions, points[0], most), resumed(1, extensions, points[1], most))

    def feed_tail(self, direction: int, tail: Iterable[tuple[int, int, bytes]], commit: Callable[[], None]) -> None:
        """What the file holds of an unfinished message of a resumed connection: (offset, t_ns, bytes)."""
        assert self.streams is not None
        stream = self.streams[direction]
        for offset, t_ns, data in tail:
            stream.hold_tail()
            if offset > stream.decoder.received:
                stream.decoder.skip(offset - stream.decoder.received)
            full = self.feed(direction, t_ns, data[stream.decoder.received - offset :])
            stream.chunks.clear()
            while full:
                self.keep()
                commit()
                full = self.feed(direction, t_ns, b"")
        stream.kept = stream.decoder.received

    def feed(self, direction: int, t_ns: int, data: bytes) -> bool:
        """Bytes of one direction, arrived at `t_ns` on the recording's time axis. True: the batch is full.

        Commit it then, and call again without data for what did not fit; the batch holds what is left as tail.
        """
        if self.unread and direction in self.unread:
            self.unread[direction].pass_by(len(data))
            return False
        if self.streams is None:
            return False
        stream = self.streams[direction]
        decoder = stream.decoder
        offset, frontier = decoder.received, decoder.frontier
        frames = decoder.feed_values(data, t_ns)
        if frames:
            self._add(direction, frames)
            if stream.has_tail:
                self._drop_tail_if_done(direction, stream)
        reached = decoder.frontier
        if reached < decoder.received:
            if data:
                stream.chunks.append((offset, t_ns, data))
            if decoder.held > LARGE:
                stream.grow(True)
                self._rules.unfinished.note(self, direction, decoder.held)
        if stream.is_large and not decoder.held:
            stream.grow(False)
            self._rules.unfinished.note(self, direction, 0)
        # Of a message that is not compressed, no more than its bytes on the wire; most are there in one piece.
        if reached - frontier < LARGE and not decoder.inflated:
            return False
        writer = self._writer
        writer.grow(decoder.inflated, decoder.inflated > LARGE or reached - frontier > LARGE)
        return decoder.more or writer.inflated > BATCH_INFLATED

    def feed_withheld(self, direction: int, t_ns: int, data: bytes, reason: str) -> None:
        """As `feed`, for bytes at which recorders die: payloads are not looked at, and each is a gap."""
        if self.streams is None:
            return
        stream = self.streams[direction]
        decoder = stream.decoder
        offset = decoder.received
        frames = decoder.feed_withheld(data, t_ns, reason)
        self._add(direction, frames, f"payload cut: {reason}")
        self._drop_tail_if_done(direction, stream)
        if decoder.frontier < decoder.received:
            stream.chunks.append((offset, t_ns, data))

    def pass_unread(self, direction: int, reason: str) -> None:
        """From here on the bytes of a direction are only counted."""
        if direction not in self.unread:
            self.unread[direction] = Unread(UNREAD + reason)
            self._gap(direction, 0, UNREAD + reason, 0)

    def let_go(self, direction: int) -> None:
        """Hold a message in progress together no longer: its frames become rows as they are."""
        assert self.streams is not None
        stream = self.streams[direction]
        stream.grow(False)
        self._add(direction, stream.decoder.let_go())
        self._writer.grow(0, True)
        self._drop_tail_if_done(direction, stream)

    def _drop_tail_if_done(self, direction: int, stream: DirectionStream) -> None:
        if stream.has_tail and stream.decoder.frontier >= stream.kept:
            self._writer.drop_tail(self.id, direction)
            stream.drop_tail()

    def _add(self, direction: int, frames: Sequence[FrameValues], cut: str = "payload cut") -> None:
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
                self._gap(direction, len(rows), cut, missing)
        self.seq = seq
        if self._redacts:
            rows = self._redacted(direction, rows, frames)
        self._writer.add_frames(rows)
        if rows:
            self.last_frame_id = self._writer.last_frame_id
        self._tell_undecodable(direction)

    def _gap(self, direction: int, ahead: int, reason: str, size: int) -> None:
        """A gap at the frame that is `ahead` rows after the last one the writer has."""
        self._writer.add_gap(self.id, direction, self._writer.last_frame_id + ahead, reason, size)

    def _redacted(self, direction: int, rows: list[FrameRow], frames: Sequence[FrameValues]) -> list[FrameRow]:
        """Rows with redacted payloads: a fragmented message's text moves into its last frame, what is not JSON is withheld."""
        kept: list[FrameRow] = []
        for number, (row, (*_, message, message_opcode)) in enumerate(zip(rows, frames, strict=True), 1):
            payload = row[9]
            if row[4] < Opcode.CLOSE:
                text = None
                if message_opcode and message is not None:
                    text = self.messages.hide(RawMessage(direction, message_opcode, message))
                if text is None and message_opcode:
                    size = len(message) if message is not None else len(payload)
                    self._gap(direction, number, WITHHELD, size)
                payload = text or b""
            kept.append((*row[:9], payload))
        return kept

    def _tell_undecodable(self, direction: int) -> None:
        if self.streams is None:
            return
        stream = self.streams[direction]
        if stream.decoder.undecodable and not stream.told_undecodable:
            stream.tell_undecodable()
            self._writer.add_gap(
                self.id, direction, self._writer.last_frame_id, f"cannot be inflated from here: {stream.decoder.undecodable}", 0
            )

    def saw_close(self, direction: int, payload: bytes) -> None:
        """A close frame came; the first of a connection says who ended it, and how (RFC 6455, section 7.1.5)."""
        self._close_seen[direction] = True
        if self.closed_by is None:
            self.closed_by = "server" if direction else "client"
            self.close_code, self.close_reason = close_of(payload)

    def resume_error(self, error: str) -> None:
        """A restored connection had this protocol error."""
        assert self.streams is not None
        who, _, what = error.partition(": ")
        self.streams[who == "server"].decoder.protocol_error = what
        self.noted_error = error

    def keep(self) -> None:
        """Before a commit: what arrived of unfinished messages goes into the file too, and what only memory knows."""
        self._keep_unread()
        for direction, stream in enumerate(self.streams or ()):
            self._keep_tail(direction, stream)
        error = self.protocol_error
        if error != self.noted_error:
            self.noted_error = error
            self._writer.update_connection(self.id, error=error)
        if self.closed_by and not self._close_kept:
            self._close_kept = True
            closing = {"closed_by": self.closed_by, "close_code": self.close_code, "close_reason": self.close_reason}
            self._writer.update_connection(self.id, **closing)

    def _keep_unread(self) -> None:
        for direction, unread in self.unread.items():
            if unread.size > unread.kept:
                unread.keep_up()
                self._writer.set_gap_size(self.id, direction, unread.reason, unread.size)

    def _keep_tail(self, direction: int, stream: DirectionStream) -> None:
        """Of a frame over the limit, what is behind its kept head is not written: only how far it came."""
        decoder, add = stream.decoder, self._writer.add_tail
        start, enough = max(decoder.frontier, stream.kept), decoder.enough
        for offset, t_ns, data in stream.chunks:
            at = max(start, offset)
            fresh = data[at - offset : None if enough is None else max(0, enough - offset)]
            if fresh:
                add(self.id, direction, at, t_ns, self._rules.tails(fresh, self.id, direction, at))
                stream.hold_tail()
        if enough is not None and decoder.received > enough and stream.chunks:
            self._writer.move_tail_end(self.id, direction, decoder.received, stream.chunks[-1][1])
        stream.keep_up()

    def finish(self) -> None:
        """Both directions are over: an unfinished message's frames become rows, and a gap. What is no whole frame stays raw."""
        self._keep_unread()
        for direction, stream in enumerate(self.streams or ()):
            decoder = stream.decoder
            frames, left = decoder.finish()
            if stream.is_large:
                self._rules.unfinished.note(self, direction, 0)
            self._add(direction, frames)
            reason = decoder.malformed or "unfinished"
            if self._redacts:
                left += sum(len(frame.payload) for frame in frames if frame.opcode < Opcode.CLOSE)
                reason = f"withheld: {reason}"
            else:
                self._keep_tail(direction, stream)
            stream.chunks.clear()
            if left:
                self._gap(direction, 0, reason, left)
            if stream.has_tail:
                self._writer.drop_tail(self.id, direction, before=None if self._redacts else decoder.frontier)

    def give_up(self, direction: int, t_ns: int, reason: str, size: int) -> ConnectionEnded:
        """Record no more of this connection, for a reason; `size` is the length of what could not be recorded first."""
        for number, stream in enumerate(self.streams or ()):
            stream.chunks.clear()
            self._writer.drop_tail(self.id, number)
        self._gap(direction, 0, f"not recorded from here: {reason}", size)
        columns = {"closed_ns": t_ns, "ending": str(Ending.TRUNCATED), "error": reason}
        self._writer.update_connection(self.id, **columns)
        ending, seconds = str(Ending.TRUNCATED), (t_ns - self.opened_ns) / 1e9
        return ConnectionEnded(self.id, self.opened.path, ending, seconds, self.seq, self.opened.user, error=reason)

    def note_loss(self, reason: str) -> None:
        """What comes behind the frames that are here is lost."""
        for direction in (0, 1) if self.streams else (0,):
            self._gap(direction, 0, f"lost from here: {reason}", 0)

    def end(self, t_ns: int, closing: Closing, ending: Ending | None = None) -> ConnectionEnded:
        """Write how the connection ended, and what was left unfinished."""
        self.finish()
        ending = ending or self.ending()
        error = closing.error or self.protocol_error
        by = self.closed_by or closing.by
        self._writer.update_connection(
            self.id,
            closed_ns=t_ns, ending=str(ending), closed_by=by, close_code=self.close_code, close_reason=self.close_reason,
            error=error,
        )  # fmt: skip
        return ConnectionEnded(
            self.id, self.opened.path, str(ending), (t_ns - self.opened_ns) / 1e9, self.seq, self.opened.user, self.status, by,
            self.close_code, self.close_reason, error,
        )  # fmt: skip

    @property
    def protocol_error(self) -> str | None:
        """The first thing a peer did that RFC 6455 forbids, and which peer."""
        for who, stream in zip(("client", "server"), self.streams or (), strict=False):
            if stream.decoder.protocol_error:
                return f"{who}: {stream.decoder.protocol_error}"
        return None

    def ending(self) -> Ending:
        """How it ended, as far as its bytes say: both sides have to send a close frame for a clean end."""
        if self.protocol_error or Direction.SERVER_TO_CLIENT in self.unread:
            return Ending.MALFORMED
        if self.streams is None:
            return Ending.REFUSED
        closed = (direction in self.unread or seen for direction, seen in enumerate(self._close_seen))
        return Ending.CLEAN if all(closed) else Ending.DROPPED
