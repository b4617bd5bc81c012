"""One judgement, one sign."""

from __future__ import annotations

import pytest

from wsreplay.model import NO_CONTRACT
from wsreplay.standing import ERRORS, NO_FIT, NOTHING, OK, SIGNS, UNDECIDED, WARNINGS, standing_of


@pytest.mark.parametrize(
    ("facts", "word", "sign"),
    [
        ((1, 2, "violated", "mine"), ERRORS, "✗"), ((0, 1, "satisfied", "mine"), WARNINGS, "▲"),
        ((0, 1, "inconclusive", "mine"), WARNINGS, "▲"), ((0, 0, "violated", "mine"), ERRORS, "✗"),
        ((0, 0, "vacuous", NO_CONTRACT), NO_FIT, "?"), ((0, 0, "inconclusive", "mine"), UNDECIDED, "?"),
        ((0, 0, "error", "mine"), UNDECIDED, "?"), ((0, 0, "vacuous", "mine"), NOTHING, "–"),
        ((0, 0, "", "mine"), NOTHING, "–"), ((0, 0, "satisfied", "mine"), OK, "✓"), ((0, 0, "ok_so_far", "mine"), OK, "✓"),
    ],
)  # fmt: skip
def test_the_gravest_finding_decides_then_the_verdict(facts, word, sign):
    assert standing_of(*facts) == word and SIGNS[word] == sign
