"""Lines that are broken for a width."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wsreplay.model import Frame
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import Palette
from wsreplay.tui.recording.layout import broken, wrapped
from wsreplay.tui.session import pager
from wsreplay.tui.widgets.detail import payload_layout, payload_lines

TEXT = st.text(st.sampled_from("ab -é漢字\U0001f468\u0301\u200d☰\x1b{\":"), max_size=200) | st.text(max_size=100)

WIDTH = st.integers(8, 60)


@given(TEXT, WIDTH, st.booleans())
def test_no_piece_is_too_wide_and_nothing_is_lost(text, width, ascii_only):
    own = Appearance(Palette.of({}, True), ascii_only).own
    for pieces in (broken([("plain", text)], width, own), wrapped([("plain", text)], width, own)):
        assert all(cell_len(piece) <= width for _, piece in pieces)
        assert "".join(piece for _, piece in pieces).replace(" ", "") == own(text).replace(" ", "")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=8), min_size=1, max_size=30), WIDTH)
def test_words_are_kept_whole_as_in_any_paragraph(words, width):
    text = " ".join(words)
    assert [piece for _, piece in wrapped([("plain", text)], width)] == [
        line.rstrip() for line in textwrap.wrap(text, width, break_on_hyphens=False)
    ]


def test_what_goes_over_stands_in_the_second_column():
    assert wrapped([("plain", "expected     tool_completed or tool_error or else")], 30) == [
        ("plain", "expected     tool_completed or"), ("plain", "             tool_error or"), ("plain", "             else"),
    ]  # fmt: skip
    assert broken([("json", '  "a": "' + "漢" * 12 + '"')], 20) == [
        ("json", '  "a": "' + "漢" * 6), ("json", "    " + "漢" * 6 + '"'),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [1, 20_000, 60_000, 3_000_000])
def test_what_a_pane_does_not_show_of_a_payload_is_counted_in_the_text_that_it_shows(values):
    payload = b"[" + b",".join([b"1"] * values) + b"]"
    frame = Frame(1, 1, 1, 0, 1, 1, 1, len(payload), 0, "x", payload)
    whole = {"json": pager.readable(payload) if values < 3_000_000 else payload.decode(), "raw": payload.decode()}
    for pane, text in whole.items():
        lines = payload_layout(frame, pane, str, "Z")(1_000)
        notes = [words for kind, words in lines if kind == "dim"]
        shown = "\n".join(words for kind, words in payload_lines(frame, pane).lines)
        assert text.startswith(shown)
        rest = len(text.rstrip("\n")) - len(shown)
        assert notes == ([f"… {rest:,} bytes more: Z opens all of it in $PAGER"] if rest else [])
