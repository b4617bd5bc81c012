from __future__ import annotations

import pytest
from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame
from websockets.streams import StreamReader

from wsreplay.wire.conformance import close_error, head_error


def refused_by_websockets(head: int, has_mask: bool, expect_mask: bool) -> bool:
    reader = StreamReader()
    reader.feed_data(bytes([head, 0x80 if has_mask else 0, 0, 0, 0, 0]))
    try:
        next(Frame.parse(reader.read_exact, mask=expect_mask))
    except StopIteration:
        return False
    except ProtocolError:
        return True
    raise AssertionError("the frame was not complete")


@pytest.mark.parametrize("has_mask", [True, False])
@pytest.mark.parametrize("expect_mask", [True, False])
def test_every_head_is_judged_as_websockets_judges_it(has_mask: bool, expect_mask: bool):
    for head in range(256):
        error = head_error(head, has_mask, 0, expect_mask=expect_mask, deflate=False, extended=False)
        assert (error is not None) is refused_by_websockets(head, has_mask, expect_mask), head


@pytest.mark.parametrize("head", range(256))
def test_with_deflate_only_the_first_frame_of_a_message_may_have_rsv1(head: int):
    plain = head_error(head & ~0x40, False, 0, expect_mask=None, deflate=True, extended=False)
    error = head_error(head | 0x40, False, 0, expect_mask=None, deflate=True, extended=False)
    assert (error is None) is (plain is None and head & 0x0F in (1, 2))


def test_close_codes_are_judged_as_websockets_judges_them():
    for code in range(65536):
        try:
            Close.parse(code.to_bytes(2, "big")).check()
        except ProtocolError:
            assert close_error(code.to_bytes(2, "big")) == (f"the close code {code} must not be sent", "7.4")
        else:
            assert close_error(code.to_bytes(2, "big")) is None
