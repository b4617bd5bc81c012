"""What the messages of a played connection say, by its decoder: their events, and the ids in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from wsreplay.contract.identities import Fields, FoundId, IdFinder
from wsreplay.decode import BINARY, PLAIN, TEXT, Decoder, Linker, Part, Role, values
from wsreplay.replay.splice import Change, splice
from wsreplay.trace import jsonpath as paths
from wsreplay.trace.events import event_type

ENVELOPE: paths.Path = ("\0id",)
"""The place of a request's id that stands beside the document, as in Socket.IO."""

# Whose request an id is of: peers count theirs apart.
_ASKED_BY = ("request", "request of the server")


class Content(NamedTuple):
    """The documents of a message's events, and the ids in all of them.

    A path leads from the document of the only event; of several from their list.
    """

    documents: tuple[Any, ...]
    ids: list[FoundId]

    @property
    def root(self) -> Any:
        """What paths lead from."""
        return self.documents[0] if len(self.documents) == 1 else list(self.documents)

    def at_every_event(self, path: paths.Path) -> Iterator[paths.Path]:
        """A path within each event's document, from the root."""
        yield from [path] if len(self.documents) == 1 else [(index, *path) for index in range(len(self.documents))]


NOTHING = Content((), [])


class ContentReader:
    """Reads the messages of a connection, recorded or live, each by itself."""

    def __init__(self, decoder: Decoder, fields: Fields, *, hints: bool = True) -> None:
        """`hints`: a message of plain JSON has its type at the top."""
        self._decoder, self._fields = decoder, fields
        self._is_plain = decoder.name == PLAIN and hints
        self._requests = IdFinder([("", path) for path in getattr(decoder, "ids", ())])

    def read(self, direction: int, opcode: int, payload: bytes) -> Content:
        """What a message says; nothing where it is not of the decoder's protocol."""
        if opcode not in (TEXT, BINARY):
            return NOTHING
        if self._is_plain and opcode == TEXT:
            document = _json(payload)
            if document.__class__ is dict:
                return Content((document,), self._fields.of(document))
        return self._content(direction, self._decoder.parse(direction, opcode, payload))

    def _content(self, direction: int, parts: Sequence[Part]) -> Content:
        documents = tuple(part.document for part in parts)
        if len(parts) == 1:
            return Content(documents, list(self._ids(direction, parts[0])))
        ids = [
            (domain, (index, *path), value)
            for index, part in enumerate(parts)
            for domain, path, value in self._ids(direction, part)
        ]
        return Content(documents, ids)

    def _ids(self, direction: int, part: Part) -> Iterator[FoundId]:
        requests = [(_asker(direction, part.role), path, value) for _, path, value in self._requests(part.document)]
        if part.id is not None and hasattr(self._decoder, "with_id"):
            requests.append((_asker(direction, part.role), ENVELOPE, part.id))
        taken = {path for _, path, _ in requests}
        yield from requests
        yield from (id_ for id_ in self._fields.of(part.document) if id_[1] not in taken)

    def write(self, direction: int, opcode: int, payload: bytes, content: Content, changes: Sequence[Change]) -> bytes:
        """The message with other values at some places. Raises CannotEncode."""
        inner = [change for change in changes if change[0][-1:] != ENVELOPE]
        for _, _, id in (change for change in changes if change[0][-1:] == ENVELOPE):
            payload = self._decoder.with_id(payload, str(id))  # type: ignore[attr-defined]
        if not inner:
            return payload
        if len(content.documents) == 1 and opcode == TEXT and _json(payload) == content.documents[0]:
            return splice(payload, inner)
        root = content.root
        for path, _, new in inner:
            paths.replace(root, path, new)
        return self._decoder.encode(direction, opcode, payload, [root] if len(content.documents) == 1 else root)


def _asker(direction: int, role: Role) -> str:
    if role in (Role.RESULT, Role.ERROR):
        return _ASKED_BY[1 - direction]
    return _ASKED_BY[direction if role is Role.REQUEST else 0]


class Namer:
    """Names the messages of one connection, each given once and in order: an answer is named after its request."""

    def __init__(self, decoder: Decoder, *, hints: bool = True) -> None:
        self._is_plain = decoder.name == PLAIN and hints
        # Whether answers may be named after messages that need no name themselves; in plain JSON none are.
        self.is_decoding = not self._is_plain
        self._linker = Linker(decoder)
        self._count = 0

    def name(self, direction: int, opcode: int, payload: bytes) -> str | None:
        """The types of a message's events in one text; None where it holds none."""
        return " + ".join(self.names(direction, opcode, payload)) or None

    def names(self, direction: int, opcode: int, payload: bytes) -> Sequence[str]:
        """The types of a message's events."""
        if opcode not in (TEXT, BINARY):
            return ()
        if self._is_plain and opcode == TEXT and (kind := event_type(payload)) is not None:
            return (kind,)
        self._count += 1
        # What belongs to a message and follows it is a message of its own here.
        parts = [part._replace(attachments=0) for part in self._linker.decoder.parse(direction, opcode, payload)]
        return [event.name for event in self._linker.link(self._count, direction, parts) if event.name]


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        read = values.read(payload)
        return read.value if read is not None else None
