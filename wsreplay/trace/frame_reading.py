"""The events of any frame, whichever were read before it: for lists that begin anywhere, and filters that jump."""

from __future__ import annotations

from typing import Any

from wsreplay.decode import PLAIN, Decoder, Event, Linker, RawMessage, Role, get_decoder
from wsreplay.decode.json import may_be_lines
from wsreplay.model import FIN, EventNumber, Frame, Opcode
from wsreplay.store import paging
from wsreplay.store.condition import all_of, compare, of_connections
from wsreplay.store.fragments import FragmentJoiner
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices
from wsreplay.trace.links import Link, Links
from wsreplay.trace.reading import DecoderOf

_FURTHEST = 1_000_000  # frames between the first and the last that one event needs


class FrameReading:
    """What the frames of a recording say, by the decoders that were chosen and by what is known of links so far.

    Until that is known, an answer is named by its id, `result #7`. `hints`: the types that were recorded are those of plain
    JSON. It can be pickled; who reads a frame that needs others says from where, with `read_from`.
    """

    def __init__(
        self, choices: Choices, links: Links, decoder_of: DecoderOf = get_decoder, *, hints: bool = True
    ) -> None:
        self._choices, self._links, self._decoder_of, self.hints = choices, links, decoder_of, hints
        # None until `read_from`, and in another process
        self._recording: Recording | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_recording": None}

    def read_from(self, recording: Recording) -> None:
        """Where to read further frames of an event."""
        self._recording = recording

    def link(self, recording: Recording, until: int) -> None:
        """Take in what links the frames up to `until`."""
        self._links.read_on(recording, self._choices, self._decoder_of, until)

    def unlinked(self) -> FrameReading:
        """The same with no links, for a job to gather them."""
        return FrameReading(self._choices, Links(), self._decoder_of, hints=self.hints)

    @property
    def links(self) -> Links:
        """What links messages to each other, as far as it was gathered."""
        return self._links

    def take_links(self, links: Links) -> None:
        """Go on with links that were gathered elsewhere."""
        self._links = links

    @property
    def decoded(self) -> frozenset[int]:
        """The connections that are not read as plain JSON whose types are those that were recorded."""
        return frozenset(id for id, name in self._choices.names().items() if name != PLAIN or not self.hints)

    def is_decoded(self, connection_id: int) -> bool:
        """The same for one connection."""
        name = self._choices.name(connection_id)
        return name is not None and (name != PLAIN or not self.hints)

    def types(self, frame: Frame) -> tuple[str, ...]:
        """The types of a frame's events."""
        name = self._choices.name(frame.connection_id)
        if self.hints and frame.type is not None and name in (PLAIN, None) and not may_be_lines(frame.payload):
            return (frame.type,)
        link = self._links.get(frame.id)
        if link is not None:
            return tuple(filter(None, link.names))
        return tuple(event.name for event in self.events(frame) if event.name)

    def documents(self, frame: Frame) -> tuple[Any, ...]:
        """What JSON paths look into: a document for each event."""
        return tuple(event.document for event in self.events(frame))

    def events(self, frame: Frame) -> tuple[Event, ...]:
        """The events that a frame completes; none for control frames and for what its decoder cannot read."""
        if frame.opcode > Opcode.BINARY:
            return ()
        decoder = self._decoder_of(self._choices.name(frame.connection_id) or PLAIN)
        link = self._links.get(frame.id)
        if link is None:
            return tuple(self._alone(frame, decoder))
        events = self._alone(frame, decoder) if link.first_id == frame.id else self._joined(frame, link, decoder)
        if len(events) != len(link.names):
            return tuple(events)
        return tuple(_linked(event, name, link) for event, name in zip(events, link.names, strict=True))

    @staticmethod
    def _alone(frame: Frame, decoder: Decoder) -> list[Event]:
        if not frame.flags & FIN or frame.opcode == Opcode.CONTINUATION:
            return []
        return Linker(decoder).feed(frame.id, *RawMessage(frame.direction, frame.opcode, frame.payload))

    def _joined(self, frame: Frame, link: Link, decoder: Decoder) -> list[Event]:
        """What a frame completes that began with an earlier one."""
        if self._recording is None or frame.id - link.first_id > _FURTHEST:
            return []
        wanted = all_of([of_connections([frame.connection_id]), compare("direction", "=", frame.direction)])
        joiner, linker, events = FragmentJoiner(), Linker(decoder), list[Event]()
        for part in paging.frames_where(self._recording, link.first_id, frame.id, wanted):
            message = joiner.add(part)
            if message is not None:
                events = linker.feed(message.id, message.direction, message.opcode, message.payload)
        return events


def _linked(event: Event, name: str, link: Link) -> Event:
    """An event with what the index knows of it."""
    is_answer = link.request and event.role in (Role.RESULT, Role.ERROR)
    request = EventNumber(link.request) if is_answer else None
    return event._replace(type=name or None, request=request)
