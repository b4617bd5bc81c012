"""Findings: compared, and counted."""

from __future__ import annotations

from wsreplay.tui.recording.gathering import compare, gather
from wsreplay.validator.findings import Finding, Severity, Verdict
from wsreplay.validator.preview import tally

MS = 1_000_000


def finding(at: int, **values: object) -> Finding:
    facts = {"kind": "missing", "expected": ("x",), "at_ns": at * MS, "decided_at": at * MS} | values
    return Finding("r", Verdict.VIOLATED, Severity.ERROR, f"at {at}", **facts)


def test_two_judgements_are_compared_by_fingerprint_as_often_as_it_occurs():
    a, b, c = (finding(n, fingerprint=name) for n, name in ((1, "a"), (2, "b"), (3, "a")))
    change = compare([a, b], [a, c])
    assert (change.new, change.fixed) == ((c,), (b,))


def test_what_only_follows_is_neither_counted_nor_a_ghost():
    cause, effect = finding(1, session=1, id="x"), finding(2, session=1, caused_by="x")
    assert tally([cause, effect]) == {1: (1, 0)}
    assert [ghost.finding for ghost in gather([cause, effect], [2, 3]).ghosts] == [cause]
