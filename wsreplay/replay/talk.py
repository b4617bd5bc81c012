"""What was said in a session, ready to be compared: each message with its ids and its slice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import orjson

from wsreplay.model import OPCODE_NAMES, Connection, Ending, Message, Opcode, Session
from wsreplay.replay.fields import Fields, Found, Id
from wsreplay.trace import paths

Chain = tuple[tuple[str, Id], ...]  # the slice: level and id, outermost first

OPEN, END = "ws.open", "ws.end"


class Said(NamedTuple):
    """One message, or the beginning or end of a connection. Times are since the session's start, in nanoseconds."""

    t_ns: int
    direction: int
    name: str
    payload: bytes
    frame_id: int
    chain: Chain
    label: tuple[Any, ...]
    ids: tuple[Found, ...] = ()  # those that tell no slices apart
    step: int | None = None  # its sequence number less that of the message before it


class Talk:
    """A session's messages in order. Control frames are left out: peers send pings as they like."""

    def __init__(self, session: Session, fields: Fields, coalesce: Collection[str] = ()) -> None:
        self.session = session
        self.said: list[Said] = []
        self._fields, self._coalesce = fields, frozenset(coalesce)
        self._start = session.opened_ns
        self._slots: dict[str, int] = {level: place for place, level in enumerate(fields.levels)}
        self._seq = fields.seq
        self._numbers: dict[int, int] = {}  # the latest sequence number of each direction
        self._no_slots: list[Any] = [None] * len(self._slots)
        self._chains: dict[Chain, Chain] = {}
        self._last: dict[tuple[int, Chain], int] = {}  # the latest message of a slice
        self._parts: dict[int, list[Any]] = {}  # of messages that are several ones coalesced

    @classmethod
    def of(cls, session: Session, messages: Iterable[Message], fields: Fields, coalesce: Collection[str] = ()) -> Talk:
        """A session's messages, in order; those of its connections' beginnings and ends stand between them."""
        talk = cls(session, fields, coalesce)
        opens = list(session.connections)[::-1]
        open_now: list[Connection] = []
        for message in messages:
            while opens and (opens[-1].opened_ns <= message.t_ns or opens[-1].id == message.connection_id):
                talk._end_before(open_now, opens[-1].opened_ns)
                open_now.append(opens.pop())
                talk._open(open_now[-1])
            talk.add(message)
        while opens:
            talk._end_before(open_now, opens[-1].opened_ns)
            open_now.append(opens.pop())
            talk._open(open_now[-1])
        talk._end_before(open_now, None)
        talk._merge()
        return talk

    def add(self, message: Message) -> None:
        if message.opcode >= Opcode.CLOSE:
            return
        document = _decoded(message) if message.opcode == Opcode.TEXT else None
        slots = self._no_slots.copy()
        ids: list[Found] = []
        places, references = self._slots, self._fields.references
        for found in self._fields.of(document):
            place = places.get(found[0])
            if place is None:
                ids.append(found)
            elif slots[place] is None and found[1] not in references:
                slots[place] = (found[0], found[2])
        chain = tuple([slot for slot in slots if slot is not None])
        chain = self._chains.setdefault(chain, chain)
        name = message.type if message.type is not None else OPCODE_NAMES[message.opcode]
        where = message.direction, chain
        if name in self._coalesce:
            before = self._last.get(where)
            if before is not None and self.said[before].name == name:
                self._parts.setdefault(before, [_loads(self.said[before].payload)]).append(document)
                return
        self._last[where] = len(self.said)
        step = self._step(message.direction, document) if self._seq is not None else None
        label = self._fields.label(document)
        t_ns = message.t_ns - self._start
        self.said.append(Said(t_ns, message.direction, name, message.payload, message.id, chain, label, tuple(ids), step))

    def _step(self, direction: int, document: Any) -> int | None:
        number = paths.get(document, self._seq or ())
        if number.__class__ is not int:
            return None
        before = self._numbers.get(direction, 0)
        self._numbers[direction] = number
        return int(number - before)

    def content(self, said: Said) -> int:
        """A digest of what a message says, its ids and times aside."""
        document = _loads(said.payload)
        for _, path, _ in self._fields.of(document):
            paths.replace(document, path, None)
        for path in self._fields.volatile:
            paths.replace(document, path, None)
        return hash(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))

    def _open(self, connection: Connection) -> None:
        facts = {"path": connection.path.partition("?")[0], "status": connection.status, "subprotocol": connection.subprotocol}
        self.said.append(Said(connection.opened_ns - self._start, 0, OPEN, orjson.dumps(facts), 0, (), ()))

    def _end_before(self, open_now: list[Connection], until: int | None) -> None:
        for connection in list(open_now):
            if until is None or (connection.closed_ns is not None and connection.closed_ns <= until):
                open_now.remove(connection)
                self._end(connection)

    def _end(self, connection: Connection) -> None:
        facts: dict[str, Any] = {"ending": str(connection.ending)}
        if connection.ending not in (Ending.TRUNCATED, Ending.OPEN):
            facts |= {"by": connection.closed_by, "code": connection.close_code, "reason": connection.close_reason or None}
        t_ns = connection.closed_ns if connection.closed_ns is not None else connection.opened_ns
        self.said.append(Said(t_ns - self._start, 1, END, orjson.dumps(facts), 0, (), ()))

    def _merge(self) -> None:
        """Put coalesced parts into one message: texts that differ follow each other."""
        for index, parts in self._parts.items():
            self.said[index] = self.said[index]._replace(payload=orjson.dumps(_merged(parts)))


def _merged(parts: list[Any]) -> Any:
    first = parts[0]
    if all(part == first for part in parts):
        return first
    if all(isinstance(part, dict) for part in parts):
        names = dict.fromkeys(name for part in parts for name in part)
        return {name: _merged([part[name] for part in parts if name in part]) for name in names}
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return parts[-1]


def _decoded(message: Message) -> Any:
    return _loads(message.payload)


def _loads(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
