"""permessage-deflate, the receiving side (RFC 7692), for one direction of one connection.

What was negotiated stands in the answer's `Sec-WebSocket-Extensions`. The inflater always uses a window of 32 KiB: it
contains every smaller one, so the negotiated window bits make no difference.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import deque
from dataclasses import dataclass, field

WINDOW = 32 * 1024
# What a sender cuts from the end of each message, and a receiver puts back (RFC 7692, sections 7.2.1 and 7.2.2).
TAIL = b"\x00\x00\xff\xff"
# Beyond what is kept of a message, this much is inflated and thrown away, so that the window stays known.
# What expands further is taken for a compression bomb.
SKIM = 64 * 2**20
# So much is inflated at a time: zlib puts a longer answer together from pieces, and for a moment holds it twice.
PIECE = 2**20
# Honest senders end at most one block a message with BFINAL; each costs a new inflater.
MAX_FINAL_BLOCKS = 100

_EXTENSION = "permessage-deflate"
_WINDOW_BITS = frozenset(str(bits) for bits in range(8, 16))
_ITEM = re.compile(r'((?:[^",;]|"(?:\\.|[^"\\])*")*)([,;]|$)')


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions in force on a connection, read from `Sec-WebSocket-Extensions` of a 101 answer.

    `deflate` tells whether permessage-deflate is among them; its `context_takeover` is indexed by direction (0 client to
    server, 1 server to client): the side that compresses. `other` are the names of extensions that nothing is known of,
    `note` is what is odd about the header, else None.
    """

    deflate: bool = False
    context_takeover: tuple[bool, bool] = (True, True)
    other: tuple[str, ...] = ()
    note: str | None = None

    @classmethod
    def parse(cls, header: str | None) -> Extensions:
        """Read a header value; several header lines are joined by commas. Never raises: what is odd goes into `note`."""
        offers = _Found()
        for name, parameters in _elements(header or ""):
            if name.lower() != _EXTENSION:
                offers.other.append(name)
            elif offers.deflate:
                offers.odd(f"{_EXTENSION} twice")
            else:
                offers.read(parameters)
        if offers.other:
            offers.odd(f"unknown extension {', '.join(offers.other)}: frames are recorded as they were sent")
        return cls(
            deflate=offers.deflate,
            context_takeover=(offers.takeover["client"], offers.takeover["server"]),
            other=tuple(offers.other),
            note="; ".join(offers.notes) or None,
        )


@dataclass(slots=True)
class _Found:
    """What `Extensions.parse` has come to know so far."""

    # of permessage-deflate: whether it is there, and context takeover by the side that compresses
    deflate: bool = False
    takeover: dict[str, bool] = field(default_factory=lambda: {"client": True, "server": True})
    # names that nothing is known of, and what is odd about the header
    other: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def odd(self, note: str) -> None:
        self.notes.append(note)

    def read(self, parameters: list[tuple[str, str | None]]) -> None:
        """The parameters of RFC 7692, section 7.1."""
        self.deflate = True
        for name, value in parameters:
            side, _, rest = name.lower().partition("_")
            if side in self.takeover and rest == "no_context_takeover" and value is None:
                self.takeover[side] = False
            elif side not in self.takeover or rest != "max_window_bits" or value not in _WINDOW_BITS:
                self.odd(f"{_EXTENSION} parameter {name}{'' if value is None else '=' + value} is not RFC 7692's")


def _elements(header: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """Split `a; x=1; y, b` into `[("a", [("x", "1"), ("y", None)]), ("b", [])]` (RFC 6455, section 9.1)."""
    elements: list[tuple[str, list[tuple[str, str | None]]]] = []
    fresh = True
    for match in _ITEM.finditer(header):
        item, separator = match[1].strip(), match[2]
        name, equals, value = (part.strip() for part in item.partition("="))
        if item and fresh:
            elements.append((item, []))
        elif item:
            elements[-1][1].append((name, value.strip('"') if equals else None))
        fresh = separator != ";" or (fresh and not item)
    return elements


class Inflate:
    """The inflater of one direction.

    For each compressed message, call `begin_message`, `feed` with the payload of each of its frames, and `end_message`.
    With `context_takeover`, a message may refer to the 32 KiB inflated before it (what was not compressed does not count);
    `window` primes an inflater that starts at a later message. `broken` says why nothing can be inflated any more: for the
    rest of the message, or, with `context_takeover`, of the direction.
    """

    def __init__(self, *, context_takeover: bool = True, window: bytes = b"") -> None:
        self.context_takeover = context_takeover
        # None while all could be inflated
        self.broken: str | None = None
        # the last pieces that were inflated, as many as fill the window; and how many bytes they are
        self._history: deque[bytes] = deque()
        self._history_size = 0
        # of the deflate stream in progress; None: one is to begin
        self._z: zlib._Decompress | None = None
        self._empty = True  # nothing of this message was fed yet
        # of this message: bytes that were inflated and not kept, and blocks that said that they are the last
        self._skimmed = 0
        self._final_blocks = 0
        if context_takeover:
            self._remember(window)

    @classmethod
    def from_extensions(cls, header: str | None, direction: int, *, window: bytes = b"") -> Inflate | None:
        """The inflater that a 101 answer's `Sec-WebSocket-Extensions` calls for; None without permessage-deflate."""
        extensions = Extensions.parse(header)
        if not extensions.deflate:
            return None
        return cls(context_takeover=extensions.context_takeover[direction], window=window)

    @property
    def window(self) -> bytes:
        """The last 32 KiB that were inflated: what a later message may refer to."""
        return b"".join(self._history)[-WINDOW:]

    def begin_message(self) -> None:
        """The next bytes are those of a new message."""
        self._empty, self._skimmed, self._final_blocks = True, 0, 0
        if not self.context_takeover:
            self.broken = self._z = None
            self._history.clear()
            self._history_size = 0

    def message(self, data: bytes, limit: int) -> tuple[bytes, int]:
        """`begin_message`, `feed` and `end_message` at once, for a message in one frame."""
        self.begin_message()
        return self._try(data + TAIL, limit) if data else (b"", 0)

    def feed(self, data: bytes, limit: int) -> tuple[bytes, int]:
        """Inflate a part of a message; return its first `limit` bytes, and how many more were thrown away."""
        if not data:
            return b"", 0
        self._empty = False
        return self._try(data, limit)

    def end_message(self, limit: int) -> tuple[bytes, int]:
        """Put back the four bytes that the sender left out; as `feed`."""
        # Nothing is missing behind a BFINAL block that ended the message, nor in a message without any byte.
        ended = self._empty or (self._z is None and self._final_blocks > 0)
        return (b"", 0) if ended else self._try(TAIL, limit)

    def _try(self, data: bytes, limit: int) -> tuple[bytes, int]:
        if self.broken:
            return b"", 0
        try:
            return self._inflate(data, limit)
        except zlib.error as error:
            self.broken = f"the compressed data is broken: {error}"
        return b"", 0

    def _inflate(self, data: bytes, limit: int) -> tuple[bytes, int]:
        kept = None
        dropped = 0
        filled = False
        while (data or filled) and not self.broken:
            z = self._z
            if z is None:
                z = self._z = zlib.decompressobj(-15, zdict=self.window)
            # One byte more than wanted tells "just fits" from "more to come".
            room = limit if limit < PIECE else PIECE
            wanted = room + 1 if limit else 64 * 1024
            out = z.decompress(data, wanted)
            self._remember(out)
            if len(out) <= room and kept is None and not z.eof:
                return out, 0
            if kept is None:
                kept = io.BytesIO()  # grows in place, and gives its bytes away without a copy
            kept.write(out[:limit])
            dropped += max(0, len(out) - limit)
            self._skimmed += max(0, len(out) - limit)
            limit = max(0, limit - len(out))
            filled = len(out) == wanted
            data = z.unconsumed_tail
            if z.eof:
                data, filled = self._restart(z.unused_data), False
            if self._skimmed > SKIM:
                self.broken = f"it expands to over {SKIM >> 20} MiB more than is kept of a message"
        return (b"" if kept is None else kept.getvalue()), dropped

    def _restart(self, rest: bytes) -> bytes:
        """A block had BFINAL set (RFC 7692, section 7.2.3.4): what follows is a new deflate stream over the same window."""
        self._z = None
        self._final_blocks += 1
        if self._final_blocks > MAX_FINAL_BLOCKS:
            self.broken = f"more than {MAX_FINAL_BLOCKS} final blocks in one message"
        return b"" if rest == TAIL else rest

    def _remember(self, out: bytes) -> None:
        """Keep the pieces that hold the last 32 KiB; they are joined only when a new inflater needs them."""
        size = len(out)
        if not size:
            return
        if size > WINDOW:
            out, size = out[-WINDOW:], WINDOW
        history = self._history
        history.append(out)
        self._history_size += size
        while self._history_size - len(history[0]) >= WINDOW:
            self._history_size -= len(history.popleft())
