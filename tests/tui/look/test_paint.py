"""Lines of text in the room there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import fitted, fitted_end, fitted_ends, split
from wsreplay.tui.look.theme import Palette

PLAIN = Style()
TEXT = st.text(st.sampled_from("abcdefgh 東京ü"), max_size=40)
RUNS = st.lists(TEXT.map(lambda text: (text, PLAIN)), max_size=5)


@given(TEXT, st.integers(0, 60))
def test_a_fitted_text_takes_exactly_its_room_and_keeps_the_end_that_matters(text, width):
    begin, end, ends = fitted(text, width), fitted_end(text, width), fitted_ends(text, width)
    assert cell_len(begin) == cell_len(end) == cell_len(ends) == width
    if cell_len(text) <= width:
        assert begin.rstrip() == end.rstrip() == ends.rstrip() == text.rstrip()
    elif width:
        assert text.startswith(begin[:-1].rstrip()) and text.endswith(end[1:].lstrip())
        assert begin[-1] == end[0] == "…"
        head, cut, tail = ends.partition("…") if width > 2 else ("", "…", "")
        assert cut and text.startswith(head.rstrip()) and text.endswith(tail.lstrip())


@given(RUNS, RUNS, RUNS, st.integers(0, 120))
def test_the_right_end_stays_as_long_as_there_is_room_for_it_alone(left, right, extra, width):
    texts = ["".join(text for text, _ in runs) for runs in (left, right, extra)]
    line = split(left, right, width, PLAIN, extra=extra)
    assert cell_len(line.text) == width
    if sum(map(cell_len, texts)) < width:
        assert line.text == texts[0] + " " * (width - sum(map(cell_len, texts))) + texts[1] + texts[2]
    elif texts[1] and cell_len(texts[1]) < width:
        assert texts[1] in line.text


def test_a_key_gives_way_with_its_words():
    keys = Appearance(Palette.of({}, True)).keys(("app.help", "help"), ("ctrl+p", "palette"))
    shown = {width: split([("left", PLAIN)], [], width, PLAIN, extra=keys).text.split() for width in (30, 20, 8)}
    assert shown == {30: ["left", "?", "help", "^p", "palette"], 20: ["left", "?", "help"], 8: ["left"]}


def test_a_left_end_that_is_alone_and_too_long_says_that_it_is_cut():
    assert split([("late by ", PLAIN), ("59m50s", PLAIN)], [], 12, PLAIN, extra=[]).text == "late by 59m…"
    assert split([("late by 59m50s  ", PLAIN)], [], 14, PLAIN, extra=[]).text == "late by 59m50s"
