"""One direction of a connection while it is recorded: read by a decoder, or passed unread."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsreplay.wire.deflate import Extensions, Inflate
from wsreplay.wire.frames import StreamDecoder

# A batch is committed once it holds so many inflated bytes, also in the middle of a record.
BATCH_INFLATED = 8 * 2**20
UNREAD = "passed unread: "


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where one direction is gone on with: behind `offset`, in the state of a decoder that has decoded all before."""

    offset: int = 0
    window: bytes = b""
    undecodable: str | None = None
    told_undecodable: bool = False
    unfinished: tuple[int, int] | None = None
    closed: bool = False


@dataclass(slots=True)
class DirectionStream:
    """One direction: its decoder, and the chunks of an unfinished message that the file does not hold yet."""

    decoder: StreamDecoder
    chunks: list[tuple[int, int, bytes]] = field(default_factory=list)  # offset, t_ns, bytes
    kept: int = 0  # the file's tail reaches up to here
    # the file holds something of its unfinished message
    has_tail: bool = False
    # a gap says that it cannot be inflated any more
    told_undecodable: bool = False
    is_large: bool = False  # its message in progress is among the large ones

    def hold_tail(self) -> None:
        """The file holds something of its unfinished message."""
        self.has_tail = True

    def drop_tail(self) -> None:
        """The file holds nothing of an unfinished message any more."""
        self.has_tail = False

    def grow(self, is_large: bool) -> None:
        """Its message in progress is among the large ones, or no longer."""
        self.is_large = is_large

    def tell_undecodable(self) -> None:
        """It is written down that it cannot be inflated from here."""
        self.told_undecodable = True

    def keep_up(self) -> None:
        """The file holds all that came of its unfinished message."""
        self.kept = max(self.kept, self.decoder.received)
        self.chunks.clear()


@dataclass(slots=True)
class Unread:
    """A direction whose bytes pass without being read: the gap that says so, and how many bytes have passed."""

    reason: str
    # bytes that have passed
    size: int = 0
    kept: int = 0  # the size that the file knows of

    def pass_by(self, size: int) -> None:
        """So many more bytes have passed."""
        self.size += size

    def keep_up(self) -> None:
        """The file knows of all that have passed."""
        self.kept = self.size


def resumed(direction: int, extensions: str | None, point: ResumePoint, max_payload: int) -> DirectionStream:
    """A direction that goes on at this point; `extensions` are those of the handshake."""
    decoder = StreamDecoder(
        deflate=Inflate.from_extensions(extensions, direction, window=point.window),
        max_payload=max_payload,
        offset=point.offset,
        direction=direction,
        extended=bool(Extensions.parse(extensions).other),
        undecodable=point.undecodable,
        unfinished=point.unfinished,
        closed=point.closed,
        max_inflated=BATCH_INFLATED,
    )
    return DirectionStream(decoder, kept=point.offset, told_undecodable=point.told_undecodable)
