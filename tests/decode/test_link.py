from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.decode.conftest import EXAMPLES, client, link, server
from wsreplay.decode import Linker, RawMessage, get_decoder
from wsreplay.decode import link as module

examples = st.lists(st.sampled_from([message for name in EXAMPLES for message in EXAMPLES[name]]), max_size=30)


@given(name=st.sampled_from(sorted(EXAMPLES)), messages=examples)
def test_numbers_rise_and_no_frame_is_in_two_places(name: str, messages: list[RawMessage]) -> None:
    linker = Linker(get_decoder(name))
    events = [event for frame, message in enumerate(messages, 1) for event in linker.feed(frame, *message)]
    numbers = [event.number for event in events]
    assert numbers == sorted(set(numbers))
    assert all(event.request is None or event.request < event.number for event in events)


def test_the_oldest_open_request_is_given_up() -> None:
    linker = Linker(get_decoder("json-rpc"))
    for number in range(module.MOST_OPEN + 1):
        linker.feed(number + 1, *client(f'{{"jsonrpc":"2.0","id":{number},"method":"m"}}'))
    (forgotten,) = linker.feed(20_000, *server('{"jsonrpc":"2.0","id":0,"result":0}'))
    (kept,) = linker.feed(20_001, *server('{"jsonrpc":"2.0","id":1,"result":0}'))
    assert (forgotten.type, kept.type) == (None, "m:result")


def test_attachments_beyond_the_limit_are_not_kept() -> None:
    big = b"x" * (module.MOST_ATTACHED // 2 + 1)
    (event,) = link("socket.io", server('452-["file",{}]'), server(big), server(big))
    assert [len(attachment) for attachment in event.attachments] == [len(big), 0]


def test_asking_and_answering_without_events_names_the_same() -> None:
    linker = Linker(get_decoder("json-rpc"))
    linker.ask(0, "1", "a")
    linker.ask(1, "1", "b")
    assert linker.answer(1, "9", is_error=False) is None
    assert linker.answer(1, "1", is_error=False) == "a:result"
    assert linker.answer(1, "1", is_error=False) is None
    assert linker.answer(0, "1", is_error=True) == "b:error"


def test_what_was_asked_without_an_event_is_answered_by_one() -> None:
    linker = Linker(get_decoder("json-rpc"))
    linker.ask(0, "1", "a")
    (event,) = linker.feed(2, 1, 1, b'{"id":1,"result":1}')
    assert (event.type, event.request) == ("a:result", None)
