"""What is kept of frames where payloads are redacted: as if their messages came whole."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import FIN, Frame, Opcode
from wsreplay.trace.frame_redaction import FrameRedactor
from wsreplay.trace.redaction import Redactor

REDACTOR = Redactor(b"key of the tests", ["$.password"])
MESSAGE = orjson.dumps({"password": "SECRET", "text": "hello"})


def frame(payload: bytes, opcode: int = Opcode.TEXT, fin: bool = True, connection: int = 1, direction: int = 0) -> Frame:
    return Frame(1, connection, 1, 0, direction, opcode, FIN if fin else 0, len(payload), 0, None, payload)


def whole(payload: bytes = MESSAGE) -> bytes:
    shown, withheld = FrameRedactor(REDACTOR).payload(frame(payload))
    assert withheld == 0
    return shown


@given(at=st.lists(st.integers(0, len(MESSAGE)), max_size=4), others=st.booleans())
def test_the_text_of_a_message_in_fragments_moves_into_its_last_frame(at: list[int], others: bool) -> None:
    redactor, marks = FrameRedactor(REDACTOR), [0, *sorted(at), len(MESSAGE)]
    pieces = [MESSAGE[start:stop] for start, stop in pairwise(marks)]
    kept = []
    for number, piece in enumerate(pieces, 1):
        opcode = Opcode.TEXT if number == 1 else Opcode.CONTINUATION
        kept.append(redactor.payload(frame(piece, opcode, number == len(pieces))))
        if others:  # another direction, another connection, a ping in between
            assert redactor.payload(frame(MESSAGE, direction=1)) == (whole(), 0)
            assert redactor.payload(frame(MESSAGE, connection=2)) == (whole(), 0)
            assert redactor.payload(frame(b"SECRET", Opcode.PING)) == (b"SECRET", 0)
    assert kept == [(b"", 0)] * (len(pieces) - 1) + [(whole(), 0)]
    assert b"SECRET" not in whole() and b"hello" in whole()


def test_a_message_that_is_begun_anew_is_another_one() -> None:
    redactor = FrameRedactor(REDACTOR)
    assert redactor.payload(frame(b'{"password":', fin=False)) == (b"", 0)
    assert redactor.payload(frame(MESSAGE)) == (whole(), 0)
    assert redactor.payload(frame(MESSAGE)) == (whole(), 0)


@pytest.mark.parametrize(("opcode", "payload"), [(Opcode.TEXT, b"no JSON at all"), (Opcode.BINARY, MESSAGE[:-1])])
def test_what_cannot_be_read_is_withheld_with_all_its_bytes(opcode: int, payload: bytes) -> None:
    redactor = FrameRedactor(REDACTOR)
    assert redactor.payload(frame(payload, opcode)) == (b"", len(payload))
    redactor.payload(frame(payload, opcode, fin=False))
    assert redactor.payload(frame(payload, Opcode.CONTINUATION)) == (b"", 2 * len(payload))


def test_without_a_path_to_hide_frames_stay_as_they_are() -> None:
    redactor = FrameRedactor(Redactor(b"k"))
    assert redactor.payload(frame(MESSAGE, fin=False)) == (MESSAGE, 0)
