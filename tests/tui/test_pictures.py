"""A picture of every screen and state, at three widths where the layout depends on it.

`pytest tests/tui/test_pictures.py --snapshot-update` draws them anew.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from published import assert_published, picture_of

from wsreplay.model import Ending
from wsreplay.store import annotations as notes
from wsreplay.store import lock
from wsreplay.store.writer import Writer
from wsreplay.tui.config import Config
from wsreplay.tui.recording.growth import SILENT_NS
from wsreplay.tui.validation.tasks import Progress

ROOT = Path(__file__).parents[2]
README_PICTURE = ROOT / "docs" / "tui.svg"
README_SAMPLE = ROOT / "recordings" / "samples" / "missing-event.db"
WIDTHS = (80, 120, 200)
WIDTH = 120
LAID_OUT_BY_WIDTH = ("sessions", "session", "findings", "help", "waterfall")
NEXT = "right_square_bracket"
SCENES = {
    "sessions": [],
    "session": ["down", "enter", "g"],
    "ghost": ["down", "enter", NEXT],
    "late": ["down", "enter", NEXT, NEXT, "enter"],
    "order-findings": ["down", "enter", "shift+tab", "enter"],
    "meta": ["down", "enter", "g", "j", "tab", "tab", "tab", "enter"],
    "hex": ["down", "enter", "G", "k", "tab", "tab", "enter"],
    "filtered": ["down", "enter", "g", "slash", *"type:tool_*", "enter"],
    "mistake": ["down", "enter", "g", "slash", *"type:tool_* sev>"],
    "no-match": ["down", "enter", "g", "slash", *"type:nothing", "enter"],
    "search": ["down", "enter", "g", "ctrl+f", *"agent", "enter"],
    "replay": ["down", "enter", "3", "space"],
    "all-frames": ["a"],
    "findings": ["v", "j"],
    "findings-folded": ["v", "space"],
    "waterfall": ["down", "enter", "5", "w"],
    "diff": ["D", "2", "enter"],
    "help": ["question_mark"],
    "goto": ["down", "enter", "g", "colon"],
}


@pytest.mark.parametrize(
    ("scene", "width"),
    [(scene, width) for scene in SCENES for width in (WIDTHS if scene in LAID_OUT_BY_WIDTH else (WIDTH,))],
)
async def test_a_screen(stage, chat_recording, pictured, scene, width):
    async with stage(chat_recording, width=width, height=26, steady=True) as on:
        await on.judged()
        await on.press(*SCENES[scene])
        if scene == "replay":
            await on.until(lambda: "00:10.789" in on.text())  # two seconds before the ghost: idle time is cut
            await on.press("space")
        if scene in ("filtered", "no-match"):
            await on.until(lambda: on.app.screen.rows.matches is not None)
        await on.settle()
        pictured(on)


@pytest.mark.parametrize(("theme", "ascii_only"), [("light", False), ("dark", True)])
@pytest.mark.parametrize("scene", ["ghost", "findings", "waterfall"])
async def test_the_light_theme_and_a_terminal_without_unicode(stage, chat_recording, pictured, scene, theme, ascii_only):
    async with stage(chat_recording, width=100, height=26, config=Config(theme=theme, ascii=ascii_only), steady=True) as on:
        await on.judged()
        await on.press(*SCENES[scene])
        if ascii_only:
            assert on.text().replace("\N{NO-BREAK SPACE}", " ").isascii()
        pictured(on)


async def test_an_injected_fault_beside_what_came_of_it_and_a_note(stage, chat_recording, pictured):
    writer = Writer(chat_recording)
    writer.add_fault(12_900 * 10**6, "drop", "drop:tool_completed", 2, 1)
    writer.close()
    notes.change_mark(chat_recording, None, 7_000 * 10**6, "here it froze")
    async with stage(chat_recording, width=WIDTH, height=26, steady=True) as on:
        await on.judged()
        await on.press("down", "enter", NEXT, "j")
        assert "injected: drop" in on.text().replace("\N{NO-BREAK SPACE}", " ")
        pictured(on)


async def test_an_empty_folder_says_the_exact_command_to_run(stage, tmp_path, pictured):
    folder = tmp_path / "recordings"
    folder.mkdir()
    async with stage(folder, width=WIDTH, height=14, steady=True) as on:
        await on.until(lambda: "wsreplay record ws://" in on.text())
        on.app.screen.folder = "recordings"
        on.app.screen.paint_lines()
        await on.settle()
        pictured(on)


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_folder_of_recordings_and_what_is_wrong_with_each(stage, chat_recording, script, pictured, width):
    made = script("a-recording-with-a-name-that-says-all-about-it-and-is-long.db")
    made.open(1, 0, closed_ns=9_000_000_000, ending=Ending.CLEAN)
    made.write(9_500)
    (chat_recording.parent / "broken.db").write_bytes(b"no database at all, only text" * 20)
    async with stage(chat_recording.parent, width=width, height=14, validating=True, steady=True) as on:
        screen = on.app.screen
        await on.until(lambda: len(screen.recordings) == 3 and not missing_previews(screen) and not screen._is_arranging)
        await on.settle()
        screen.head.say([])  # the folder's name is of this test run
        pictured(on)


async def test_a_recording_without_a_connection_says_where_to_connect(stage, script, pictured):
    async with stage(script("empty.db").write(1_000), width=WIDTH, height=14, steady=True) as on:
        assert "ws://127.0.0.1:8765" in on.text()
        pictured(on)


async def test_a_session_without_a_frame(stage, script, pictured):
    made = script("silent.db")
    made.open(1, 0, closed_ns=10**9, ending=Ending.REFUSED, status=502, error="the upstream refused the connection")
    async with stage(made.write(1_000), width=WIDTH, height=14, steady=True) as on:
        assert "no frames were recorded here" in on.text()
        pictured(on)


async def test_while_the_validator_works(stage, chat_recording, pictured):
    async with stage(chat_recording, width=WIDTH, height=14, validating="by hand", steady=True) as on:
        on.app.validation.take(Progress(0.38))
        await on.press("v")
        assert "validating 38%" in on.text()
        pictured(on)


async def test_where_there_is_no_verdict_the_screen_says_why_and_what_to_do(stage, chat_recording, pictured):
    async with stage(chat_recording, width=WIDTH, height=14, steady=True) as on:
        on.app.validation.fail("my.yaml:3:5: rules[0]: there is no template 'reponse'")
        await on.press("v")
        assert "R tries again" in on.text()
        pictured(on)


@pytest.mark.parametrize("state", ["following", "new", "stalled", "finished"])
async def test_a_recording_that_grows(stage, live_chat, pictured, state):
    async with stage(live_chat.path, width=WIDTH, height=14, steady=True) as on:
        if state == "new":
            await on.press("k")
        live_chat.add(3)
        on.clock.move(1_000)
        on.app.poll()
        if state == "stalled":
            on.clock.move(SILENT_NS / 1e6 + 8_000)
            on.app.poll()
        elif state == "finished":
            live_chat.finish()
            on.app.poll()
        await on.settle()
        words = {"following": "FOLLOW", "new": "+3 new", "stalled": "STALLED 12s", "finished": "finished"}
        assert words[state] in on.text()
        pictured(on)


async def test_a_terminal_that_is_too_small_says_so(stage, chat_recording, pictured):
    async with stage(chat_recording, width=58, height=10, steady=True) as on:
        assert "too small" in on.text()
        pictured(on)


def test_the_lock_that_makes_a_recording_live_is_the_recorders(live_chat):
    assert lock.is_held(live_chat.path)


async def test_the_picture_in_the_readme_is_what_the_interface_shows_of_a_sample(stage, request):
    """`pytest tests/tui/test_pictures.py --snapshot-update` draws it anew."""
    async with stage(README_SAMPLE, width=132, height=26, validating=True, steady=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press(NEXT)
        svg = picture_of(on.app, f"wsreplay tui {README_SAMPLE.name}")
    update = request.config.getoption("update_snapshots")
    await asyncio.to_thread(assert_published, svg, README_PICTURE, update=update)


def missing_previews(screen):
    return [recording for recording in screen.recordings if not recording.why and screen.previews.of(recording, ()) is None]
