from __future__ import annotations

import re

import pytest

from wsreplay.errors import UsageError
from wsreplay.model import Connection, Ending
from wsreplay.trace.sessions import Resumption, numbered, stitch, there_are

S = 1_000_000_000


def connection(id: int, opened: float, closed: float | None, **changes: object) -> Connection:
    ending = Ending.OPEN if closed is None else Ending.DROPPED
    closed_ns = None if closed is None else int(closed * S)
    one = Connection(id, 1, int(opened * S), closed_ns, path="/ws?n=1", user="u1", ending=ending)
    return one._replace(**changes)  # type: ignore[arg-type]


def sessions(*connections: Connection) -> list[list[int]]:
    return [[one.id for one in session.connections] for session in stitch(connections)]


def test_a_reconnect_continues_the_session() -> None:
    assert sessions(connection(1, 0, 5), connection(2, 6, 9, path="/ws?n=2"), connection(3, 38, None)) == [[1, 2, 3]]


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "u2"}, {"user": None}, {"path": "/other"}, {"opened_ns": 36 * S}, {"opened_ns": 4 * S},
        {"ending": Ending.REFUSED},
    ],
)
def test_another_user_path_or_time_begins_a_session(changes: dict[str, object]) -> None:
    assert len(sessions(connection(1, 0, 5), connection(2, 6, 9, **changes))) == 2


@pytest.mark.parametrize(
    ("changes", "continued"),
    [
        ({"close_code": 1000}, False), ({"close_code": 1001}, True), ({"close_code": None}, True),
        ({"ending": Ending.TRUNCATED}, True), ({"ending": Ending.MALFORMED}, True), ({"ending": Ending.OPEN}, False),
    ],
)  # fmt: skip
def test_how_the_first_ended_decides(changes: dict[str, object], continued: bool) -> None:
    assert (len(sessions(connection(1, 0, 5, **changes), connection(2, 6, 9))) == 1) is continued


def test_they_come_in_the_order_of_their_beginning() -> None:
    assert sessions(connection(1, 6, 9), connection(2, 0, 5), connection(3, 7, 8, user="u2")) == [[2, 1], [3]]


def test_after_any_end_a_proper_close_is_continued_too_but_nothing_that_is_open() -> None:
    def joined(**changes: object) -> bool:
        return len(stitch([connection(1, 0, 5, **changes), connection(2, 6, 9)], Resumption(after_any=True))) == 1

    assert joined(close_code=1000) and joined(close_code=None) and not joined(ending=Ending.OPEN)


def test_anonymous_connections_are_never_joined() -> None:
    assert sessions(connection(1, 0, 5, user=None), connection(2, 6, 9, user=None)) == [[1], [2]]


def test_of_several_candidates_the_one_closed_longest_goes_on() -> None:
    tabs = connection(1, 0, 10), connection(2, 1, 8), connection(3, 2, 9)
    again = connection(4, 11, 20), connection(5, 12, 20), connection(6, 13, 20), connection(7, 14, 20)
    assert sessions(*tabs, *again) == [[1, 6], [2, 4], [3, 5], [7]]


def test_of_two_closed_at_the_same_time_the_first_goes_on() -> None:
    assert sessions(connection(1, 0, 8), connection(2, 1, 8), connection(3, 9, 20)) == [[1, 3], [2]]


def test_sessions_are_numbered_in_the_order_of_their_first_connection() -> None:
    found = stitch([connection(3, 9, None, user="b"), connection(1, 5, 6, user="a"), connection(2, 7, 8, user="a")])
    assert [(session.id, session.user, session.opened_ns) for session in found] == [(1, "a", 5 * S), (2, "b", 9 * S)]


@pytest.mark.timeout(60)
def test_many_connections_of_one_user_do_not_take_the_square_of_their_number() -> None:
    many = [connection(number, number * 100, number * 100 + 1) for number in range(100_000)]
    assert len(stitch(many)) == 100_000


def test_a_number_of_a_session_is_read_or_refused() -> None:
    assert [numbered(digits) for digits in ("1", "007", "9" * 18)] == [1, 7, int("9" * 18)]
    long = "9" * 19, "'999999999999999999' and so on"
    for digits, shown in (("", "''"), ("x", "'x'"), ("-1", "'-1'"), ("1.5", "'1.5'"), long):
        with pytest.raises(UsageError, match=rf"^{re.escape(shown)} is not a session number$"):
            numbered(digits)


def test_an_error_says_which_sessions_there_are() -> None:
    said = [there_are([None] * count) for count in (0, 1, 2, 12)]  # type: ignore[list-item]
    assert said == ["nothing was recorded in it", "it has session 1 only", "it has sessions 1 to 2", "it has sessions 1 to 12"]
