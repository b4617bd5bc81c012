"""How a connection ended is said in words, and an ordinary ending not at all."""

from __future__ import annotations

from typing import Any

import pytest

from wsreplay.model import Connection, Ending
from wsreplay.trace.endings import close_of, closing, ending_text, ending_whole, ending_word, how_ended


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"ending": Ending.OPEN}, ""),
        ({"ending": Ending.TRUNCATED, "closed_by": "server"}, ""),
        *(({"ending": Ending.CLEAN, "closed_by": "client", "close_code": code}, "") for code in (1000, 1001, 1005, None)),
        ({"ending": Ending.CLEAN, "closed_by": "server", "close_code": 1011}, "closed by the server (1011)"),
        ({"ending": Ending.CLEAN, "close_code": 4000, "close_reason": "bye"}, "closed (4000, bye)"),
        ({"ending": Ending.DROPPED, "closed_by": "client"}, "dropped by the client without a close frame"),
        ({"ending": Ending.DROPPED}, "dropped without a close frame"),
        ({"ending": Ending.DROPPED, "close_code": 1006}, "dropped without a close frame"),
        (
            {"ending": Ending.DROPPED, "closed_by": "server", "close_code": 1012},
            "closed by the server (1012) without an answer",
        ),
        ({"ending": Ending.REFUSED, "status": 403}, "refused with status 403"),
        ({"ending": Ending.REFUSED, "status": 502, "error": "nobody listens"}, "refused: nobody listens"),
        ({"ending": Ending.REFUSED, "status": None}, "refused: no reason is known"),
        ({"ending": Ending.MALFORMED, "error": "a reserved opcode"}, "malformed: a reserved opcode"),
    ],
)
def test_an_ending_in_words(facts: dict[str, Any], text: str) -> None:
    assert ending_text(Connection(1, 1, 0, path="/ws", **{"status": 101, **facts})) == text


@pytest.mark.parametrize(
    ("facts", "how", "whole"),
    [
        ({"ending": Ending.OPEN}, "", "open"),
        ({"ending": Ending.TRUNCATED, "closed_by": "server", "close_code": 1000}, "", "truncated by the server"),
        ({"ending": Ending.CLEAN, "closed_by": "client", "close_code": 1000}, *["closed by the client (1000)"] * 2),
        ({"ending": Ending.CLEAN, "closed_by": "client"}, *["closed by the client"] * 2),
        ({"ending": Ending.DROPPED, "closed_by": "server"}, *["dropped by the server"] * 2),
        (
            {"ending": Ending.MALFORMED, "closed_by": "server", "close_code": 1002},
            "closed by the server (1002)", "malformed, closed by the server (1002)",
        ),
    ],
)  # fmt: skip
def test_an_ordinary_ending_has_words_too(facts: dict[str, Any], how: str, whole: str) -> None:
    connection = Connection(1, 1, 0, path="/ws", **{"status": 101, **facts})
    assert (how_ended(connection), ending_whole(connection)) == (how, whole)


@pytest.mark.parametrize(
    ("ending", "code", "word"),
    [
        (Ending.CLEAN, 1000, "clean"), (Ending.CLEAN, 1001, "clean"), (Ending.CLEAN, None, "clean"),
        (Ending.CLEAN, 1011, "clean, 1011"), (Ending.CLEAN, 4001, "clean, 4001"),
        (Ending.DROPPED, 1006, "dropped"), (Ending.OPEN, None, "open"),
    ],
)  # fmt: skip
def test_an_ending_in_a_word_has_its_code_where_it_tells_something(ending: Ending, code: int | None, word: str) -> None:
    assert ending_word(Connection(1, 1, 0, path="/ws", status=101, ending=ending, close_code=code)) == word


def test_a_code_alone_is_told_in_the_same_words() -> None:
    assert [closing("server", 1011, "busy"), closing("server", 1006), closing(None, 1000)] == [
        "closed by the server (1011, busy)", "dropped by the server", "closed (1000)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", (None, None)), (b"\x03", (None, None)), (b"\x03\xe8", (1000, "")), (b"\x03\xe9idle", (1001, "idle")),
        (b"\x03\xe9\xff", (1001, "\ufffd")),
    ],
)  # fmt: skip
def test_what_a_close_frame_says(payload: bytes, said: tuple[int | None, str | None]) -> None:
    assert close_of(payload) == said
