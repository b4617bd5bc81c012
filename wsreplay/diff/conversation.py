"""What was said in a session, ready to be compared: each message with its ids, its slice, and a digest of what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Any, NamedTuple

import orjson

from wsreplay.contract.identities import Fields, FoundId, Id, IdLayout, is_telling
from wsreplay.diff.left_out import LeftOut
from wsreplay.model import OPCODE_NAMES, Connection, Ending, Message, Opcode, Session
from wsreplay.trace import jsonpath as paths

SlicePath = tuple[tuple[str, Id], ...]  # the slice: level and id, outermost first

NOT_ENDED = Ending.TRUNCATED, Ending.OPEN
OPEN, END, DROP = "ws.open", "ws.close", "ws.drop"
"""The beginning and the end of a connection as contracts name them; of all ends the name is `END` while they are compared."""
BY_VALUE = " by value"  # behind the kind of an id that no key has found where it stands
KINDS = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
_SURELY_WRITTEN = 250  # orjson reads JSON that is nested 1,024 deep, and writes 254


class SliceRef:
    """Where messages belong that name the same slices: one value for all of them.

    `named` are the ids that tell slices apart, `layout` says which others such a message has: (domain, path) of each. `label`
    is what the first of these messages was about.
    """

    __slots__ = ("chain", "label", "layout", "named")

    def __init__(
        self, chain: SlicePath, named: tuple[FoundId, ...], layout: tuple[tuple[str, paths.Path], ...], label: tuple[Any, ...]
    ) -> None:
        self.chain, self.named, self.layout, self.label = chain, named, layout, label


class ComparedMessage(NamedTuple):
    """One message, or the beginning or end of a connection. Times are since the session's start, in nanoseconds.

    A message that is one frame has no `payload` here: it is read again where it is wanted, by its `frame_id`.
    """

    t_ns: int
    direction: int
    name: str
    payload: bytes
    frame_id: int
    place: SliceRef
    ids: tuple[Id, ...] = ()  # those that tell no slices apart, as its place's layout says
    step: int | None = None  # its sequence number less that of the message before it
    content: int = 0  # a digest of what it says, its ids and times aside

    @property
    def shown_name(self) -> str:
        """Its type; of an end without a closing handshake that it is a drop."""
        return self.name if self.frame_id else _fact_name(self.name, self.payload)

    @property
    def chain(self) -> SlicePath:
        """The slices that it belongs to, outermost first."""
        return self.place.chain


_said = partial(tuple.__new__, ComparedMessage)  # a NamedTuple's own constructor takes twice as long


def _fact_name(name: str, payload: bytes) -> str:
    """What contracts call the beginning or the end of a connection."""
    is_drop = name == END and orjson.loads(payload)["ending"] not in (Ending.CLEAN, *NOT_ENDED)
    return DROP if is_drop else name


class _MessageShape:
    """What messages have in common whose ids stand in the same places: `named` are the indexes of those that tell slices apart,
    `others` of the rest; `top` and `deep` say where they all stand, `places` which slices were named so far."""

    __slots__ = ("deep", "named", "others", "places", "rest", "top")

    def __init__(self, layout: IdLayout, levels: Collection[str]) -> None:
        domains = [domain for domain, _ in layout.places]
        self.named = [index for index, domain in enumerate(domains) if domain in levels]
        self.others = [index for index, domain in enumerate(domains) if domain not in levels]
        self.rest = tuple(layout.places[index] for index in self.others)
        self.top = [path[0] for _, path in layout.places if len(path) == 1]
        self.deep = [path for _, path in layout.places if len(path) > 1]
        self.places: dict[tuple[Id, ...], SliceRef] = {}  # by the values of the ids that are named


class ComparedSession:
    """A session's messages in order. Control frames are left out: peers send pings as they like; so is what `leaves_out` says.

    `take` every message of the session, then `finish`.
    """

    def __init__(
        self, session: Session, fields: Fields, coalesce: Collection[str] = (), leaves_out: LeftOut | None = None
    ) -> None:
        self.session = session
        self.said: list[ComparedMessage] = []  # whole after `finish`
        self.left_out: Counter[str] = Counter()  # how many messages of which type
        self._leaves_out = leaves_out or LeftOut(heartbeats=False)
        self._fields, self._coalesce = fields, frozenset(coalesce)
        self._times = [path[0] for path in fields.volatile if len(path) == 1]
        self._deep_times = [path for path in fields.volatile if len(path) > 1]
        self._start = session.opened_ns
        self._slots: dict[str, int] = {level: place for place, level in enumerate(fields.levels)}
        self._numbers: dict[int, int] = {}  # the latest sequence number of each direction
        self._forms: dict[IdLayout, _MessageShape] = {}  # by where the ids stand
        self._seq = fields.seq[0] if fields.seq is not None and len(fields.seq) == 1 else None
        self._nowhere = SliceRef((), (), (), ())
        # its connections: those that come, the next one last, and those that are open
        self._to_open = list(session.connections)[::-1]
        self._open_now: list[Connection] = []
        self._last: dict[tuple[int, SlicePath], int] = {}  # the latest message of a slice
        self._known: dict[Id, str] = {}  # the ids that keys have found, each with its kind
        # layouts to which the places of ids were added that were recognized by their values
        self._wider: dict[tuple[IdLayout, tuple[tuple[str, paths.Path], ...]], IdLayout] = {}
        self._parts: dict[int, list[Any]] = {}  # of messages that may be several ones coalesced

    def take(self, message: Message) -> None:
        """The next message. What connections began and ended before it goes before it."""
        opens = self._to_open
        while opens and (opens[-1].opened_ns <= message.t_ns or opens[-1].id == message.connection_id):
            self._open_next()
        if message.opcode < Opcode.CLOSE:
            self._add(message)

    def finish(self) -> ComparedSession:
        """That was all."""
        while self._to_open:
            self._open_next()
        self._end_before(None)
        self._merge()
        return self

    def _add(self, message: Message) -> None:
        id, _, _, t_ns, direction, opcode, kind, payload, first_id = message
        document = decoded(payload) if opcode == Opcode.TEXT else None
        name = kind if kind is not None else OPCODE_NAMES[opcode]
        if self._leaves_out(direction, name):
            self.left_out[name] += 1
            self._step(direction, document)  # what follows is counted from here
            return
        layout, values = self._fields.of.lay_out(document)
        if document is not None:
            layout, values = self._by_value(document, layout, values)
        form = self._forms.get(layout) or self._form(layout)
        key = tuple([values[index] for index in form.named])
        place = form.places.get(key) or self._place(layout, form, key, document)
        ids = tuple([values[index] for index in form.others])
        step = self._step(direction, document)
        coalesced = name in self._coalesce and document is not None
        if coalesced and self._goes_on(name, direction, place, document):
            return
        if self._coalesce:
            self._last[direction, place.chain] = len(self.said)
        if coalesced:
            self._parts[len(self.said)] = [document]
        content = 0 if coalesced else self._content(document, payload, form, step)
        kept = b"" if id == first_id else payload
        self.said.append(_said((t_ns - self._start, direction, name, kept, id, place, ids, step, content)))

    def _by_value(self, document: Any, layout: IdLayout, values: list[Id]) -> tuple[IdLayout, list[Id]]:
        """The same with the texts, wherever they stand, that are ids which keys have found by now."""
        known, keyed = self._known, 0
        for index, value in enumerate(values):
            if value in known:
                keyed += 1
            elif isinstance(value, str) and is_telling(value):
                known[value] = layout.places[index][0]
                keyed += 1
        if not known or _count_among(document, known) <= keyed:
            return layout, values
        places = {path for _, path in layout.places}
        others = [(path, text) for path, text in paths.texts_in(document) if text in self._known and path not in places]
        if not others:
            return layout, values
        more = tuple((self._domain(text), path) for path, text in others)
        wider = self._wider.get((layout, more))
        if wider is None:
            wider = self._wider[layout, more] = IdLayout((*layout.places, *more))
        return wider, [*values, *(text for _, text in others)]

    def _domain(self, text: str) -> str:
        """Of an id that is known by its value; where it is one that tells slices apart, it tells none here."""
        domain = self._known[text]
        return f"{domain}{BY_VALUE}" if domain in self._slots else domain

    def _form(self, layout: IdLayout) -> _MessageShape:
        form = self._forms[layout] = _MessageShape(layout, self._slots)
        return form

    def _place(self, layout: IdLayout, form: _MessageShape, key: tuple[Id, ...], document: Any) -> SliceRef:
        """Where messages belong that name these slices."""
        places = [layout.places[index] for index in form.named]
        named = tuple((domain, path, value) for (domain, path), value in zip(places, key, strict=True))
        place = form.places[key] = SliceRef(self._chain(named), named, form.rest, self._fields.label(document))
        return place

    def _chain(self, named: tuple[FoundId, ...]) -> SlicePath:
        slots: list[tuple[str, Id] | None] = [None] * len(self._slots)
        for domain, path, value in named:
            slot = self._slots[domain]
            if slots[slot] is None and path not in self._fields.references:
                slots[slot] = (domain, value)
        return tuple([slot for slot in slots if slot is not None])

    def _step(self, direction: int, document: Any) -> int | None:
        if self._fields.seq is None:
            return None
        if self._seq is not None:
            number = document.get(self._seq) if document.__class__ is dict else None
        else:
            number = paths.get(document, self._fields.seq)
        if number.__class__ is not int:
            return None
        before = self._numbers.get(direction, 0)
        self._numbers[direction] = number
        return int(number - before)

    def _content(self, document: Any, payload: bytes, form: _MessageShape, step: int | None) -> int:
        """A digest of what a message says. The document is used up."""
        if document is None:
            return hash(payload)
        for name in form.top:
            document[name] = "id"
        for path in form.deep:
            paths.replace(document, path, "id")
        for name in self._times if document.__class__ is dict else ():
            if name in document:
                document[name] = KINDS[document[name].__class__]
        for path in self._deep_times:
            paths.replace(document, path, KINDS.get(paths.get(document, path).__class__))
        if step is not None and self._seq is not None:
            document[self._seq] = "step"
        elif step is not None:
            paths.replace(document, self._fields.seq or (), "step")
        if self._fields.anywhere:
            document = without(document, self._fields.anywhere)
        return hash(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))

    def _digest(self, document: Any, payload: bytes) -> int:
        layout, _ = self._fields.of.lay_out(document)
        return self._content(document, payload, self._forms.get(layout) or self._form(layout), None)

    # Beginnings and ends.

    def _open_next(self) -> None:
        connection = self._to_open.pop()
        self._end_before(connection.opened_ns)
        self._open_now.append(connection)
        path = self._without_ids(connection.path.partition("?")[0])
        facts = {"path": path, "status": connection.status, "subprotocol": connection.subprotocol}
        self._fact(connection.opened_ns, 0, OPEN, orjson.dumps(facts))

    def _without_ids(self, path: str) -> str:
        return "/".join(f"{{{self._known[segment]}}}" if segment in self._known else segment for segment in path.split("/"))

    def _end_before(self, until: int | None) -> None:
        for connection in list(self._open_now):
            if until is None or (connection.closed_ns is not None and connection.closed_ns <= until):
                self._open_now.remove(connection)
                self._end(connection)

    def _end(self, connection: Connection) -> None:
        facts: dict[str, Any] = {"ending": str(connection.ending)}
        unknown = connection.ending in NOT_ENDED
        if not unknown:
            facts |= {"by": connection.closed_by, "code": connection.close_code, "reason": connection.close_reason or None}
        t_ns = connection.closed_ns if connection.closed_ns is not None else connection.opened_ns
        self._fact(t_ns, 1, END, orjson.dumps(facts), digest=not unknown)

    def _fact(self, t_ns: int, direction: int, name: str, payload: bytes, *, digest: bool = True) -> None:
        if self._leaves_out.has_fact(shown := _fact_name(name, payload)):
            self.left_out[shown] += 1
            return
        document = decoded(payload)
        content = self._digest(document, payload) if digest else 0
        self.said.append(ComparedMessage(t_ns - self._start, direction, name, payload, 0, self._nowhere, content=content))

    # Several messages as one.

    def _goes_on(self, name: str, direction: int, place: SliceRef, document: Any) -> bool:
        """Whether this is one more part of the latest message of its slice."""
        before = self._last.get((direction, place.chain))
        if before is None or self.said[before].name != name or before not in self._parts:
            return False
        self._parts[before].append(document)
        return True

    def _merge(self) -> None:
        """Put coalesced parts into one message: texts that differ follow each other."""
        for index, parts in self._parts.items():
            message = self.said[index]
            merged = _merged(parts)
            payload = message.payload if len(parts) == 1 else orjson.dumps(merged)
            content = self._digest(merged, payload)
            self.said[index] = message._replace(payload=payload, content=content)
        self._parts.clear()


def _count_among(value: Any, known: Collection[Id]) -> int:
    """How many texts in a document are among some."""
    count = 0
    for inner in value.values() if value.__class__ is dict else value:
        kind = inner.__class__
        if kind is str:
            count += inner in known
        elif kind is dict or kind is list:
            count += _count_among(inner, known)
    return count


def decoded(payload: bytes) -> dict[str, Any] | list[Any] | None:
    """The object or array that a JSON text holds; None where it holds none, or one nested deeper than could be written."""
    try:
        document = orjson.loads(payload)
        if len(payload) > _SURELY_WRITTEN and payload.count(b"[") + payload.count(b"{") > _SURELY_WRITTEN:
            orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return document if document.__class__ in (dict, list) else None


def without(value: Any, names: frozenset[str]) -> Any:
    """A copy of a document in which the members of these names say only of which kind they are."""
    if isinstance(value, dict):
        return {name: KINDS[type(inner)] if name in names else without(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [without(inner, names) for inner in value]
    return value


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
