from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.diff.align import align, align_all, longest_ascending, pair_up

TOKENS = st.lists(st.sampled_from("abcd"), max_size=40)


@given(TOKENS, TOKENS)
def test_pairs_agree_and_never_cross(a: list[str], b: list[str]) -> None:
    pairs = align(a, b)
    assert pairs == sorted(pairs)
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))


@given(TOKENS)
def test_what_is_equal_is_paired_whole(a: list[str]) -> None:
    assert align(a, list(a)) == [(index, index) for index in range(len(a))]


@given(st.lists(st.integers(), unique=True, max_size=60), st.data())
def test_what_was_taken_out_is_all_that_is_missing(a: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, max(0, len(a) - 1)), max_size=len(a)))
    b = [value for index, value in enumerate(a) if index not in gone]
    assert len(align(a, b)) == len(b)


@given(TOKENS, TOKENS)
def test_crossing_pairs_are_as_many_as_there_can_be(a: list[str], b: list[str]) -> None:
    pairs = pair_up((a, b))
    assert len(pairs) == sum(min(a.count(token), b.count(token)) for token in set(a))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert len(align_all([[(a, b)]])) == len(pairs)


def test_finer_columns_align_what_the_first_leaves_open() -> None:
    assert align(["x1", "y1", "z"], ["x2", "z"], (["x", "y", "z"], ["x", "z"])) == [(0, 0), (2, 1)]


def test_one_missing_among_equal_ones_does_not_shift_the_rest() -> None:
    a = ["s"] * 500
    b = ["s"] * 100 + ["t"] + ["s"] * 200 + ["t"] + ["s"] * 198
    assert len(align(a, b)) == 498


def test_a_long_list_takes_no_more_than_its_share() -> None:
    """Random lists have no anchors at all: the work stays linear, which a quadratic alignment would not survive."""
    chance = random.Random(1)
    a, b = [[chance.choice("abcdefgh") for _ in range(100_000)] for _ in range(2)]
    assert len(align(a, b)) > 10_000


def test_the_longest_run() -> None:
    assert longest_ascending([(0, 3), (1, 0), (2, 1), (3, 4), (4, 2)]) in ([(1, 0), (2, 1), (4, 2)], [(1, 0), (2, 1), (3, 4)])
    assert longest_ascending([]) == []
