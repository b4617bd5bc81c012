"""What a fault does to the messages of a trace, and what it leaves as it is."""

from __future__ import annotations

from random import Random

import orjson
import pytest

from wsreplay.model import Message
from wsreplay.trace import mutators
from wsreplay.trace.events import event_type


def message(
    id: int, type: str | None, *, connection: int = 1, direction: int = 1, opcode: int = 1, **members: object
) -> Message:
    payload = b"" if type is None else orjson.dumps({"type": type, **members})
    return Message(id, connection, id, id * 10, direction, opcode, event_type(payload) if type else None, payload, id)


FIRST, SECOND, THIRD = message(1, "a", n=1), message(2, "b"), message(3, "c", more={"id": "x"})
TRACE = [FIRST, SECOND, THIRD]


def test_a_dropped_message_is_gone():
    assert [mutators.drop(TRACE, at) for at in range(3)] == [[SECOND, THIRD], [FIRST, THIRD], [FIRST, SECOND]]


def test_a_duplicate_comes_right_behind():
    assert mutators.duplicate(TRACE, 1) == [FIRST, SECOND, SECOND._replace(id=0), THIRD]


@pytest.mark.parametrize(
    ("by_ns", "order"), [(5, "abc"), (9, "abc"), (10, "bac"), (20, "bca"), (99, "bca")]
)
def test_what_is_due_overtakes_a_delayed_message(by_ns: int, order: str):
    delayed = mutators.delay(TRACE, 0, by_ns)
    assert [one.type for one in delayed] == list(order)
    assert FIRST._replace(id=0, t_ns=10 + by_ns) in delayed
    assert [one.t_ns for one in delayed] == sorted(one.t_ns for one in delayed)


def test_messages_that_change_places_leave_their_times():
    swapped = mutators.swap(TRACE, 0, 2)
    assert swapped == [THIRD._replace(id=0, t_ns=10, seq=FIRST.seq), SECOND, FIRST._replace(id=0, t_ns=30, seq=THIRD.seq)]


def test_the_next_like_a_message_is_of_its_connection_and_direction():
    trace = [
        message(1, "a"), message(2, "b", connection=2), message(3, "c", direction=0), message(4, "ping", opcode=9),
        message(5, "d"), message(6, "e", opcode=2),
    ]  # fmt: skip
    assert [mutators.next_like(trace, at) for at in range(6)] == [4, None, None, 4, 5, None]


def test_a_corrupt_message_differs_in_one_byte_that_no_json_holds():
    (corrupt, *rest) = mutators.corrupt(TRACE, 0, Random(3))
    assert rest == [SECOND, THIRD]
    (changed,) = [byte for byte, before in zip(corrupt.payload, FIRST.payload, strict=True) if byte != before]
    assert (changed, corrupt.id, corrupt.type) == (1, 0, None)
    empty = [message(1, None)]
    assert mutators.corrupt(empty, 0, Random(3)) == empty


def test_a_truncated_message_keeps_its_first_bytes():
    (cut, *_) = mutators.truncate(TRACE, 0, 9)
    assert (cut.payload, cut.type, cut.id) == (FIRST.payload[:9], None, 0)


def test_after_its_end_a_connection_says_nothing():
    other = message(4, "d", connection=2)
    assert mutators.end_after([FIRST, SECOND, other, THIRD], 1) == [FIRST, SECOND, other]
    assert mutators.end_after([other, FIRST, SECOND], 1) == [other, FIRST]


def test_the_type_of_a_binary_message_stays_unknown():
    binary = message(1, "a", opcode=2)._replace(type=None)
    assert mutators.with_payload([binary], 0, b'{"type": "b"}')[0].type is None
