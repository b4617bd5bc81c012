from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.recorder.tail import TailCodec


@given(st.binary(), st.integers(1, 2**31), st.integers(0, 1), st.integers(0, 2**60))
def test_sealing_twice_opens(data: bytes, connection: int, direction: int, offset: int) -> None:
    codec = TailCodec(b"k" * 32)
    assert codec(codec(data, connection, direction, offset), connection, direction, offset) == data


def test_without_a_key_a_tail_is_left_as_it_is() -> None:
    assert TailCodec(None)(b"plain", 1, 0, 0) == b"plain"


def test_each_place_and_each_key_has_a_stream_of_its_own() -> None:
    places = [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    sealed = {TailCodec(key)(bytes(32), *place) for key in (b"a" * 32, b"b" * 32) for place in places}
    assert len(sealed) == 8
    assert bytes(32) not in sealed
