"""What peers send cannot drive the terminal, on any screen."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from wsreplay.display import visible
from wsreplay.model import Ending
from wsreplay.store import annotations as notes
from wsreplay.store.paging import Head
from wsreplay.store.reader import Recording
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import Palette
from wsreplay.tui.recording.summary import name, summary
from wsreplay.tui.widgets.plain_input import PlainInput

MS = 1_000_000
HOSTILE = {
    "escape": "\x1b[2J\x1b]52;c;aGk=\x07\x1b[?1049h",
    "c1": "\x9b2J\x9d52;c;x\x9c\x85",
    "bidi": "\u202egnp.exe\u2066x\u2069\u200f",
    "zero-width": "a\u200bb\u200dc\ufeff\u2060",
    "wide": "\U0001f468\u200d\U0001f469\u200d\U0001f467東京\u0301\u0301\u0301",
    "markup": "[red]bold[/] [link=x]y [/no",
    "lines": "one\ntwo\r\nthree\u2028four\tfive",
    "long": "x" * 1_000_000,
}
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
WAYS = {
    "sessions": [], "session": ["enter"], "raw": ["enter", "tab"], "hex": ["enter", "tab", "tab"],
    "meta": ["enter", "tab", "tab", "tab"], "all": ["a"], "findings": ["v"], "waterfall": ["enter", "w"],
    "diff": ["D", "1", "enter"], "compare": ["D"], "mark": ["enter", "m"], "export": ["enter", "e"], "contract": ["c"],
    "go to": ["enter", "colon"], "filter": ["enter", "slash"],
}  # fmt: skip


@pytest.fixture
def hostile_recording(script):
    text = HOSTILE["escape"] + HOSTILE["bidi"] + HOSTILE["c1"]
    made = script(f"hostile{text}.db")
    headers = (("x-" + text, text),)
    facts = {"request_headers": headers, "subprotocol": text, "close_reason": text, "error": text}
    made.open(1, 0, user="u" + text, path="/" + text, closed_ns=9_000 * MS, ending=Ending.DROPPED, **facts)
    made.open(2, 1, user="other", closed_ns=9_000 * MS, ending=Ending.DROPPED)
    at = 10
    for word in HOSTILE.values():
        at += 10
        made.say(1, at, 1, "agent_started" + word[:200], thread_id=word[:500], run_id=word[:200], text=word)
        made.say(1, at + 1, 1, "tool_executing", thread_id=word[:500], tool_name=word[:200], tool_call_id=word[:200])
        made.say(1, at + 2, 1, None, raw=word.encode("utf-8", "surrogatepass"))
    made.say(1, at + 3, 1, None, raw=b"\xff\xfe\x00\x1b[31m invalid \xc3\x28")
    made.say(1, at + 4, 1, None, raw=b"\x1b[31m\x00\xff", opcode=2)
    made.say(1, at + 5, 0, None, raw=b"\x03\xe8\x1b]0;owned\x07", opcode=8)
    path = made.write(10_000)
    notes.change_mark(path, None, 20 * MS, text, 1)
    notes.change_mark(path, None, 21 * MS, text)
    return path


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=() if way in ("sessions", "session", "findings") else pytest.mark.campaign) for way in WAYS]
)
async def test_no_screen_lets_a_control_character_through(stage, hostile_recording, way):
    async with stage(hostile_recording, width=140, height=40, validating=True) as on:
        await on.until(lambda: on.app.recording.evidence.is_there)
        await on.press(*WAYS[way])
        for _ in range(30 if way in ("session", "raw", "hex") else 3):
            shown = on.text()
            assert not FORBIDDEN.search(shown), repr(FORBIDDEN.search(shown))
            await on.press("down")
        await on.press("question_mark")


@given(st.text(max_size=300), st.binary(max_size=300), st.booleans())
def test_a_row_never_holds_what_moves_the_cursor(event_type, payload, ascii_only):
    look = Appearance(Palette.of({}, True), ascii_only)
    for opcode in (1, 2, 8, 9, 15):
        head = Head(1, 1, 1, 0, 1, opcode, 1, len(payload), event_type, len(payload), payload)
        line = look.safe(name(head)) + look.safe(summary(head))
        assert not FORBIDDEN.search(line) and "\n" not in line
        assert not ascii_only or line.isascii()


@given(st.text(max_size=200))
def test_our_own_sentences_are_harmless_even_where_they_quote_strangers(text):
    for ascii_only in (True, False):
        assert not FORBIDDEN.search(Appearance(Palette.of({}, True), ascii_only).own(text))


def test_in_ascii_what_cannot_be_seen_is_spelt():
    assert Appearance(Palette.of({}, True), True).safe("a\x1b[2J\t\r\n\x00\x7f\u202e\ud800é") == r"a\x1b[2J\t\r\n\x00\x7f??\xe9"


async def test_a_notification_shows_markup_as_it_is(stage, chat_recording):
    async with stage(chat_recording) as on:
        on.app.screen.job_failed("[red]what[/]", "[/bold] why")
        await on.until(lambda: "[/bold] why" in on.text())


def nested(depth: int) -> bytes:
    """A JSON object whose value is nested so deep."""
    return b'{"type":"x","a":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("depth", [200, 290, 1_000, 5_000])
async def test_json_nested_deeper_than_it_is_written_is_shown_as_it_is(stage, script, depth):
    made = script("deep.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x", raw=nested(depth))
    async with stage(made.write(1_000)) as on:
        assert "[[[[[[[[" in on.text()
        await on.press("tab", "tab", "tab", "tab", "tab", "w", "w")
        assert on.app.screen.inspector.frame.id == 1


@pytest.mark.parametrize("way", ["m", "e", "c", "colon", "slash"])
async def test_what_is_pasted_into_a_field_is_harmless(stage, chat_recording, way):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", way)
        if way == "e":
            await on.press("enter")  # what it is to be handed over as
        await on.press("ctrl+u")
        on.app.post_message(events.Paste("".join(text[:40].splitlines()[0] for text in HOSTILE.values())))
        await on.settle()
        field = on.app.focused
        assert "\x1b" in field.value, "what is typed is kept"
        for place in range(0, len(field.value) + 1, 20):
            field.cursor_position = place
            await on.pilot.pause()
            assert not FORBIDDEN.search(on.text()) and not FORBIDDEN.search(field.render_line(0).text)
        await on.press("home")
        assert "␛" in on.text() and "␦" in on.text()


@given(st.text(st.sampled_from("ab \t\x1b\x07\ufe0f\u200d\u0301東❤\U0001f468"), max_size=30))
def test_each_character_of_a_field_takes_the_cells_of_what_is_painted_for_it(value):
    field = PlainInput()
    field.set_reactive(PlainInput.value, value)
    assert field.value == value and field._value.plain == visible(value)
    ends = [field._position_to_cell(place) for place in range(len(value) + 1)]
    assert ends[-1] == field._value.cell_len
    for place, (start, end) in enumerate(pairwise(ends)):
        assert all(field._cell_offset_to_index(cell) == place for cell in range(start, end))


@pytest.mark.parametrize("note", ["careful ⚠️", "a\tb", "می\u200cخواهم"])
async def test_a_note_is_kept_as_it_was_written_also_where_it_is_opened_again(stage, chat_recording, note):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m")
        on.app.focused.value = note
        await on.press("enter", "m", "enter")
        with Recording.open(chat_recording) as reader:
            assert [mark.note for mark in reader.marks()] == [note]
        assert not FORBIDDEN.search(on.text())


async def test_what_cannot_be_seen_is_searched_for_as_it_is(stage, script):
    made = script("heart.db")
    made.open(1, 0, closed_ns=10**9)
    for number, words in enumerate(["none", "with ❤️ here", "none"]):
        made.say(1, number + 1, 1, "x", content=words)
    async with stage(made.write(1_000)) as on:
        await on.press("ctrl+f")
        on.app.focused.value = "❤️"
        await on.press("enter")
        assert on.app.screen.inspector.frame.id == 2 and not FORBIDDEN.search(on.text())


async def test_a_contract_that_cannot_be_used_is_quoted_harmless(stage, chat_recording, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text('contract: a\n"\\e[2J": 1\n')
    async with stage(chat_recording) as on:
        await on.press("c", "tab")
        on.app.focused.value = str(bad)
        await on.press("enter")
        assert "␛[2J" in on.text() and not FORBIDDEN.search(on.text())
