"""Frames become messages, whatever comes between them."""

from __future__ import annotations

from wsreplay.decode import RawMessage
from wsreplay.model import FIN, Frame
from wsreplay.trace.joining import Joiner


def frame(id: int, opcode: int, payload: bytes = b"", *, fin: bool = True, direction: int = 1) -> Frame:
    return Frame(id, 1, id, id, direction, opcode, FIN if fin else 0, len(payload), 0, None, payload)


def test_the_frames_of_a_message_are_put_together() -> None:
    joiner = Joiner()
    assert joiner.join(frame(1, 1, b"a", fin=False)) is None
    assert joiner.join(frame(2, 9)) is None
    assert joiner.join(frame(3, 1, b"x", direction=0)) == (RawMessage(0, 1, b"x"), 3)
    assert joiner.join(frame(4, 0, b"b", fin=False)) is None
    assert joiner.join(frame(5, 0, b"c")) == (RawMessage(1, 1, b"abc"), 1)


def test_a_continuation_of_nothing_is_nothing() -> None:
    joiner = Joiner()
    assert joiner.join(frame(1, 0, b"a")) is None
    assert joiner.join(frame(2, 1, b"a", fin=False)) is None
    assert joiner.join(frame(3, 2, b"b")) == (RawMessage(1, 2, b"b"), 3)
    assert joiner.join(frame(4, 0, b"c")) is None
