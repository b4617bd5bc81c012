from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.trace.regex import LONGEST_PATTERN, PatternError, compile_finder, compile_pattern


def found(pattern: str, payload: bytes, *, ignore_case: bool = False) -> bool:
    return compile_pattern(pattern, ignore_case=ignore_case)(payload) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a*)*b", "(a|a)*b", "(a|ab)*c", r"(\w|\d)+x", "((a+)b?)+c", "(.*a){20}b", "(?i:a+)+b", "(?P<n>a+)+b",
        "a*a*b", ".*.*.*b.*c", "(a{1,30}){1,30}b",
    ],
)  # fmt: skip
def test_no_pattern_takes_more_than_one_pass(pattern: str) -> None:
    begun = time.process_time()
    assert not found(pattern, b"a" * 200_000)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("pattern", "position", "says"),
    [
        ("a(?=b)", 1, "lookaheads"), ("(?!b)", 0, "lookaheads"), ("(?<=b)a", 0, "lookbehinds"), ("(?<!b)a", 0, "lookbehinds"),
        (r"(a)\1", 3, "backreferences"), ("(?P<n>a)(?P=n)", 8, "backreferences"), ("(?>a+)b", 0, "atomic groups"),
        ("(a)?(?(1)b)", 4, "conditions"), ("a++", 2, "leave the + away"), ("a{,3}", 1, "write {0,n}"),
        ("(", 0, "missing )"), ("x[", 1, "missing ]"), ("a**", 1, "bad repetition"), ("(?x)a b", 0, "invalid perl operator"),
        ("a{2000}", 1, "invalid repetition size"), ("a" * 1001, LONGEST_PATTERN, "more than 1,000 characters"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_is_refused_with_its_place(pattern: str, position: int, says: str) -> None:
    with pytest.raises(PatternError, match=re.escape(says)) as caught:
        compile_pattern(pattern)
    assert caught.value.position == position


@pytest.mark.parametrize("pattern", [r"\(?=", "[(?=]", r"\Q(?=\E", r"\\1", "[a++]", "a{2}", r"a\{,3}"])
def test_what_only_looks_like_backtracking_is_taken(pattern: str) -> None:
    compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "payload", "expected"),
    [
        ("é", "café".encode(), True), ("^.$", "é".encode(), True), (r"\d", "٣".encode(), False), ("a$", b"a\n", False),
        ("tool_(executing|completed)", b'{"type":"tool_completed"}', True), ("a.b", b"a\nb", False), ("a", b"\xff\xfea", True),
    ],
)  # fmt: skip
def test_a_payload_is_utf_8_text(pattern: str, payload: bytes, expected: bool) -> None:
    assert found(pattern, payload) is expected


def test_case_can_be_ignored() -> None:
    assert found("É", "é".encode(), ignore_case=True)
    assert not found("É", "é".encode())


@given(st.text(st.sampled_from("ab(|)*+?{1,}[]\\.^$"), max_size=12))
def test_any_pattern_is_compiled_or_refused_with_a_place(pattern: str) -> None:
    try:
        search = compile_pattern(pattern)
    except PatternError as error:
        assert 0 <= error.position <= len(pattern)
    else:
        search(b"aabbab" * 10)


@pytest.mark.filterwarnings("ignore:Possible nested set")
@given(st.text(st.sampled_from("ab(|)*+?[]."), max_size=8), st.text(st.sampled_from("ab"), max_size=8))
def test_what_both_engines_take_finds_the_same(pattern: str, text: str) -> None:
    try:
        search, expected = compile_pattern(pattern), re.search(pattern, text)
    except (PatternError, re.error):
        return
    assert (search(text.encode()) is not None) is (expected is not None)


@given(st.binary(max_size=50))
def test_any_bytes_can_be_searched(payload: bytes) -> None:
    assert found("", payload, ignore_case=True)


def test_nothing_but_the_match_is_captured() -> None:
    """Groups would take the engine several times as long."""
    (match,) = compile_finder("(a)(b)?")(b"ab")
    assert (match[0], match.groups()) == (b"ab", ())


def test_all_matches_are_found_in_their_order() -> None:
    find = compile_finder("C-[0-9]+")
    assert [match[0] for match in find("é C-1, C-22".encode())] == [b"C-1", b"C-22"]
