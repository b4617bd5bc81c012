"""What a recording does not hold is said in one way."""

from __future__ import annotations

from wsreplay.model import Gap
from wsreplay.trace.gaps import gap_text


def test_a_gap_in_words() -> None:
    assert gap_text(Gap(1, 1, 7, "payload cut", 36)) == "36 bytes from the server not recorded: payload cut"
    assert gap_text(Gap(1, 0, 7, "\x1b[2Jlost", 1)) == "1 byte from the client not recorded: ␛[2Jlost"
    assert gap_text(Gap(1, 0, 0, "cannot be read", 0)) == "a gap in what the client sent: cannot be read"
