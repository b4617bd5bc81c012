from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.wire.deflate import Extensions, Inflate

LIMIT = 2**20
UNKNOWN = "unknown extension x-other: frames are recorded as they were sent"
# "Hello" as in RFC 7692, section 7.2.3.
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
HELLO_AGAIN = b"\xf2\x00\x11\x00\x00"
FINAL_HELLO = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"


def inflate(inflater: Inflate, *fragments: bytes, limit: int = LIMIT) -> bytes:
    """A message in fragments, none of it cut."""
    inflater.begin_message()
    out = b""
    for fragment in fragments:
        piece, dropped = inflater.feed(fragment, limit)
        assert not dropped
        out += piece
    piece, dropped = inflater.end_message(limit)
    assert not dropped
    assert inflater.broken is None
    return out + piece


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Extensions()),
        ("", Extensions()),
        ("permessage-deflate", Extensions(deflate=True)),
        ("Permessage-Deflate", Extensions(deflate=True)),
        ("permessage-deflate; server_no_context_takeover", Extensions(deflate=True, context_takeover=(True, False))),
        ("permessage-deflate;client_no_context_takeover", Extensions(deflate=True, context_takeover=(False, True))),
        (
            'permessage-deflate; client_max_window_bits="9" ; server_max_window_bits=8',
            Extensions(deflate=True),
        ),
        ("x-other; a=1, permessage-deflate", Extensions(deflate=True, other=("x-other",), note=UNKNOWN)),
        ('x-other; a="b, permessage-deflate"', Extensions(other=("x-other",), note=UNKNOWN)),
        (
            "permessage-deflate; client_max_window_bits=16; server_no_context_takeover=1; foo",
            Extensions(
                deflate=True,
                note="permessage-deflate parameter client_max_window_bits=16 is not RFC 7692's; "
                "permessage-deflate parameter server_no_context_takeover=1 is not RFC 7692's; "
                "permessage-deflate parameter foo is not RFC 7692's",
            ),
        ),
        ("permessage-deflate, permessage-deflate", Extensions(deflate=True, note="permessage-deflate twice")),
    ],
)
def test_the_header_is_read(header: str | None, expected: Extensions):
    assert Extensions.parse(header) == expected


@given(st.text(alphabet='ab;,=" \\permessage-deflate_15'))
def test_any_header_is_read_without_raising(header: str):
    Extensions.parse(header)


def test_each_direction_has_its_own_inflater():
    header = "permessage-deflate; server_no_context_takeover"
    client, server = Inflate.from_extensions(header, 0), Inflate.from_extensions(header, 1)
    assert client and client.context_takeover
    assert server and not server.context_takeover


def test_without_permessage_deflate_there_is_no_inflater():
    assert Inflate.from_extensions(None, 0) is None
    assert Inflate.from_extensions("x-other", 0) is None


def test_messages_share_a_window():
    inflater = Inflate()
    assert [inflate(inflater, HELLO), inflate(inflater, HELLO_AGAIN)] == [b"Hello", b"Hello"]


def test_a_window_primes_an_inflater():
    assert inflate(Inflate(window=b"Hello"), HELLO_AGAIN) == b"Hello"


def test_without_context_takeover_no_window_is_shared():
    inflater = Inflate(context_takeover=False, window=b"Hello")
    assert inflate(inflater, HELLO) == b"Hello"
    inflater.begin_message()
    inflater.feed(HELLO_AGAIN, LIMIT)
    inflater.end_message(LIMIT)
    assert inflater.broken is not None and "distance too far back" in inflater.broken
    assert inflate(inflater, HELLO) == b"Hello"


def test_with_context_takeover_what_is_broken_stays_broken():
    inflater = Inflate()
    assert inflater.message(b"\xff\xff\xff", LIMIT) == (b"", 0)
    assert inflater.broken is not None
    assert inflater.message(HELLO, LIMIT) == (b"", 0)


@pytest.mark.parametrize("cut", range(1, len(FINAL_HELLO)))
def test_after_a_final_block_in_any_fragment_the_window_goes_on(cut: int):
    inflater = Inflate()
    assert inflate(inflater, FINAL_HELLO[:cut], FINAL_HELLO[cut:]) == b"Hello"
    assert inflate(inflater, HELLO_AGAIN) == b"Hello"
    assert inflater.message(HELLO_AGAIN, LIMIT) == (b"Hello", 0)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_may_end_with_its_final_block(at_once: bool):
    """Senders that flush with Z_FINISH leave out the empty block that RFC 7692, section 7.2.3.4 asks for."""
    inflater = Inflate()
    for message in (FINAL_HELLO[:-1], HELLO_AGAIN):
        if at_once:
            assert inflater.message(message, LIMIT) == (b"Hello", 0)
        else:
            assert inflate(inflater, message) == b"Hello"


def test_several_final_blocks_in_a_message():
    inflater = Inflate()
    assert inflate(inflater, FINAL_HELLO[:-1] * 3 + HELLO) == b"Hello" * 4
    assert inflater.message(FINAL_HELLO[:-1] * 3 + HELLO, LIMIT) == (b"Hello" * 4, 0)


def test_endless_final_blocks_are_given_up():
    inflater = Inflate()
    assert inflater.message(b"\x03\x00" * 100 + HELLO, LIMIT) == (b"Hello", 0)
    assert inflater.broken is None
    inflater.message(b"\x03\x00" * 101 + HELLO, LIMIT)
    assert inflater.broken == "more than 100 final blocks in one message"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_without_a_byte_is_empty(at_once: bool):
    inflater = Inflate()
    assert (inflater.message(b"", LIMIT) if at_once else (inflate(inflater, b""), 0)) == (b"", 0)
    assert inflate(inflater, HELLO) == b"Hello"


words = st.sampled_from([b"agent ", b"tool", b"x" * 5000, bytes(range(256)) * 9])


@given(
    messages=st.lists(st.lists(words, max_size=30), max_size=6),
    takeover=st.booleans(),
    bits=st.integers(9, 15),
    finish=st.booleans(),
    limit=st.sampled_from([0, 1, 6, 5000, 70_000, 2**20]),
    at_once=st.booleans(),
)
def test_any_message_is_inflated_and_cut_at_the_limit(
    messages: list[list[bytes]], takeover: bool, bits: int, finish: bool, limit: int, at_once: bool
):
    inflater = Inflate(context_takeover=takeover)
    z = zlib.compressobj(wbits=-bits)
    sent = b""
    for pieces in messages:
        if finish or not takeover:
            z = zlib.compressobj(wbits=-bits)
        message = b"".join(pieces)
        compressed = z.compress(message)
        compressed = compressed + z.flush(zlib.Z_FINISH) if finish else (compressed + z.flush(zlib.Z_SYNC_FLUSH))[:-4]
        if at_once:
            assert inflater.message(compressed, limit) == (message[:limit], max(0, len(message) - limit))
        else:
            inflater.begin_message()
            kept, dropped = b"", 0
            for at in range(0, len(compressed), 100):
                piece, more = inflater.feed(compressed[at : at + 100], limit - len(kept))
                kept, dropped = kept + piece, dropped + more
            piece, more = inflater.end_message(limit - len(kept))
            assert (kept + piece, dropped + more) == (message[:limit], max(0, len(message) - limit))
        assert inflater.broken is None
        sent += message
        assert not takeover or inflater.window == sent[-32768:]


def test_the_window_is_the_last_32_kib():
    inflater = Inflate()
    z = zlib.compressobj(wbits=-15)
    sent = b""
    for at in range(50):
        message = b"message %d " % at * (at * 20)
        inflate(inflater, (z.compress(message) + z.flush(zlib.Z_SYNC_FLUSH))[:-4])
        sent += message
        assert inflater.window == sent[-32768:]
