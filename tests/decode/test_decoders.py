"""What holds for every decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decode.conftest import EXAMPLES
from wsreplay.decode import CannotEncode, Linker, RawMessage, decoder_names, get_decoder

messages = st.builds(RawMessage, st.integers(0, 1), st.integers(1, 2), st.binary(max_size=200))
known = [message for examples in EXAMPLES.values() for message in examples]


@st.composite
def damaged(draw: st.DrawFn) -> RawMessage:
    """A message of some protocol with a few bytes changed, dropped or doubled."""
    direction, opcode, payload = draw(st.sampled_from(known))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(payload)))
        payload = payload[:at] + draw(st.binary(max_size=3)) + payload[at + draw(st.integers(0, 3)) :]
    return RawMessage(draw(st.sampled_from((direction, 1 - direction))), draw(st.sampled_from((opcode, 3 - opcode))), payload)


def test_every_decoder_has_examples() -> None:
    assert sorted(EXAMPLES) == decoder_names()


@pytest.mark.parametrize("name", decoder_names())
def test_its_own_messages_have_parts(name: str) -> None:
    decoder = get_decoder(name)
    assert decoder.name == name
    assert all(decoder.parse(*message) for message in EXAMPLES[name])


@pytest.mark.parametrize("name", decoder_names())
def test_what_is_encoded_with_the_same_documents_says_the_same(name: str) -> None:
    decoder = get_decoder(name)
    for message in EXAMPLES[name]:
        parts = decoder.parse(*message)
        try:
            payload = decoder.encode(*message, [part.document for part in parts])
        except CannotEncode:
            assert all(part.document is None for part in parts)  # a sign alone, such as SockJS's heartbeat
            continue
        assert decoder.parse(message.direction, message.opcode, payload) == parts


@pytest.mark.parametrize("name", decoder_names())
@given(message=messages | damaged())
def test_any_bytes_give_parts_or_none(name: str, message: RawMessage) -> None:
    decoder = get_decoder(name)
    parts = decoder.parse(*message)
    assert len(Linker(decoder).feed(1, *message)) <= len(parts) + 1
    try:
        payload = decoder.encode(*message, [part.document for part in parts])
    except CannotEncode:
        return
    again = decoder.parse(message.direction, message.opcode, payload)
    assert [part.type for part in again] == [part.type for part in parts]


@pytest.mark.parametrize("name", decoder_names())
def test_too_few_documents_are_refused(name: str) -> None:
    decoder = get_decoder(name)
    for message in EXAMPLES[name]:
        with pytest.raises(CannotEncode):
            decoder.encode(*message, [])
