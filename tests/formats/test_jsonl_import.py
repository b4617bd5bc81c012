from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hars import Imported

from wsreplay.errors import ImportFormatError
from wsreplay.formats import jsonl_import

Take = Callable[..., Imported]
HEADER, OPEN = b'{"wsreplay": 1}\n', b'{"connection": 1, "t": 0, "open": {"path": "/ws"}}\n'
FRAME = b'{"connection": 1, "t": 1, "dir": "s2c", "opcode": "text", "data": "x"}\n'


@pytest.mark.parametrize("rest", [b'{"connection": 1, "t": 2, "d', b'{"connection": 1, "t\0\0\0\0', bytes(600), b"\xc3", b"{"])
def test_a_last_line_that_is_not_whole_is_left_out_with_a_remark(rest: bytes, take: Take) -> None:
    whole = HEADER + OPEN + FRAME
    found = take(whole + rest)
    assert found.texts == [("s2c", "x")]
    assert found.remarks == [f"line 4: cut off at byte {len(whole + rest)}: the lines before it are complete"]


def test_a_line_in_the_middle_that_is_not_whole_is_named(take: Take) -> None:
    with pytest.raises(ImportFormatError, match="file:3: not JSON"):
        take(HEADER + OPEN + b'{"connection": 1, "t\n' + FRAME)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"connection": 2**31 + 1, "t": 0, "open": {}}, "connection must be a whole number from 1 to 2147483648, not 214"),
        ({"connection": 0, "t": 0, "open": {}}, "connection must be a whole number from 1 to 2147483648, not 0"),
        ({"connection": 2, "t": 0, "open": {"run": 2}}, "run 2 has not begun here"),
        ({"connection": 1, "t": 5e9, "dir": "s2c", "opcode": 1}, "t must be a number of seconds since the start, at most "),
        ({"connection": 1, "t": 0, "dir": "s2c", "opcode": 1, "offset": 2**62 + 1}, "offset must be a whole number from 0 to "),
        ({"connection": 1, "t": 0, "dir": "s2c", "opcode": 1, "wire_length": -1}, "wire_length must be a whole number from "),
        ({"connection": 1, "t": 0, "dir": "s2c", "opcode": [1]}, "opcode [1] is none of"),
        ({"connection": 1, "t": 0, "dir": "x" * 9999, "opcode": 1}, "dir must be c2s or s2c, not 'xxx"),
        ({"connection": 1, "dir": "s2c", "gap": {"bytes": -1}}, "bytes must be a whole number from 0 to "),
    ],
)  # fmt: skip
def test_values_that_no_recording_may_hold_are_refused_by_line(line: dict[str, object], says: str, take: Take) -> None:
    with pytest.raises(ImportFormatError) as raised:
        take(HEADER + OPEN + json.dumps(line).encode() + b"\n")
    assert str(raised.value).startswith(f"file:3: {says}")
    assert len(str(raised.value)) < 200


def test_a_connection_is_not_opened_again_after_its_close(take: Take) -> None:
    with pytest.raises(ImportFormatError, match="file:4: connection 1 is opened twice"):
        take(HEADER + OPEN + b'{"connection": 1, "t": 1, "close": {}}\n' + OPEN)


def test_a_gap_without_a_place_is_where_it_stands(take: Take) -> None:
    found = take(HEADER + OPEN + FRAME + b'{"connection": 1, "dir": "s2c", "gap": {}}')
    assert [gap.after_frame_id for gap in found.gaps] == [1]


def test_a_line_that_is_too_long_is_refused_by_its_number(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl_import, "LONGEST_LINE", 2**20)
    take(HEADER + OPEN + FRAME.replace(b'"x"', b'"' + b"x" * 2**19 + b'"'))
    with pytest.raises(ImportFormatError, match="file:3: the line is longer than 1 MiB, the most that import reads"):
        take(HEADER + OPEN + FRAME.replace(b'"x"', b'"' + b"x" * 2**21 + b'"'))
