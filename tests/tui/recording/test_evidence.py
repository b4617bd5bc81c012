"""A rule in the contract's own words."""

from __future__ import annotations

from wsreplay.tui.recording.evidence import rule_text


def test_the_words_of_a_rule_end_where_the_next_begins():
    text = "rules:\n  - id: a\n    within: 2s\n\n    response: [x, y]\n  - {id: b}\nother: 1\n"
    assert rule_text(text, 2) == ["- id: a", "  within: 2s", "  response: [x, y]"]
    assert rule_text(text, 6) == ["- {id: b}"]
    assert rule_text(text, 99) == []
