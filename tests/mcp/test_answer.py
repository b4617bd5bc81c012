from __future__ import annotations

import orjson
import pytest

from wsreplay.mcp.answer import LARGEST, UNTRUSTED, dumped, page, text


def pages(rows: int, width: int, limit: int) -> list[dict]:
    read, start = [], 0
    while True:
        every = ((number, {"text": "x" * width, "number": number}) for number in range(start + 1, rows + 1))
        answer = page({"head": 1}, "rows", every, limit)
        assert len(answer) <= len(UNTRUSTED) + LARGEST + width + 100
        read.append(orjson.loads(answer.partition("\n")[2]))
        if "next" not in read[-1]:
            return read
        start = read[-1]["next"]


@pytest.mark.parametrize(("rows", "width", "limit"), [(0, 1, 5), (5, 1, 5), (6, 1, 5), (100, 100, 1000), (7, LARGEST * 2, 10)])
def test_pages_are_bounded_and_together_hold_every_row_once(rows: int, width: int, limit: int) -> None:
    read = pages(rows, width, limit)
    numbers = [row["number"] for answer in read if answer["rows"] != "none" for row in answer["rows"]]
    assert numbers == [*range(1, rows + 1)]


def test_what_says_nothing_is_left_out_at_any_depth() -> None:
    answer = dumped({"a": None, "b": [{"c": None, "d": 0}], "e": {"f": None}, "g": False})
    assert orjson.loads(answer.partition("\n")[2]) == {"b": [{"d": 0}], "g": False}


def test_a_text_is_one_short_line_in_which_nothing_hides() -> None:
    assert text("a\n\u202eb\U000e0041\x1b[2J", 20) == "a␊␦b␦␛[2J"
    assert text("x" * 300) == "x" * 200 + "…"
