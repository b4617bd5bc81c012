"""Frames become messages, whatever comes between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import FIN, Frame, Message
from wsreplay.store.fragments import FragmentJoiner


def frame(id: int, opcode: int, payload: bytes = b"", *, fin: bool = True, direction: int = 1) -> Frame:
    return Frame(id, 1, id, id, direction, opcode, FIN if fin else 0, len(payload), 0, None, payload)


def content(message: Message | None) -> tuple[int, int, bytes, int] | None:
    """Who said a message, its opcode, its payload and its first frame."""
    return None if message is None else (message.direction, message.opcode, message.payload, message.first_id)


def test_the_frames_of_a_message_are_put_together() -> None:
    joiner = FragmentJoiner()
    assert joiner.add(frame(1, 1, b"a", fin=False)) is None
    assert joiner.add(frame(2, 9)) is None
    assert content(joiner.add(frame(3, 1, b"x", direction=0))) == (0, 1, b"x", 3)
    assert joiner.add(frame(4, 0, b"b", fin=False)) is None
    assert content(joiner.add(frame(5, 0, b"c"))) == (1, 1, b"abc", 1)


def test_a_continuation_of_nothing_is_nothing() -> None:
    joiner = FragmentJoiner()
    assert joiner.add(frame(1, 0, b"a")) is None
    assert joiner.add(frame(2, 1, b"a", fin=False)) is None
    assert content(joiner.add(frame(3, 2, b"b"))) == (1, 2, b"b", 3)
    assert joiner.add(frame(4, 0, b"c")) is None


def test_what_is_recorded_whole_is_read_whole_however_long() -> None:
    part, joiner = b"x" * (24 * 2**20), FragmentJoiner()
    frames = [frame(1, 1, part, fin=False), *(frame(id, 0, part, fin=id == 4) for id in (2, 3, 4))]
    message = [joiner.add(fragment) for fragment in frames][-1]
    assert message is not None
    assert len(message.payload) == 4 * len(part)


pieces = st.tuples(
    st.integers(1, 2), st.integers(0, 1), st.sampled_from((0, 0, 1, 2, 3, 8, 9, 11)), st.booleans(), st.binary(max_size=3)
)


@given(st.lists(pieces, max_size=30))
def test_fragments_join_to_messages(parts: list[tuple[int, int, int, bool, bytes]]) -> None:
    frames = [
        Frame(number, connection, number, number, direction, opcode, int(fin), 2, 0, None, payload)
        for number, (connection, direction, opcode, fin, payload) in enumerate(parts, 1)
    ]
    expected = []
    for connection in (1, 2):
        for direction in (0, 1):
            message: list[Frame] = []
            for fragment in frames:
                if (fragment.connection_id, fragment.direction) != (connection, direction):
                    continue
                if fragment.opcode > 2:
                    expected.append((fragment.id, fragment.id, fragment.opcode, fragment.payload))
                    continue
                message = [fragment] if fragment.opcode else [*message, fragment] if message else []
                if fragment.fin and message:
                    whole = b"".join(part.payload for part in message)
                    expected.append((fragment.id, message[0].id, message[0].opcode, whole))
                    message = []
    messages = list(FragmentJoiner().join(frames))
    assert [(joined.id, joined.first_id, joined.opcode, joined.payload) for joined in messages] == sorted(expected)
    by_one = FragmentJoiner()
    assert [joined for part in frames if (joined := by_one.add(part))] == [joined for joined in messages if joined.opcode <= 2]
