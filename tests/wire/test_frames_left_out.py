"""Bytes that the decoder never sees, and those whose payloads it may not keep: what it finds behind them is right."""

from __future__ import annotations

import random

import pytest
from frame_examples import CLIENT, DEFLATED_HELLO, assert_clean, assert_contiguous, decode
from rawpeers import frame as masked_frame

from wsreplay.wire.assembly import make_frame
from wsreplay.wire.deflate import Inflate
from wsreplay.wire.frames import StreamDecoder


@pytest.mark.parametrize("lost", [1, 3, 500, 700])
def test_behind_what_nobody_needs_of_a_frame_it_goes_on(lost: int):
    """As if the bytes had come: the payload is kept up to its limit, and the next frame is whole."""
    wire, following = masked_frame(2, bytes(1_000)), masked_frame(1, b"next")
    whole, _ = decode(wire + following, direction=CLIENT, max_payload=200)
    decoder = StreamDecoder(direction=CLIENT, max_payload=200)
    assert decoder.enough is None
    frames = decoder.feed(wire[:300], 7)
    assert decoder.enough == 14 + 200
    decoder.skip(lost)
    frames += decoder.feed(wire[300 + lost :] + following, 7)
    assert frames == whole
    assert [(found.payload, found.missing) for found in frames] == [(bytes(200), 800), (b"next", 0)]
    assert decoder.received == decoder.frontier == len(wire + following)
    assert decoder.enough is None


def test_a_control_frame_that_is_skipped_leaves_the_message_around_it_whole(frame):
    decoder = StreamDecoder(max_payload=100)
    frames = decoder.feed(frame(1, b"be", fin=False) + frame(9, bytes(300))[:200], 7)
    decoder.skip(50)
    frames += decoder.feed(frame(9, bytes(300))[250:] + frame(0, b"gun"), 7)
    assert [(found.opcode, found.missing) for found in frames] == [(1, 0), (9, 175), (0, 0)]
    assert frames[-1].message == b"begun"


@pytest.mark.parametrize(("takeover", "undecodable"), [(True, "not all of a message over the limit was kept"), (False, None)])
def test_what_is_skipped_of_a_compressed_message_was_needed_by_the_next(
    frame, deflater, takeover: bool, undecodable: str | None
):
    decoder = StreamDecoder(deflate=Inflate(context_takeover=takeover), max_payload=100)
    large = frame(2, deflater().message(random.Random(1).randbytes(1_000)), rsv=4)
    decoder.feed(large[:200], 7)
    decoder.skip(600)
    assert decoder.undecodable == undecodable
    frames = decoder.feed(large[800:] + DEFLATED_HELLO, 7)
    assert [found.missing > 0 for found in frames] == [True, takeover]
    assert frames[-1].message == (None if takeover else b"Hello")


def test_what_is_withheld_is_missing_with_the_rest_of_its_message(frame):
    decoder = StreamDecoder()
    shown = decoder.feed_values(frame(1, b"seen"), 1)
    hidden = decoder.feed_withheld(frame(1, b"secret") + frame(1, b"an", fin=False), 2, "nobody may look")
    after = decoder.feed_values(frame(0, b"d", fin=False) + frame(0, b"so") + frame(1, b"on"), 3)
    frames = [make_frame(values) for values in (*shown, *hidden, *after)]
    assert [(found.t_ns, found.payload, found.missing, found.message) for found in frames] == [
        (1, b"seen", 0, b"seen"), (2, b"", 6, None), (2, b"", 2, None), (3, b"", 1, None), (3, b"", 2, None),
        (3, b"on", 0, b"on"),
    ]  # fmt: skip
    assert_contiguous(frames, 0)
    assert_clean(decoder)


def test_what_was_begun_before_is_not_withheld_but_what_ends_it(frame):
    decoder = StreamDecoder()
    decoder.feed_values(frame(1, b"a", fin=False), 1)
    frames = [make_frame(values) for values in decoder.feed_withheld(frame(0, b"b"), 2, "nobody may look")]
    assert [(found.payload, found.missing, found.message) for found in frames] == [(b"a", 0, None), (b"", 1, None)]


@pytest.mark.parametrize(("takeover", "undecodable"), [(True, "nobody may look"), (False, None)])
def test_an_inflater_that_may_not_look_does_not_know_what_comes_next(frame, takeover: bool, undecodable: str | None):
    decoder = StreamDecoder(deflate=Inflate(context_takeover=takeover))
    (hidden,) = decoder.feed_withheld(DEFLATED_HELLO, 1, "nobody may look")
    assert make_frame(hidden).missing == 7
    assert decoder.undecodable == undecodable
    (found,) = decoder.feed(DEFLATED_HELLO, 2)
    assert found.message == (None if takeover else b"Hello")
