"""The application: validating again, leaving nothing behind, keys and looks."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from textual.color import Color

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.formats.cut import cut
from wsreplay.store.reader import Recording
from wsreplay.tui import config
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.browse.recordings import RecordingsScreen
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.config import Config
from wsreplay.tui.findings.screen import FindingsScreen
from wsreplay.tui.jobs import jobs
from wsreplay.tui.screens.help import HelpScreen
from wsreplay.tui.session.screen import SessionScreen
from wsreplay.tui.waterfall.screen import WaterfallScreen

STRICT = """
contract: strict
version: 1
envelope: {type: $.type}
keys: {thread: [$.thread_id, conn.id]}
rules:
  - {id: no-ping, absence: [partial_result]}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT)
    return path


async def test_a_recording_is_validated_as_it_is_opened(stage, chat_recording):
    async with stage(chat_recording, validating=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert on.app.recording.evidence.verdict(1) == "satisfied"
        assert on.app.recording.evidence.verdict(2) == "violated"
        await on.press("v")
        assert "think-before-tools" in on.text() and "precedence: [agent_thinking, tool_executing]" not in on.text()


SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


async def test_without_a_named_contract_the_one_that_fits_judges_and_the_head_says_which(stage, tmp_path):
    path = tmp_path / "good.db"
    path.write_bytes((SAMPLES / "ag-ui" / "good.db").read_bytes())
    async with stage(path, validating=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert "no findings by ag-ui" in on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()[0]
        await on.press("w")
        await on.until(lambda: on.app.screen.canvas.lanes)
    async with stage(path, validating=True, contracts=("agent-chat",)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert on.app.validation.contracts_in_use == ("agent-chat",) and on.app.recording.evidence.findings


async def test_a_changed_contract_is_noticed_and_another_validation_says_what_is_new_and_fixed(stage, chat_recording, contract):
    async with stage(chat_recording, validating=True, contracts=(str(contract),)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert on.app.recording.evidence.counts() == (2, 0)
        contract.write_text(STRICT.replace("[partial_result]", "[agent_thinking, partial_result]").replace("no-ping", "less"))
        await on.until(lambda: on.app.validation.status.stale)
        await on.press("v", "R")
        await on.until(lambda: on.app.validation.status.change is not None)
        change = on.app.validation.status.change
        assert change.fixed and len(change.new) > len(change.fixed)
        assert "fixed" in on.text() and "new" in on.text()


async def test_a_contract_that_is_broken_meanwhile_says_why_and_the_old_findings_stay(stage, chat_recording, contract):
    async with stage(chat_recording, validating=True, contracts=(str(contract),)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        contract.write_text("contract: [")
        await on.press("R")
        await on.until(lambda: on.app.validation.status.stage == "failed")
        assert on.app.recording.evidence.counts() == (2, 0)
        assert "no verdict" in on.text()


async def test_another_contract_can_be_chosen(stage, chat_recording, contract):
    async with stage(chat_recording, validating=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("c", "tab", *str(contract), "enter")
        await on.until(lambda: [source.name for source in on.app.recording.evidence.sources] == ["strict"])
        await on.press("c", "tab", *"nowhere.yaml", "enter")
        assert "nowhere.yaml" in on.text() and "no such contract file" in on.text()
        await on.press("escape", "c", *["up"] * 9, "down", "enter")
        await on.until(lambda: [source.name for source in on.app.recording.evidence.sources] == ["agent-chat"])


async def test_enter_on_a_finding_goes_to_its_place_in_its_session(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("v")
        rows = [on.app.screen.list.line_at(row) for row in range(on.app.screen.list.count)]
        wanted = next(row for row, line in enumerate(rows) if "c7" in getattr(getattr(line, "finding", None), "message", ""))
        await on.press("g", *["down"] * wanted, "enter")
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.rows.number == 2
        assert "c7" in on.app.screen.inspector.item.finding.message
        await on.press("q")
        assert isinstance(on.app.screen, FindingsScreen), "from where the next one can be gone to"
        assert on.app.screen.list.cursor == wanted


async def test_the_findings_open_at_the_one_that_is_looked_at_or_at_the_first(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "right_square_bracket")
        (here,) = on.app.screen.inspector.findings()
        await on.press("v")
        assert on.app.screen.list.line_at(on.app.screen.list.cursor).finding is here
        await on.press("q", "q", "v")
        assert on.app.screen.list.cursor == 1


async def test_where_a_session_has_no_findings_it_says_which_has(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("up", "enter", "right_square_bracket")
        assert "No findings here. Session 2 has 4 findings: press ] again." in on.text()
        await on.press("right_square_bracket")
        assert on.app.screen.rows.number == 2 and on.app.screen.inspector.findings()[0].kind == "order"
        await on.press("right_square_bracket", "right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert "No more findings below." in on.text() and "press" not in on.text().splitlines()[-1]
        await on.press("q")
        assert isinstance(on.app.screen, SessionsScreen)


@pytest.mark.parametrize("is_folder", [True, False])
async def test_what_is_chosen_twice_is_opened_once(stage, chat_recording, tmp_path, is_folder):
    async with stage(tmp_path if is_folder else chat_recording) as on:
        await on.until(lambda: on.app.screen.table.count)
        before = len(on.app.screen_stack)
        on.app.screen.table.action_choose()
        on.app.screen.table.action_choose()
        await on.settle()
        assert len(on.app.screen_stack) == before + 1 and not isinstance(on.app.screen, RecordingsScreen)


async def test_a_finding_that_is_chosen_twice_is_gone_to_once(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("v")
        on.app.screen.list.action_choose()
        on.app.screen.list.action_choose()
        await on.settle()
        assert isinstance(on.app.screen, SessionScreen) and on.app.is_running


async def test_a_rule_folds(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("v", "g")
        before = on.app.screen.list.count
        await on.press("space")
        assert on.app.screen.list.count < before and isinstance(on.app.screen, FindingsScreen)
        await on.press("space")
        assert on.app.screen.list.count == before
        await on.press("enter")  # to the first place where it was broken
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.inspector.findings()


async def test_escape_leads_back_but_not_out(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "slash", *"type:x", "enter", "escape", "escape", "escape", "escape")
        assert on.app.is_running and isinstance(on.app.screen, SessionsScreen) and "^q quits" in on.text()


async def test_why_there_is_no_verdict_any_more_is_said_and_nothing_that_it_said_before(stage, chat_recording, contract):
    async with stage(chat_recording, validating=True, contracts=(str(contract),)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        contract.write_text("rules: 7")
        await on.press("R")
        await on.until(lambda: on.app.validation.status.stage == "failed")
        await on.settle()
        notification = on.app.notice
        assert contract.name in notification.message and notification.severity == "error"
        head = on.text().splitlines()[0]
        assert "no verdict" in head and "✗" not in head and "✓" not in head and "changed" not in head


async def test_what_had_the_focus_has_it_again_after_the_terminal_was_too_small(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "slash", *"type:")
        await on.resize(30, 8)
        assert "too small" in on.text()
        await on.press("x", "y", "m")
        assert not on.app.notice and len(on.app.screen_stack) == 2, "keys do nothing that cannot be seen"
        await on.resize(80, 24)
        await on.press(*"chat")
        assert on.app.screen.bar.filter_text == "type:chat"


async def test_a_terminal_that_is_too_small_at_first_can_be_used_as_soon_as_it_is_not(stage, chat_recording):
    async with stage(chat_recording, width=30, height=8) as on:
        await on.resize(80, 24)
        await on.press("down", "enter")
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.rows.number == 2


async def test_nothing_is_left_after_quitting_in_the_middle_of_everything(stage, chat_recording, monkeypatch):
    monkeypatch.setattr(jobs, "LARGE_BYTES", 0)
    before = set(threading.enumerate())
    async with stage(chat_recording, validating=True) as on:
        await on.press("down", "enter", "space", "slash", *"type:tool_*")
        children = set(on.app.processes.running)
        await on.pilot.press("ctrl+q")
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("wsreplay")]
    assert left == []
    assert not on.app.is_running
    assert all(child.process.returncode is not None for child in children)


async def test_keys_can_be_given_to_other_actions_by_the_ids_of_the_help_screen(stage, chat_recording):
    async with stage(chat_recording, height=60, config=Config(keys={"list.down": "ctrl+n", "session.filter": "ctrl+s"})) as on:
        await on.press("ctrl+n")
        assert on.app.screen.table.cursor == 1
        await on.press("down")
        assert on.app.screen.table.cursor == 1
        await on.press("enter", "ctrl+s")
        assert on.app.screen.bar.typing
        await on.press("escape", "question_mark")
        assert "^n" in on.text()


async def test_hints_name_the_keys_that_were_given_and_a_click_presses_them(stage, chat_recording):
    keys = {"session.filter": "ctrl+g,/", "sessions.all": "*", "screen.contract": "Z", "app.help": "f2"}
    async with stage(chat_recording, config=Config(keys=keys)) as on:
        foot = on.text().splitlines()[-1]
        assert "* all frames" in foot and "Z contract" in foot and "f2 help" in foot
        await on.pilot.click("#foot", offset=(foot.index("all frames"), 0))
        await on.settle()
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.rows.number is None
        assert "^g filter" in on.text().splitlines()[1]
        await on.pilot.click("#query-idle", offset=(on.text().splitlines()[1].index("^g"), 0))
        await on.settle()
        assert on.app.screen.bar.typing
        await on.press("escape", "v")
        await on.judged([])
        assert "Z validates with another contract" in on.text()


async def test_the_palette_offers_what_can_be_done_here(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        titles = {command.title for command in on.app.get_system_commands(on.app.screen)}
        assert {"Filter", "Waterfall", "Next finding", "Play or pause", "Change theme"} <= titles
        assert not {"Down", "Focus Next", "Focus Previous"} & titles
        await on.press("ctrl+p", *"waterfall")
        await on.until(lambda: "Waterfall" in on.text())
        await on.press("enter")
        await on.until(lambda: type(on.app.screen).__name__ == "WaterfallScreen")


async def test_the_theme_can_be_switched_while_looking(stage, chat_recording):
    async with stage(chat_recording) as on:
        dark = on.app.look
        await on.press("down", "enter", "ctrl+t")
        assert on.app.look != dark and on.app.theme == "wsreplay-light"
        await on.press("j")
        assert not on.app.screen.is_modal


@pytest.mark.parametrize("name", ["nord", "solarized-light", "ansi-dark"])
async def test_any_theme_of_textual_can_be_had(stage, chat_recording, name):
    async with stage(chat_recording, config=Config(theme=name)) as on:
        await on.press("down", "enter")
        assert "tool_executing" in on.text()
        theme = on.app.current_theme
        assert theme.name == name
        if name != "ansi-dark":
            assert Color.parse(on.app.theme_variables["ws-ground"]) == Color.parse(theme.background)


def test_a_theme_that_does_not_exist_is_said_before_the_terminal_is_taken_over(chat_recording):
    with pytest.raises(UsageError, match=r"no theme 'sepia'; there are dark, light, .*nord"):
        ReplayApp(chat_recording, config=Config(theme="sepia"))


async def test_the_mouse_chooses_a_row_a_pane_and_a_time(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        screen = on.app.screen
        await on.pilot.click(screen.frames, offset=(10, 4))
        assert screen.frames.cursor == 3
        await on.pilot.click(screen.detail, offset=(8, 0))
        await on.settle()
        assert screen.inspector.pane == "raw"
        await on.pilot.click(screen.overview, offset=(110, 0))
        await on.settle()
        assert screen.frames.cursor > 8


async def test_from_sixty_to_two_hundred_and_fifty_columns(stage, chat_recording):
    async with stage(chat_recording, height=20, steady=True) as on:
        await on.judged()
        for keys in ("down enter", "right_square_bracket", "enter", "escape w", "w v", "escape question_mark"):
            await on.press(*keys.split())
            for width in (60, 61, 79, 99, 100, 101, 159, 250):
                await on.resize(width, 20)
                lines = on.text().splitlines()
                assert len(lines) == 20 and all(len(line) <= width for line in lines)
                assert "too small" not in on.text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("theme = 3", "theme must be str"), ("colour = 'x'", "no setting 'colour'"), ("[keys]\na = 3", "must name keys"),
        ("= 1", "config.toml"),
    ],
)
def test_a_mistake_in_the_configuration_is_said(tmp_path, text, complaint):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        config.load(path)


def test_the_configuration_is_read_from_where_the_platform_keeps_it(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    path.write_text('theme = "light"\nascii = true\n[keys]\n"list.down" = "n"\n')
    monkeypatch.setenv(config.VARIABLE, str(path))
    assert config.load() == Config("light", True, True, {"list.down": "n"})
    monkeypatch.setenv(config.VARIABLE, str(tmp_path / "none.toml"))
    assert config.load() == Config()


async def test_from_a_recording_of_one_session_the_way_back_leads_out_and_to_no_list(stage, chat_recording, tmp_path):
    with Recording.open(chat_recording) as recording:
        cut(recording, {recording.connections()[0].id}, tmp_path / "one.db")
    async with stage(tmp_path / "one.db") as on:
        assert type(on.app.screen).__name__ == "SessionScreen"
        await on.press("escape")
        assert type(on.app.screen).__name__ == "SessionScreen" and "^q quits." in on.text()
        await on.press("q")
        assert not on.app.is_running or on.app._exit


@pytest.mark.parametrize("keys", ["", "down enter", "down enter right_square_bracket", "v", "down enter w", "D 1 enter",
                                  "down enter slash t y p e enter", "down enter 3"])  # fmt: skip
async def test_another_theme_is_seen_everywhere_at_once(stage, chat_recording, keys):
    pictures = []
    for theme, then in (("light", ()), ("dark", ("ctrl+t",))):
        async with stage(chat_recording, config=Config(theme=theme), steady=True) as on:
            await on.judged()
            await on.press(*keys.split(), *then)
            pictures.append(on.picture())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("hint", "screen"), [("v findings", FindingsScreen), ("? help", HelpScreen), ("w waterfall", WaterfallScreen)]
)
async def test_a_key_that_is_named_can_be_clicked(stage, chat_recording, hint, screen):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter")
        lines = on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
        row = next(row for row, line in enumerate(lines) if hint in line)
        for inside in (0, len(hint) - 1):
            await on.pilot.click(offset=(lines[row].index(hint) + inside, row))
            await on.settle()
            assert isinstance(on.app.screen, screen)
            await on.press("q")
            assert isinstance(on.app.screen, SessionScreen)
        await on.pilot.click(offset=(lines[0].index("wsreplay"), 0))  # what names no key does nothing
        await on.settle()
        assert isinstance(on.app.screen, SessionScreen)


async def test_a_file_that_is_locked_is_said_at_once(chat_recording):
    with closing(sqlite3.connect(chat_recording, isolation_level=None)) as another:
        another.execute("PRAGMA journal_mode = DELETE")
        another.execute("BEGIN EXCLUSIVE")

        def took_s() -> float:
            begun = time.monotonic()
            with pytest.raises(WsreplayError, match="is locked by another program"):
                ReplayApp(chat_recording).open()
            return time.monotonic() - begun

        assert any(took_s() < 3 for _ in range(3)), "the machine may be busy once"
