"""What a frame alone does not tell of its events, for views that begin anywhere.

An answer is named after its request, attachments belong to a message before them, and a message may have come in pieces. The
index holds the frames of which that is so: a few numbers each, gathered once from the beginning, and further as a recording
grows.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from array import array
from bisect import bisect_left
from typing import NamedTuple

from wsreplay.decode import PLAIN, Event, Linker
from wsreplay.model import Frame
from wsreplay.store import paging
from wsreplay.store.condition import is_among
from wsreplay.store.fragments import FragmentJoiner
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices
from wsreplay.trace.reading import DecoderOf


class Link(NamedTuple):
    """`names` are those of a frame's events, "" for one without; `first_id` is the first frame that they need, `request` the
    frame of the request that the first of them answers, 0 where none."""

    names: tuple[str, ...]
    first_id: int
    request: int


class Links:
    """Of the connections that are not plain JSON. Can be pickled, so that a job gathers what the interface goes on with."""

    def __init__(self) -> None:
        # Up to this frame all are known.
        self.until = 0
        self._ids, self._first_ids, self._requests = array("Q"), array("Q"), array("Q")
        # For each id which of the names it has; the names that there are, and their places there.
        self._codes = array("I")
        self._names: list[tuple[str, ...]] = []
        self._code_of: dict[tuple[str, ...], int] = {}
        # What goes on with the next frame.
        self._joiner = FragmentJoiner()
        self._linkers: dict[int, Linker] = {}
        # By connection and direction, the first frame of a message that waits for its attachments.
        self._held: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def get(self, frame_id: int) -> Link | None:
        """What is known of a frame whose events it does not tell alone."""
        at = bisect_left(self._ids, frame_id)
        if at == len(self._ids) or self._ids[at] != frame_id:
            return None
        return Link(self._names[self._codes[at]], self._first_ids[at], self._requests[at])

    def answer_to(self, frame_id: int) -> int | None:
        """The first frame that answers a request."""
        try:
            return self._ids[self._requests.index(frame_id)]
        except ValueError:
            return None

    def read_on(self, recording: Recording, choices: Choices, decoder_of: DecoderOf, until: int) -> None:
        """Take in the frames up to `until`."""
        decoded = [id for id, name in choices.names().items() if name != PLAIN]
        for frame in paging.frames_where(recording, self.until + 1, until, is_among("connection_id", decoded).upper):
            name = choices.name(frame.connection_id)
            if name is not None and name != PLAIN:
                self._take(frame, name, decoder_of)
        self.until = max(until, self.until)

    def _take(self, frame: Frame, name: str, decoder_of: DecoderOf) -> None:
        message = self._joiner.add(frame)
        if message is None:
            return
        linker = self._linkers.get(frame.connection_id)
        if linker is None:
            linker = self._linkers[frame.connection_id] = Linker(decoder_of(name))
        first_id, place = message.first_id, (frame.connection_id, frame.direction)
        events = linker.feed(frame.id, message.direction, message.opcode, message.payload)
        held_id = self._held.pop(place, first_id)
        if linker.is_waiting(frame.direction):
            self._held[place] = first_id if events else held_id
        if any(event.frames[0] != frame.id for event in events):
            first_id = held_id
        request = next((event.request for event in events if event.request is not None), None)
        if first_id != frame.id or request is not None:
            self._add(frame.id, first_id, int(request or 0), events)

    def _add(self, frame_id: int, first_id: int, request: int, events: list[Event]) -> None:
        names = tuple(event.name for event in events)
        code = self._code_of.get(names)
        if code is None:
            code = self._code_of[names] = len(self._names)
            self._names.append(names)
        self._first_ids.append(first_id)
        self._requests.append(request)
        self._codes.append(code)
        self._ids.append(frame_id)  # last: who finds it in another thread finds the others
