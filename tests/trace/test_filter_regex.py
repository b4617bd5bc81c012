from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.trace.filter import regex


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a*)*b", "(a|a)*b", "(a|ab)*c", r"(\w|\d)+x", "(a?a?)*b", "((a+)b?)+c", "(?:x+y?)*z", "(a{1,30}){1,30}b",
        "([ab]|a)+c", "(.*a){20}", "(|a)+b", "(a+){,}b", "(?i:a+)+b", "(?P<n>a+)+b", "((?:ab?)+)*c", "(A|a)+b",
    ],
)  # fmt: skip
def test_a_pattern_that_may_never_end_is_refused(pattern: str) -> None:
    re.compile(pattern)
    with pytest.raises(regex.UnsafePattern, match="may never end"):
        regex.check(pattern)


@pytest.mark.parametrize(
    ("pattern", "unbounded"),
    [
        ("tool_(executing|completed)", 0), ("(?:foo|bar)+", 1), (r"\d{4}-\d{2}", 0), ("a.*b.*c", 2), ("[*+(|]+", 1),
        (r"\(a+\)+", 2), ("(?>a+)+b", 2), ("(a++)+b", 2), ("(ab){2,}", 1), ("a{,}", 1), ("{a}", 0),
        ("(?:a|b)?c", 0), ("[]+]x", 0),
        ("(?!a)b+", 1),
        ("a{2}", 0), ("(a{2})+", 1),
    ],
)  # fmt: skip
def test_a_harmless_pattern_is_taken_and_its_repeats_counted(pattern: str, unbounded: int) -> None:
    re.compile(pattern)
    assert regex.check(pattern) == unbounded


@pytest.mark.parametrize("pattern", ["(", "a" * 1001, "(?x)a b", "[", "a**", "(?P<a>x)(?P<a>y)"])
def test_what_is_no_pattern_is_refused_with_a_place(pattern: str) -> None:
    with pytest.raises(regex.UnsafePattern) as caught:
        regex.searcher(pattern, ignore_case=False)
    assert 0 <= caught.value.position <= len(pattern)


def test_the_more_repeats_the_less_is_searched() -> None:
    late = b"." * 100_000 + b"needle"
    assert regex.searcher("needle", ignore_case=False)(late)
    assert not regex.searcher("need.*", ignore_case=False)(late)
    assert regex.searcher("need.*", ignore_case=False)(late[-30_000:])


@given(
    st.sampled_from([".*", ".+", ".*?", ".*.+", ".+.+?", ".*+", ".+{2}"]),
    st.sampled_from(["a", "ab", "", "b$", "^a", "a|b"]),
    st.text(st.sampled_from("ab\n"), max_size=6),
)
def test_leading_dots_are_left_out_without_changing_what_is_found(dots: str, rest: str, text: str) -> None:
    pattern = dots + rest
    try:
        expected = re.search(pattern, text) is not None
    except re.error:
        return
    assert regex.searcher(pattern, ignore_case=False)(text.encode()) == expected


def test_a_leading_dot_star_makes_no_search_quadratic() -> None:
    late = b"." * 100_000 + b"needle"
    assert regex.searcher(".*needle", ignore_case=False)(late)


@given(st.binary(max_size=50))
def test_any_bytes_can_be_searched(payload: bytes) -> None:
    assert regex.searcher("", ignore_case=True)(payload)


@given(st.text(st.sampled_from("ab(|)*+?{1,}[]\\.^$"), max_size=12))
def test_any_pattern_is_counted_or_refused(pattern: str) -> None:
    try:
        regex.searcher(pattern, ignore_case=False)(b"aabbab" * 10)
    except regex.UnsafePattern as error:
        assert 0 <= error.position <= len(pattern)
