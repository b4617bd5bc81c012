"""What decoders speak: the parts of a message, and what a decoder must be able to do.

    message   as in RFC 6455, whole; what a decoder is given
    part      one thing that a message says: an event, a request, an answer, or the protocol's own housekeeping
    `$`       a part's document: what JSON paths of filters and contracts look into; each decoder says what it is
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

TEXT, BINARY = 0x1, 0x2  # the opcodes a decoder is given (RFC 6455, section 5.2)


class RawMessage(NamedTuple):
    """A whole TEXT or BINARY message. `direction`: 0 the client's, 1 the server's."""

    direction: int
    opcode: int
    payload: bytes


class Role(StrEnum):
    """What a part is in its protocol."""

    EVENT = "event"  # said once, wants no answer
    REQUEST = "request"  # wants an answer that names its id
    RESULT = "result"  # the answer to a request
    ERROR = "error"  # the answer to a request that failed
    CONTROL = "control"  # housekeeping: heartbeats, handshakes of the protocol


class Part(NamedTuple):
    """One thing that a message says.

    `type` is the event's name, None where the message alone does not tell it (an answer is named after its request by
    `Linker`). `id` is what a request and its answer share. `attachments` is how many binary messages of the same sender
    belong to it and follow. `warning` says what a strict reader would refuse.
    """

    type: str | None
    document: Any = None
    role: Role = Role.EVENT
    id: str | None = None
    attachments: int = 0
    warning: str | None = None

    @property
    def name(self) -> str:
        """The type, or what can be said without the request: `result #7`."""
        return self.type if self.type is not None else f"{self.role} #{self.id}"


class Answers(NamedTuple):
    """The members of a message that tell a request from an answer: one with a type and `id` asks, one with `id` and either
    `result` or `error` answers. Ids are whole numbers or texts; those of each `scope` are its own."""

    id: str
    result: str
    error: str
    scope: str


class Shortcut(NamedTuple):
    """How a reader that wants few values of a message can do without `parse`, for messages that are one plain event each.

    The event's document is JSON in the message: the payload itself, or what `body` cuts out of it, with the event's type where
    that stands outside; None where the message is not so simple. The type stands at the members `type`, one inside the other. A
    message that has one of the members `without`, or lacks one of the texts `needed`, is not so simple, nor is one whose
    `opened` members are asked for. With `answers` requests and answers are as simple; no message has attachments then.
    """

    type: tuple[str, ...]
    without: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    body: Callable[[bytes], tuple[str | None, bytes] | None] | None = None
    answers: Answers | None = None


class Heartbeat(NamedTuple):
    """A message that a peer sends as it likes, or has to answer such a one with; `answer` is what its receiver says to it."""

    answer: bytes | None = None
    is_answer: bool = False


class CannotEncode(ValueError):
    """These documents cannot be put into this message."""


class Decoder(Protocol):
    """Reads one protocol's messages. Stateless: a message means the same wherever reading begins.

    It may have a `shortcut`, which says of the simplest messages what `parse` says; `ids`, paths in the document to what a
    request and its answer share; `with_id(payload, id)`, where that stands beside the document; and
    `heartbeat(direction, payload)`, a `Heartbeat` or None.
    """

    name: str
    answer: str  # how the type of an answer is made: `{request}:{role}`; "" where answers have types of their own

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        """What a TEXT or BINARY message says; no part where it is not of this protocol. Raises nothing.

        `direction` is 0 for what the client sent, 1 for what the server sent.
        """
        ...

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        """The message with other documents in the place of its parts', in their order. Raises CannotEncode."""
        ...


def heartbeat_of(decoder: Decoder, direction: int, opcode: int, payload: bytes) -> Heartbeat | None:
    """What a message is that peers send as they like, as WebSocket's pings; None for any other."""
    find = getattr(decoder, "heartbeat", None)
    heartbeat: Heartbeat | None = find(direction, payload) if find is not None and opcode in (TEXT, BINARY) else None
    return heartbeat
