"""Which member of a product's messages is their type, and which counts them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from wsreplay.contract.type_path import find_counter, find_type_path, leaves


def messages(*kinds: str, times: int = 4) -> Iterable[dict[str, object]]:
    """Of each kind some, with members of its own, in a member that no name gives away."""
    return [{"what": kind, "who": f"u{n % 2}", f"{kind}-id": n} for kind in kinds for n in range(times)]


def test_a_member_whose_values_tell_the_others_is_the_type_whatever_it_is_called() -> None:
    assert find_type_path([*messages("ask", "begin", "done")]) == ("what",)


@pytest.mark.parametrize(
    "documents",
    [
        [*messages("ask", "begin", "done", times=2)],  # too few to tell
        [*messages("ask")],  # one value tells nothing
        [{**message, "what": str(message["what"]) + " it now"} for message in messages("ask", "begin")],  # no names
        [*messages("ask", "begin"), {"other": 1}],  # one has none
        [{"what": "ask", "text": "x"}, {"what": "begin", "text": "x"}] * 5,  # all look the same
    ],
)  # fmt: skip
def test_what_could_be_anything_is_no_type(documents: list[dict[str, object]]) -> None:
    assert find_type_path(documents) is None


def test_a_name_that_speaks_for_itself_goes_before() -> None:
    assert find_type_path([{**message, "event": "x"} for message in messages("ask", "begin")]) == ("event",)


def test_members_within_members() -> None:
    document = {"a": {"b": 1, "c": {"d": [2]}}, "e": None}
    assert list(leaves(document)) == [(("a", "b"), 1), (("a", "c", "d"), [2]), (("e",), None)]


def counted(*numbers: object) -> list[dict[str, object]]:
    return [{"data": {"n": number, "same": 1}} for number in numbers]


@pytest.mark.parametrize(
    ("streams", "path"),
    [
        ([counted(1, 2, 3, 4, 5, 6)], ("data", "n")),
        ([counted(1, 2, 3, 4), counted(7, 8, 9), []], ("data", "n")),
        ([counted(1, 2, 3, 4, 5)], None),  # too few to tell
        ([counted(1, 2, 3, 4, 5, 7)], None),
        ([counted(1, 2, 3, 4, 5, 6), counted(4, 3)], None),
        ([counted(1, 2, 3, 4, 5, "6")], None),
        ([[*counted(1, 2, 3, 4, 5, 6), {"other": 7}]], ("data", "n")),  # not all have it
        ([[*counted(1, 2, 3, 4, 5, 6), *[{"other": 7}] * 6]], None),  # too few have it
        ([counted(*range(1, 9), *range(10, 14))], ("data", "n")),  # one is lost
        ([[{"percent": number} for number in (*range(1, 9), *range(10, 14))]], None),  # it is not called a counter
        ([[{"percent": number} for number in range(7)]], ("percent",)),
        ([[]], None),
        ([[1, 2, 3, 4, 5, 6]], None),
    ],
)
def test_a_number_that_rises_with_every_message_of_its_stream_counts_them(streams: list[list[object]], path: object) -> None:
    assert find_counter(streams) == path
