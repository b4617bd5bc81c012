"""Messages become events, and each event finds its handler.

A text message that is one JSON object with a type is read by the engine itself, straight into its handler. All else comes here:

- plain JSON that is unusual: a type that comes for the first time, an array of events, JSON lines, a byte order mark, half a
  surrogate pair, binary messages; and what is no event at all;
- the messages of connections that speak another protocol: its decoder makes parts of them, a linker makes events of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsreplay.contract.decoding import decoder_for
from wsreplay.contract.model import Contract
from wsreplay.contract.unseen import EventType
from wsreplay.decode import PLAIN, PLAIN_DOCUMENTS, Answers, Decoder, Event, Linker, Part, Role, Shortcut
from wsreplay.decode.values import why_not_json
from wsreplay.model import UNFINISHED, EventNumber, Opcode
from wsreplay.validator.batches import BatchReader
from wsreplay.validator.emit.compiler import Compiler
from wsreplay.validator.emit.exact import Body, document_of
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.partial_decoder import PartialDecoder
from wsreplay.validator.emit.repeated_names import strict
from wsreplay.validator.fast_paths import (
    MOST_TYPES,
    AnsweringLane,
    CutHandlers,
    Cutter,
    Decode,
    Handlers,
    ItemCutter,
    ReadingLane,
    without_lists,
)
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.rules.format import why_undecodable
from wsreplay.validator.state.state import ConnectionState
from wsreplay.validator.state.trace_event import MessageEvent
from wsreplay.validator.trace_state import TraceState

_HOUSEKEEPING = (Role.CONTROL, Role.RESULT, Role.ERROR)


class MessageReader:
    """Reads the messages of one trace, and hands events to the handlers of one contract."""

    def __init__(
        self,
        contract: Contract,
        globals: Globals,
        monitors: Monitors,
        trace_state: TraceState,
        on_lane_changed: Callable[[int, int], None],
    ) -> None:
        """`on_lane_changed` is told when a connection's direction is better read by another lane from now on."""
        self._on_lane_changed = on_lane_changed
        self._contract, self._format, self._trace_state = contract, monitors.format, trace_state
        self._partial = globals.decoder
        self._compiler = Compiler(globals, monitors.emitters)
        # handlers that were needed so far, by direction, then by type
        self.handlers: tuple[Handlers, Handlers] = ({}, {})
        # a payload's message, as far as the contract reads it
        self._decode = self._strictly(self._partial.decoder())
        if contract.envelope.unpack:
            self._decode = without_lists(self._decode, [self._partial.getter(path) for path in contract.envelope.unpack])
        self._plain_lane = ReadingLane(self._decode, self.handlers)
        self._batches = BatchReader(self._decode, contract.envelope.unpack)
        # reads arrays of one event too, and the (connection, direction) whose messages are such arrays
        self._item_lane = self._cutting_lane(ItemCutter(self._decode))
        self._wrapped = set[tuple[int, int]]()
        self._plain = decoder_for(PLAIN, contract)
        # by the decoder's name, what reads its simplest messages
        self._shortcuts: dict[str, ReadingLane | AnsweringLane | None] = {}
        # of connections that are not plain JSON: what reads them, by connection
        self._decoders: dict[int, Decoder] = {}
        # the names of all that was told, by connection
        self._names: dict[int, str] = {}
        # what links messages to each other, by connection, once one has come
        self._linkers: dict[int, Linker] = {}
        # frames whose payload the recording does not hold as it was
        self._cut_frames: frozenset[int] = frozenset()
        # each (direction, type) that came, under the contract's name; no more than MOST_TYPES
        self.types = set[EventType]()
        # text messages that are no events; messages that may be events and could not be decoded; types that the contract names
        self.untyped = self.undecodable = self.matched = 0

    def set_decoders(self, names: Mapping[int, str]) -> None:
        """What connections are read by, by connection; those that are not named are plain JSON. Raises UsageError."""
        self._names.update(names)
        for connection, name in names.items():
            if name not in PLAIN_DOCUMENTS:
                self._decoders[connection] = decoder_for(name, self._contract)
                if name not in self._shortcuts:
                    self._shortcuts[name] = self._shortcut(self._decoders[connection])

    def _shortcut(self, decoder: Decoder) -> ReadingLane | AnsweringLane | None:
        """What reads the simplest messages of a decoder as fast as plain JSON; None where nothing does."""
        shortcut: Shortcut | None = getattr(decoder, "shortcut", None)
        if shortcut is None or self._partial.reads_below(shortcut.opened):
            return None
        partial: PartialDecoder | None = self._partial
        if shortcut.answers is not None:
            return self._answering_lane(shortcut.type, shortcut.answers)
        if shortcut.type:
            partial = self._partial.with_type_at(shortcut.type, shortcut.without, shortcut.needed)
        if partial is None:
            return None
        decode = self._strictly(partial.decoder())
        if shortcut.body is None:
            return ReadingLane(decode, self.handlers)
        return self._cutting_lane(Cutter(decode, shortcut.body))

    def _cutting_lane(self, cutter: Cutter) -> ReadingLane:
        return ReadingLane(cutter.decode, (CutHandlers(self.handlers[0], cutter), CutHandlers(self.handlers[1], cutter)))

    def _answering_lane(self, type_: tuple[str, ...], answers: Answers) -> AnsweringLane | None:
        read, skimmed = (answers.id, answers.scope), (answers.result, answers.error)
        partial = self._partial.with_type_at(type_, besides=read, skimmed=skimmed)
        if partial is None:
            return None
        look = partial.look_at(*read, *skimmed)
        return AnsweringLane(self._strictly(partial.decoder()), look, self._handler)

    def _strictly(self, decode: Decode) -> Decode:
        return strict(decode) if self._format is not None and self._format.rule.names_unique else decode

    def lane(self, connection: int, direction: int) -> tuple[Decode, Handlers] | None:
        """What reads whole messages of a connection, and handles their events; None where each is to be given to `read`."""
        decoder = self._decoders.get(connection)
        if decoder is not None:
            lane = self._shortcuts[decoder.name]
        else:
            lane = self._item_lane if (connection, direction) in self._wrapped else self._plain_lane
        if isinstance(lane, AnsweringLane):
            handlers = self.handlers[direction]
            return lane.lane(self._linker(connection), direction, handlers), handlers
        return None if lane is None else (lane.decode, lane.handlers[direction])

    def set_cut_frames(self, frames: frozenset[int]) -> None:
        """Frames whose payload the recording does not hold as it was."""
        self._cut_frames = frames

    def decoder_of(self, connection: int) -> str:
        """The name of what reads a connection."""
        return self._names.get(connection, PLAIN)

    def leave(self, connection: int) -> None:
        """Nothing more is awaited of a connection."""
        self._linkers.pop(connection, None)
        self._wrapped -= {(connection, 0), (connection, 1)}

    def source(self, direction: int, type_: str) -> str:
        """The source of the function that handles events of a direction and type."""
        return self._compiler.source(direction, type_)

    # Each returns how many events there were.

    def read(self, conn: ConnectionState, fid: int, t: int, lane: int, payload: bytes) -> int:
        """A whole message that its lane did not take at once."""
        direction, opcode = lane >> 5 & 1, lane & UNFINISHED - 1
        if conn.id in self._decoders:
            return self._read_decoded(conn, fid, t, direction, opcode, payload)
        return self._read_plain(conn, fid, t, direction, opcode, payload)

    def _read_plain(self, conn: ConnectionState, fid: int, t: int, direction: int, opcode: int, payload: bytes) -> int:
        """A message of a connection that is plain JSON, and that its handler did not take at once."""
        count = self._read_batch(conn, fid, t, direction, payload)
        if count:
            return count
        parts = self._plain.parse(direction, opcode, payload)
        if opcode == Opcode.BINARY and all(part.type is None for part in parts):
            conn.session.pass_unjudged("binary message")
            return 0
        if not parts:
            self._refuse(conn, fid, t, direction, payload)
            return 0
        if self._format is not None:
            self._check_form(conn, fid, t, direction, payload, parts)
        if len(parts) == 1:
            return self._read_one(conn, fid, t, direction, payload, parts[0])
        for part in parts:
            if part.type is None:
                self._pass_untyped(conn, part.document, fid, t, direction)
            else:
                self._hand_over(conn, _number(fid, count), t, direction, part.type, part.document)
                count += 1
        return count

    def _read_batch(self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes) -> int:
        """A list of events, none of which is read further than the contract does; 0 where the message is none."""
        items = self._batches.read(payload)
        if len(items) == 1:
            self._wrapped.add((conn.id, direction))
            self._on_lane_changed(conn.id, direction)
        handlers = self.handlers[direction]
        for place, (item, message) in enumerate(items):
            kind = message.kind
            handle = handlers.get(kind) or self._handler(direction, kind)
            handle(message, conn, EventNumber(fid, place) if place else fid, t, item, kind)
        return len(items)

    def _read_decoded(self, conn: ConnectionState, fid: int, t: int, direction: int, opcode: int, payload: bytes) -> int:
        """A message of a connection that speaks another protocol."""
        linker = self._linker(conn.id)
        if linker.is_waiting(direction):
            return self._hand_over_all(conn, t, linker.feed(fid, direction, opcode, payload))
        parts = linker.decoder.parse(direction, opcode, payload)
        if parts and opcode == Opcode.TEXT and self._format is not None:
            self._format.check_names(MessageEvent(conn, fid, t, "", direction), payload)
        if not parts and opcode == Opcode.BINARY:
            conn.session.pass_unjudged("binary message")
        elif not parts:
            self._refuse(conn, fid, t, direction, payload)
        elif len(parts) == 1 and parts[0].role is Role.EVENT and not parts[0].attachments and parts[0].type is not None:
            self._hand_over(conn, fid, t, direction, parts[0].type, parts[0].document)
            return 1
        return self._hand_over_all(conn, t, linker.link(fid, direction, parts))

    def _linker(self, connection: int) -> Linker:
        linker = self._linkers.get(connection)
        if linker is None:
            linker = self._linkers[connection] = Linker(self._decoders[connection])
        return linker

    def finish(self, conn: ConnectionState, t: int) -> int:
        """A connection is over: what never came whole."""
        linker = self._linkers.pop(conn.id, None)
        return 0 if linker is None else self._hand_over_all(conn, t, linker.finish())

    def _read_one(self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes, part: Part) -> int:
        if part.type is None:
            self._pass_untyped(conn, part.document, fid, t, direction)
            return 0
        try:
            message = self._decode(payload)
        except (ValueError, RecursionError):
            alone = part.warning is None and not self._contract.envelope.unpack and payload.lstrip()[:1] == b"{"
            message = self._partial.from_document(part.document, part.type)
            handle = self._handler(direction, part.type)
            handle(message, conn, fid, t, payload if alone else part.document, part.type)
            return 1
        kind, message.kind = message.kind, part.type
        handle = self._handler(direction, part.type)
        if kind.__class__ is int:
            self.handlers[direction][kind] = self._of_number(handle, direction, part.type)
        handle(message, conn, fid, t, payload, part.type)
        return 1

    def _of_number(self, handle: Callable[..., None], direction: int, type_: str) -> Callable[..., None]:
        """A handler for a type that is a number in the message, and a text in the contract."""

        def handle_number(message: Any, conn: ConnectionState, fid: int, t: int, body: Body, kind: Any) -> None:
            if isinstance(kind, bool):  # which is equal to 1 or 0, and no type
                self._pass_untyped(conn, document_of(body), fid, t, direction)
            else:
                handle(message, conn, fid, t, body, type_)

        return handle_number

    def _pass_untyped(self, conn: ConnectionState, document: Any, fid: int, t: int, direction: int) -> None:
        """JSON came that is no event."""
        self.untyped += 1
        if self._format is not None and isinstance(document, dict):
            value = self._partial.kind_path.find(document)
            message = MessageEvent(conn, fid, t, "", direction)
            self._trace_state.refuse(message, self._format.check_no_type(message, value), value is not None)

    def _check_form(
        self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes, parts: list[Part]
    ) -> None:
        """What the rule about form says of JSON that was read."""
        rule, first, message = self._format, parts[0], MessageEvent(conn, fid, t, "", direction)
        assert rule is not None
        if first.warning is not None:
            rule.check_strict(message, first.warning)
        if isinstance(first.document, dict):
            rule.check_names(message, payload)
        elif first.type is None:
            self._trace_state.refuse(message, rule.check_no_object(message, first.document))

    def _refuse(self, conn: ConnectionState, fid: int, t: int, direction: int, payload: bytes) -> None:
        """A message that its decoder makes nothing of."""
        self.untyped += 1
        rule, why = self._format, why_undecodable(payload, fid in self._cut_frames)
        if why is not None:
            self.undecodable += 1
            self._trace_state.pass_over(conn, direction, fid, t)
        if rule is None:
            return
        message = MessageEvent(conn, fid, t, "", direction)
        if why is not None:
            rule.check_undecodable(message, why)
        elif conn.id not in self._decoders:
            self._trace_state.refuse(message, rule.check_json(message, f"not JSON: {why_not_json(payload)}"), True)
        else:
            what = f"not a message of {self._decoders[conn.id].name}"
            self._trace_state.refuse(message, rule.check_json(message, what), True)

    def _hand_over_all(self, conn: ConnectionState, t: int, events: list[Event]) -> int:
        count = 0
        for event in events:
            if event.type is None:
                conn.session.pass_unjudged("answer to an unseen request")
                self.untyped += 1
                continue
            count += 1
            number = _number(event.number.frame, event.number.place)
            self._hand_over(conn, number, t, event.direction, event.type, event.document, event.role in _HOUSEKEEPING)
        return count

    def _hand_over(
        self, conn: ConnectionState, number: int, t: int, direction: int, type_: str | None, body: Body,
        housekeeping: bool = False,
    ) -> None:  # fmt: skip
        """Give an event to its handler."""
        assert type_ is not None
        message = self._partial.from_document(body, type_)
        self._handler(direction, type_, housekeeping)(message, conn, number, t, body, type_)

    def _handler(self, direction: int, type_: str, housekeeping: bool = False) -> Callable[..., None]:
        table = self.handlers[direction]
        handler = table.get(type_)
        if handler is None:
            if len(table) > MOST_TYPES:  # types that nobody names, without end
                table.clear()
            name = self._contract.map.name_of(type_)
            handler = table[type_] = self._compiler.handler(direction, name, housekeeping)
            self.matched += self._contract.is_named(direction, name)
            if len(self.types) < MOST_TYPES:
                self.types.add((direction, name))
        return handler


def _number(fid: int, place: int) -> int:
    """An event's number; that of the first event of a frame is the frame's id as it is."""
    return EventNumber(fid, place) if place else fid
