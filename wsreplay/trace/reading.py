"""What the messages of a recording say: each connection's decoder, chosen once, and the events of its frames.

The stored frames stay as they are; a better decoder reads old recordings anew. Plain JSON with a `type` at its top level, which
the recorder has noted already, costs no second look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from wsreplay.decode import PLAIN, PLAIN_DOCUMENTS, Choice, Decoder, Event, Linker, get_decoder, heartbeat_of, values
from wsreplay.decode.json import may_be_lines
from wsreplay.display import hex_text
from wsreplay.model import Connection, Frame, Message, Opcode
from wsreplay.store import paging
from wsreplay.store.condition import UNTYPED, Condition, any_of, is_among
from wsreplay.store.fragments import FragmentJoiner
from wsreplay.store.paging import connections_where
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices

DecoderOf = Callable[[str], Decoder]
"""A decoder by its name."""


class Reading:
    """The decoders of a recording's connections, and the events of frames that are asked for in their order.

    Answers are named after their requests as far as the frames before were asked for.
    """

    def __init__(
        self, recording: Recording, decoder: str | None = None, decoder_of: DecoderOf = get_decoder, *, hints: bool = True
    ) -> None:
        """`decoder`: the one that the user names for all connections. Raises UsageError for a name that there is not.

        `decoder_of` gives decoders by name; `hints` says whether the types that were recorded are those of plain JSON.
        """
        self._recording, self._decoder_of, self._hints = recording, decoder_of, hints
        self._choices = Choices(decoder)
        # By connection, once a frame of it was asked for.
        self._linkers: dict[int, Linker] = {}
        self._joiner = FragmentJoiner()
        # The frame that was asked for last, and its events: a filter and a view ask for the same one.
        self._last: tuple[int, tuple[Event, ...]] = (0, ())

    def refresh(self, connections: Iterable[Connection]) -> None:
        """Choose decoders for connections that are new, or had not said enough."""
        for changed in self._choices.refresh(self._recording, connections):
            self._linkers.pop(changed, None)

    def choice(self, connection_id: int) -> Choice:
        """The decoder of a connection that `refresh` was told of."""
        return self._choices[connection_id]

    @property
    def decoded(self) -> frozenset[int]:
        """The connections that are not read as plain JSON whose types are those that were recorded."""
        return frozenset(id for id, name in self._choices.names().items() if name != PLAIN or not self._hints)

    def is_decoded(self, connection_id: int) -> bool:
        """The same for one connection that `refresh` was told of."""
        return self._choices[connection_id].name != PLAIN or not self._hints

    def candidates(self, wanted: Condition, after_id: int, end: int) -> Iterator[Frame]:
        """The frames behind `after_id` up to `end` that are wanted, and what they may answer."""
        return paging.frames_where(self._recording, after_id + 1, end, self.widen(wanted))

    def widen(self, wanted: Condition) -> Condition:
        """What is wanted, and what it may answer: all frames of decoded connections."""
        return any_of([wanted, is_among("connection_id", self.decoded).upper])

    def events(self, frame: Frame) -> tuple[Event, ...]:
        """The events that a frame completes; none for control frames and for what its decoder cannot read."""
        if frame.id != self._last[0]:
            self._last = frame.id, self._read(frame)
        return self._last[1]

    def observe(self, frame: Frame) -> None:
        """Read a frame that nobody may ask for: what follows may answer it."""
        if self._choices[frame.connection_id].name != PLAIN:
            self.events(frame)

    def types(self, frame: Frame) -> tuple[str, ...]:
        """The types of a frame's events."""
        is_plain = self._hints and self._choices[frame.connection_id].name == PLAIN
        if is_plain and frame.type is not None and not may_be_lines(frame.payload):
            return (frame.type,)
        return tuple(event.name for event in self.events(frame) if event.name)

    def documents(self, frame: Frame) -> tuple[Any, ...]:
        """What JSON paths look into: a document for each event; of a fragment the JSON that it may be."""
        return tuple(event.document for event in self.events(frame))

    def _read(self, frame: Frame) -> tuple[Event, ...]:
        message = self._joiner.add(frame)
        if message is None:
            return ()
        linker = self._linkers.get(frame.connection_id)
        if linker is None:
            linker = Linker(self._decoder_of(self._choices[frame.connection_id].name))
            self._linkers[frame.connection_id] = linker
        return tuple(linker.feed(frame.id, message.direction, message.opcode, message.payload))


class MessageReading:
    """The messages of a recording as their decoders read them, for whoever goes through all of them once."""

    def __init__(
        self, recording: Recording, decoder: str | None = None, decoder_of: DecoderOf = get_decoder, *, hints: bool = True
    ) -> None:
        """As `Reading`."""
        self._recording, self._decoder_of, self._hints = recording, decoder_of, hints
        choices = Choices(decoder)
        choices.refresh(recording, recording.connections())
        self._names = choices.names()

    def untold(self) -> set[int]:
        """Connections whose types are not all told by what the recorder has noted."""
        others = {id for id, name in self._names.items() if name not in PLAIN_DOCUMENTS or not self._hints}
        return others | connections_where(self._recording, UNTYPED)

    def decoder_name(self, connection_id: int) -> str:
        """The name of the decoder that a connection is read by."""
        return self._names[connection_id]

    def decoders(self) -> list[Decoder]:
        """Those that the connections are read by."""
        return [self._decoder_of(name) for name in sorted(set(self._names.values()))]

    def messages(self, connections: Collection[int] | None = None, *, heartbeats: bool = True) -> Iterator[Message]:
        """One for each event, whose type is the event's and whose payload is its document, as JSON; else as they were sent.

        An event that is not its message as it stands has no first frame (0): it cannot be read again by the id of one.
        Without `heartbeats` those that a protocol has itself are left out: peers send them as they like.
        """
        return (message for message, _ in self.sized_messages(connections, heartbeats=heartbeats))

    def sized_messages(
        self, connections: Collection[int] | None = None, *, heartbeats: bool = True
    ) -> Iterator[tuple[Message, int]]:
        """The same, each with its size: the bytes of the payloads that were sent for it, attachments included. The events of
        one message share its bytes by the sizes of their documents."""
        linkers: dict[int, Linker] = {}
        # What waits for its attachments, by connection and direction: its bytes so far.
        waiting: defaultdict[tuple[int, int], int] = defaultdict(int)
        for message in self._recording.messages(connections=connections):
            name = self._names[message.connection_id]
            if not heartbeats and self._is_heartbeat(message, name):
                continue
            is_known = message.type is not None and self._hints and name in PLAIN_DOCUMENTS
            if message.opcode > Opcode.BINARY or (is_known and not may_be_lines(message.payload)):
                yield message, len(message.payload)
            else:
                linker = linkers.get(message.connection_id)
                if linker is None:
                    linker = linkers[message.connection_id] = Linker(self._decoder_of(name))
                yield from self._events(message, linker, waiting)

    def _is_heartbeat(self, message: Message, name: str) -> bool:
        if name == PLAIN:
            return False
        return heartbeat_of(self._decoder_of(name), message.direction, message.opcode, message.payload) is not None

    @staticmethod
    def _events(
        message: Message, linker: Linker, waiting: defaultdict[tuple[int, int], int]
    ) -> Iterator[tuple[Message, int]]:
        place, size = (message.connection_id, message.direction), len(message.payload)
        events = linker.feed(message.id, message.direction, message.opcode, message.payload)
        if not events and linker.is_waiting(message.direction):
            waiting[place] += size
        elif not events:
            yield message, size
        else:
            messages = [_message_of(message, event) for event in events]
            shares = _shares(waiting.pop(place, 0) + size, [len(event.payload) for event in messages])
            yield from zip(messages, shares, strict=True)


def _message_of(message: Message, event: Event) -> Message:
    """An event of a message as a message of its own."""
    if event.document is None:
        return message._replace(id=event.number, type=event.name or None)
    document = values.write(event.document, unknown=hex_text)
    return message._replace(id=event.number, opcode=Opcode.TEXT, type=event.name or None, payload=document, first_id=0)


def _shares(total: int, sizes: Sequence[int]) -> Iterator[int]:
    """A total in parts that are as large as these sizes are to each other, and add up to it."""
    before = taken = 0
    for size in sizes:
        before += size
        upto = total * before // (sum(sizes) or 1)
        yield upto - taken
        taken = upto
