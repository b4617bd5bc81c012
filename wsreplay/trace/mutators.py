"""Faults put into a stored trace: pure functions over its messages.

Each takes messages in order and gives new ones in order; what it does not touch stays the very same value. Times never go
back. A message that is new, or no longer as it was recorded, has the id 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from wsreplay.model import Message
from wsreplay.trace.events import event_type

Messages = Sequence[Message]


def drop(messages: Messages, at: int) -> list[Message]:
    """Without the message at this index."""
    return [*messages[:at], *messages[at + 1 :]]


def duplicate(messages: Messages, at: int) -> list[Message]:
    """The message comes twice, the second time right behind the first."""
    return [*messages[: at + 1], messages[at]._replace(id=0), *messages[at + 1 :]]


def delay(messages: Messages, at: int, by_ns: int) -> list[Message]:
    """The message comes later; what is due before it overtakes it."""
    late = messages[at]._replace(id=0, t_ns=messages[at].t_ns + by_ns)
    rest = drop(messages, at)
    place = at
    while place < len(rest) and rest[place].t_ns <= late.t_ns:
        place += 1
    return [*rest[:place], late, *rest[place:]]


def swap(messages: Messages, first: int, second: int) -> list[Message]:
    """Two messages change places; the times stay where they are."""
    out = list(messages)
    message, other = messages[first], messages[second]
    out[first] = other._replace(id=0, t_ns=message.t_ns, seq=message.seq)
    out[second] = message._replace(id=0, t_ns=other.t_ns, seq=other.seq)
    return out


def next_like(messages: Messages, at: int) -> int | None:
    """The next message of the same connection and direction, with which a message can be swapped."""
    message = messages[at]
    for index in range(at + 1, len(messages)):
        other = messages[index]
        if (other.connection_id, other.direction) == (message.connection_id, message.direction) and other.opcode < 8:
            return index
    return None


def corrupt(messages: Messages, at: int, random: Random) -> list[Message]:
    """One byte of the payload is another one: a control character, which no JSON text may hold."""
    payload = bytearray(messages[at].payload)
    if not payload:
        return list(messages)
    payload[random.randrange(len(payload))] = 0x01
    return with_payload(messages, at, bytes(payload))


def truncate(messages: Messages, at: int, keep: int) -> list[Message]:
    """Only the first bytes of the payload come."""
    return with_payload(messages, at, messages[at].payload[:keep])


def end_after(messages: Messages, at: int) -> list[Message]:
    """The connection of the message says nothing more after it."""
    connection = messages[at].connection_id
    return [*messages[: at + 1], *(message for message in messages[at + 1 :] if message.connection_id != connection)]


def with_payload(messages: Messages, at: int, payload: bytes) -> list[Message]:
    """The message says something else; its type is that of the new payload."""
    message = messages[at]
    kind = event_type(payload) if message.opcode == 1 else None
    return [*messages[:at], message._replace(id=0, payload=payload, type=kind), *messages[at + 1 :]]
