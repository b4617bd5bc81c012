"""Lines broken for a width: by cells, and with nothing lost."""

from __future__ import annotations

import textwrap
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wsreplay.display import visible
from wsreplay.errors import RecordingError
from wsreplay.model import Frame
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import Palette
from wsreplay.tui.recording.facts import Kind
from wsreplay.tui.recording.layout import broken, wrapped
from wsreplay.tui.session import inspector, pager
from wsreplay.tui.session.inspector import LAYING
from wsreplay.tui.widgets.detail import Detail, payload_layout, payload_lines
from wsreplay.validator.findings import Finding, Severity, Verdict

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


@pytest.mark.parametrize("width", [80, 120, 160])
async def test_every_character_of_a_text_is_in_the_detail(stage, script, width):
    made = script("wide.db")
    made.open(1, 0, closed_ns=10**9)
    text = "".join(chr(0x4E00 + number) for number in range(200))
    made.say(1, 1, 1, "x", text=text)
    async with stage(made.write(1_000), width=width, height=40) as on:
        await on.press("enter" if width == 80 else "right")
        on.app.screen.panes.maximise()
        on.app.screen.panes.focus_detail()
        await on.settle()
        shown = on.text()
        assert not [character for character in visible(text) if character not in shown]


@pytest.mark.parametrize("width", [80, 120])
async def test_a_large_payload_is_laid_out_for_the_width_it_has(stage, script, width):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    numbers = "".join(f"{number:06d}" for number in range(60_000))
    made.say(1, 1, 1, "x", text=numbers)
    async with stage(made.write(1_000), width=width) as on:
        detail = on.app.screen.detail
        for columns in (width, 100, 70):
            await on.pilot.resize_terminal(columns, 30)
            await on.press("left", "right")
            lines = detail.text.split("\n")
            assert max(map(len, lines)) == detail.size.width - 1
            assert numbers[:10_000] in "".join(line.strip() for line in lines)


async def test_a_large_payload_keeps_its_place_and_its_findings_when_there_is_another_verdict(stage, script):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x", rows=[f"{number:06d}" for number in range(60_000)])
    path = made.write(1_000)
    wrong = Finding("r", Verdict.VIOLATED, Severity.ERROR, "this is wrong", session=1, connection=1, frames=(1,), activation=1)
    async with stage(path) as on:
        await on.judged([], path)
        detail = on.app.screen.detail
        detail.action_scroll_lines(50)
        job = on.app.screen.jobs._workers[LAYING]
        await on.judged([wrong], path)
        assert detail.top == 50 and on.app.screen.jobs._workers[LAYING] is job  # it is laid out once
        assert "this is wrong" in detail.text and "059" not in detail.text.split("\n")[1]
        await on.press("tab", "shift+tab")
        assert "000017" in detail.text and on.app.screen.jobs._workers[LAYING] is job


async def test_where_a_large_payload_cannot_be_laid_out_it_is_said_why_and_tried_again(stage, script, monkeypatch):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x")
    made.say(1, 2, 1, "x", rows=[f"{number:06d}" for number in range(60_000)])
    async with stage(made.write(1_000)) as on:
        detail = on.app.screen.detail
        with monkeypatch.context() as patch:
            patch.setattr(inspector, "payload_lines", _fail)
            await on.press("j")
            await on.until(lambda: "it is locked" in detail.text)
            assert "laying out" not in detail.text and "r reads it again" in detail.text
        await on.press("tab", "shift+tab")
        await on.until(lambda: "000017" in detail.text)
        assert "it is locked" not in detail.text


def _fail(*_arguments: object) -> None:
    raise RecordingError("it is locked")


@pytest.mark.parametrize("values", [1, 20_000, 60_000, 3_000_000])
def test_what_a_pane_does_not_show_of_a_payload_is_counted_in_the_text_that_it_shows(values):
    payload = b"[" + b",".join([b"1"] * values) + b"]"
    frame = Frame(1, 1, 1, 0, 1, 1, 1, len(payload), 0, "x", payload)
    whole = {"json": pager.readable(payload) if values < 3_000_000 else payload.decode(), "raw": payload.decode()}
    for pane, text in whole.items():
        lines = payload_layout(frame, pane, str, "Z")(1_000)
        said = [words for kind, words in lines if kind == "dim"]
        shown = "\n".join(words for kind, words in payload_lines(frame, pane).lines)
        assert text.startswith(shown)
        rest = len(text.rstrip("\n")) - len(shown)
        assert said == ([f"… {rest:,} bytes more: Z opens all of it in $PAGER"] if rest else [])


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind not in ("json", "code")])
def test_every_kind_of_line_has_a_look(kind, monkeypatch):
    look = Appearance(Palette.of({}, True))
    monkeypatch.setattr(Detail, "look", look)
    assert (Detail()._style(kind) == look.style("text")) == (kind == "plain")
