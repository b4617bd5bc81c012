"""Parts become events over a connection: answers get their request's name, attachments join what they belong to.

An event's number is (frame, place): the last frame that it needs, and its place among what that frame completes. Numbers
rise. Memory is bounded: the oldest open requests and attachments beyond a limit are given up.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Iterable
from typing import Any, NamedTuple

from wsreplay.decode.part import BINARY, Decoder, Part, Role
from wsreplay.model import EventNumber

MOST_OPEN = 10_000  # requests of one direction that wait for their answer
MOST_ATTACHED = 64 * 2**20  # bytes of one message's attachments

INCOMPLETE = "its attachments are not complete"


class Event(NamedTuple):
    """A part in its place. `request` is the number of what it answers; `frames` are all frames that it needs."""

    number: EventNumber
    direction: int
    type: str | None
    document: Any
    role: Role
    id: str | None = None
    request: EventNumber | None = None
    frames: tuple[int, ...] = ()
    attachments: tuple[bytes, ...] = ()
    warning: str | None = None

    @property
    def name(self) -> str:
        """The type, or what can be said without the request: `result #7`; "" for what names itself in no way."""
        if self.type is not None:
            return self.type
        return f"{self.role} #{self.id}" if self.id is not None else ""


class _Held(NamedTuple):
    """A part that waits for its attachments."""

    part: Part
    frames: tuple[int, ...]
    attachments: tuple[bytes, ...]
    size: int = 0


_Requests = dict[str, tuple[str, EventNumber | None]]


class Linker:
    """Reads one connection's messages in their order."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        # Requests without an answer, by who asked: id → (type, number), the oldest first.
        self._open: tuple[_Requests, _Requests] = ({}, {})
        # How answers are called, by request: results, errors.
        self._answers: tuple[dict[str, str], dict[str, str]] = ({}, {})
        # Per direction, what waits for attachments.
        self._held: list[_Held | None] = [None, None]

    def feed(self, frame: int, direction: int, opcode: int, payload: bytes) -> list[Event]:
        """The events that a TEXT or BINARY message completes; `frame` is the id of its last frame."""
        held = self._held[direction]
        if held is not None and opcode == BINARY:
            return self._attach(held, frame, direction, payload)
        return self.link(frame, direction, self.decoder.parse(direction, opcode, payload))

    def link(self, frame: int, direction: int, parts: Iterable[Part]) -> list[Event]:
        """The same for a message whose parts are known, and which is no attachment."""
        held, self._held[direction] = self._held[direction], None
        events: list[Event] = []
        if held is not None:
            events.append(self._event(held.part._replace(warning=INCOMPLETE), held, EventNumber(frame, 0), direction))
        for part in parts:
            waiting = _Held(part, (frame,), ())
            if part.attachments:
                self._held[direction] = waiting
            else:
                events.append(self._event(part, waiting, EventNumber(frame, len(events)), direction))
        return events

    def _attach(self, held: _Held, frame: int, direction: int, payload: bytes) -> list[Event]:
        size = held.size + len(payload)
        kept = payload if size <= MOST_ATTACHED else b""
        held = _Held(held.part, (*held.frames, frame), (*held.attachments, kept), size)
        if len(held.attachments) < held.part.attachments:
            self._held[direction] = held
            return []
        self._held[direction] = None
        return [self._event(held.part, held, EventNumber(frame, 0), direction)]

    def is_waiting(self, direction: int) -> bool:
        """Whether what came last awaits its attachments."""
        return self._held[direction] is not None

    def finish(self) -> list[Event]:
        """The connection is over: what never got its attachments."""
        events = []
        for direction, held in enumerate(self._held):
            if held is not None:
                number = EventNumber(held.frames[-1], 0)
                events.append(self._event(held.part._replace(warning=INCOMPLETE), held, number, direction))
        self._held = [None, None]
        return events

    def _event(self, part: Part, held: _Held, number: EventNumber, direction: int) -> Event:
        kind, request = part.type, None
        if part.role is Role.REQUEST and part.id is not None and kind is not None:
            self.ask(direction, part.id, kind, number)
        elif part.role in (Role.RESULT, Role.ERROR) and part.id is not None:
            asked = self._open[1 - direction].pop(part.id, None)
            if asked is not None:
                name, request = asked
                kind = kind or self._answer_to(name, part.role is Role.ERROR)
        return Event(
            number, direction, kind, part.document, part.role, part.id, request, held.frames, held.attachments, part.warning
        )

    def ask(self, direction: int, id: str, kind: str, number: EventNumber | None = None) -> None:
        """A request was made. `number` is its event's, None where nobody will ask for it."""
        requests = self._open[direction]
        if id in requests:
            del requests[id]  # the new one is the latest
        requests[id] = kind, number
        if len(requests) > MOST_OPEN:
            del requests[next(iter(requests))]

    def answer(self, direction: int, id: str, is_error: bool) -> str | None:
        """The type of what answers a request, which is answered now; None where none is known."""
        asked = self._open[1 - direction].pop(id, None)
        if asked is None:
            return None
        return self._answers[is_error].get(asked[0]) or self._answer_to(asked[0], is_error)

    def _answer_to(self, request: str, is_error: bool) -> str:
        names = self._answers[is_error]
        name = names.get(request)
        if name is None:
            if len(names) > MOST_OPEN:  # requests that strangers name, without end
                names.clear()
            name = names[request] = self.decoder.answer.format(request=request, role=Role.ERROR if is_error else Role.RESULT)
        return name
