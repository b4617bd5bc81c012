"""The session screen: finding one's way to where it went wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wsreplay.model import Ending
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.config import Config
from wsreplay.tui.recording.evidence import NO_EVIDENCE, GhostRow, Source
from wsreplay.tui.recording.extra_rows import FaultRow
from wsreplay.tui.session.screen import SessionScreen
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.frame_row import place_words
from wsreplay.validator.findings import Finding, Judgement, Severity, Verdict

GHOST_ROW = 7

MS = 1_000_000

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"


async def test_a_session_can_be_opened_at_once(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.session.user == "u2"
        await on.press("q")
        assert isinstance(on.app.screen, SessionsScreen) and on.app.screen.table.cursor == 1


async def test_the_next_finding_is_one_key_away_and_shows_its_witness_and_the_contracts_words(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "right_square_bracket")
        screen = on.app.screen
        assert isinstance(screen, SessionScreen)
        item = screen.inspector.item
        assert isinstance(item, GhostRow)
        assert item.finding.message == "tool_completed never came for call c7 in thread t2"
        assert set(screen.frames.witnesses) == {10, 18}
        assert "within: 10s" in screen.detail.text
        assert "agent-chat.yaml:24" in screen.detail.text
        await on.press("x")
        assert screen.inspector.frame is not None and screen.inspector.frame.id == 10
        await on.press("x", "x")
        assert isinstance(screen.inspector.item, GhostRow)


async def test_a_missing_event_stands_where_it_was_due_and_an_event_out_of_order_says_where_it_belongs(stage, chat_recording):
    async with stage(chat_recording, width=160) as on:
        await on.judged()
        await on.press("down", "enter")
        lines = on.text().splitlines()
        ghost = next(number for number, line in enumerate(lines) if "missing: tool_completed" in line)
        assert "00:12.789" in lines[ghost] and "got agent_completed" in lines[ghost]
        assert "pong" in lines[ghost - 1] and "late by 2.1s" in lines[ghost + 1]
        assert any("⇅" in line and "belongs after #8" in line for line in lines)


async def test_what_is_missing_stands_behind_what_calls_for_it_also_where_all_was_read_at_once(stage, script):
    made = script("at-once.db")
    made.open(1, 0)
    for kind in ("agent_started", "agent_thinking", "tool_executing", "agent_completed"):
        call = {"tool_call_id": "c1"} if kind == "tool_executing" else {}
        made.say(1, 100, 1, kind, thread_id="t1", run_id="r1", **call)
    async with stage(made.write(1_000), session=1, validating=True, contracts=("agent-chat",)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.settle()
        view = on.app.screen.rows.view
        rows = [view.row(number) for number in range(len(view))]
        assert [row.finding.expected[0] if isinstance(row, GhostRow) else row.type for row in rows] == [
            "agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed",
        ]  # fmt: skip


async def test_the_head_says_how_much_was_injected_into_this_session(stage, chat_recording):
    with Recording.open(chat_recording) as recording:
        numbers = [connection.id for connection in recording.connections()]
    writer = Writer(chat_recording)
    for number in numbers:
        for _ in range(number):
            writer.add_fault(1, "latency", "latency=2s", number, 1)
    writer.close()
    for ascii_only, sign in ((False, "↯"), (True, "%")):
        async with stage(chat_recording, width=160, config=Config(ascii=ascii_only)) as on:
            await on.judged()
            await on.press("down", "enter")
            assert isinstance(on.app.screen, SessionScreen)
            injected = sum(connection.id for connection in on.app.screen.session.connections)
            assert 0 < injected < sum(numbers)
            assert f"{sign} {injected} injected" in on.text().splitlines()[0].replace("\N{NO-BREAK SPACE}", " ")


async def test_an_injected_fault_stands_at_its_place_in_time_and_only_in_its_session(stage, chat_recording):
    writer = Writer(chat_recording)
    writer.add_fault(12_900 * MS, "drop", "drop:tool_completed", 2, 1)
    writer.add_fault(800 * MS, "delay", "delay:agent_thinking,by=3s", 1, 1)
    writer.close()
    async with stage(chat_recording, width=160) as on:
        await on.judged()
        await on.press("down", "enter")
        screen = on.app.screen
        rows = [screen.rows.view.row(number) for number in range(len(screen.rows.view))]
        at = next(number for number, row in enumerate(rows) if isinstance(row, FaultRow))
        assert "tool_completed" in rows[at - 1].finding.expected and rows[at + 1].t_ns == 13_250 * MS
        assert sum(isinstance(row, FaultRow) for row in rows) == 1
        line = next(line for line in on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines() if "injected: drop" in line)
        assert "↯" in line and "00:12.900" in line and "drop:tool_completed ◀" in line
        screen.frames.move_to(at)
        await on.settle()
        assert "on purpose" in screen.detail.text
        await on.press("slash", *"type:tool_*", "enter")
        await on.until(lambda: screen.rows.matches is not None)
        assert "injected: drop" not in on.text()
        await on.press("escape", "0", "i", "i", "space")
        on.clock.move(11_000)
        screen.tick()
        await on.settle()
        assert screen.replaying and "injected:" not in on.text()  # not yet


async def test_going_past_the_last_finding_says_so(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "G", "right_square_bracket")
        assert "No more findings below." in on.text()


async def test_the_panes_turn_and_the_narrow_screen_shows_one_at_a_time(stage, chat_recording):
    async with stage(chat_recording, width=80) as on:
        await on.press("down", "enter")
        screen = on.app.screen
        assert not screen.detail.display and screen.frames.display
        await on.press("enter")
        assert screen.detail.display and not screen.frames.display
        for pane in ("raw", "hex", "meta", "findings", "json"):
            await on.press("tab")
            assert screen.inspector.pane == pane
        await on.press("escape")
        assert screen.frames.display and isinstance(on.app.screen, SessionScreen)


@pytest.mark.parametrize("keys", ["enter", "v l"])
async def test_where_there_is_room_again_the_list_comes_back_beside_the_detail(stage, chat_recording, keys):
    async with stage(chat_recording, width=80, session=2) as on:
        await on.judged()
        await on.press(*keys.split())
        lists = on.app.screen.query("#frames, #findings").first()
        assert on.app.screen.detail.has_focus and not lists.display
        await on.resize(120, 30)
        assert on.app.screen.detail.has_focus and lists.display
        if keys == "enter":
            await on.press("backslash")  # what is maximised stays so
            await on.resize(130, 30)
            assert not lists.display


async def test_a_cursor_in_sight_stays_in_sight_when_the_terminal_shrinks(stage, script):
    made = script("long.db")
    made.open(1, 0)
    for at in range(200):
        made.say(1, at, 1, "x", n=at)
    async with stage(made.write(300), height=50) as on:
        frames = on.app.screen.frames
        await on.press(*["down"] * 30)
        assert frames.cursor == 30 and frames.seen().start == 0
        await on.resize(120, 14)
        assert frames.cursor == 30 and frames.cursor in frames.seen()
        await on.resize(120, 50)
        assert frames.cursor in frames.seen()
        frames.scroll_to(y=100, animate=False, immediate=True)  # away from the cursor, with the wheel
        await on.resize(120, 20)
        assert frames.seen().start == 100


async def test_escape_undoes_one_thing_at_a_time_and_then_goes_back(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None)
        await on.press("space", "space")
        assert on.app.screen.replaying
        await on.press("escape")
        assert not on.app.screen.replaying and on.app.screen.rows.matches is not None
        await on.press("escape")
        assert on.app.screen.rows.matches is None
        await on.press("escape")
        assert isinstance(on.app.screen, SessionsScreen)


@pytest.mark.parametrize(("text", "frame"), [("16", 16), ("#5", 5), ("2.789s", 10), ("0:13.25", 16), ("+20s", 18)])
async def test_going_to_a_frame_a_time_or_a_step(stage, chat_recording, text, frame):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *text, "enter")
        assert on.app.screen.inspector.frame.id == frame


async def test_a_place_that_is_none_is_refused_in_the_prompt(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *"nowhere", "enter")
        assert "a frame number" in on.text()


async def test_of_a_detail_only_the_lines_are_painted_that_changed(stage, script, monkeypatch):
    made = script("alike.db")
    made.open(1, 0, closed_ns=10**9)
    for number in range(1, 9):
        made.say(1, number, 1, "partial_result", content=f"part {number}", of=8)
    async with stage(made.write(1_000), width=120, height=30, steady=True) as on:
        painted: list[int] = []
        plain = Detail.render_line
        monkeypatch.setattr(Detail, "render_line", lambda detail, y: (painted.append(y), plain(detail, y))[1])
        await on.press("j")
        assert "part 2" in on.app.screen.detail.text
        assert painted == [2]  # { and the type are those of the row before, and so is the rest


def test_a_row_says_whose_an_event_is_in_few_columns():
    message = "thread t1 of user bob reached user ann: 2 events, chat first"
    finding = Finding("owner", Verdict.VIOLATED, Severity.ERROR, message, kind="isolation", seen="chat")
    assert place_words(finding, None) == "thread t1 of user bob"
    confined = replace(finding, message="an event for owner bob reached user ann: chat")
    assert place_words(confined, None) == "an event for owner bob"


@pytest.mark.parametrize("width", [80, 120])
async def test_long_names_of_types_are_whole_and_stay_in_their_column(stage, width):
    async with stage(SAMPLES / "openai-realtime" / "good.db", width=width) as on:
        lines = on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
        name, short = "response.content_part.added", "session.created"
        whole = next(line for line in lines if name in line)
        other = next(line for line in lines if short in line)
        assert whole.index(name) == other.index(short)
        after = slice(whole.index(name) + len(name), whole.index(name) + len(name) + 1)
        assert whole[after] == other[after] == " "


async def test_all_frames_say_whose_they_are_and_where_there_is_no_room_which_connection(stage, chat_recording):
    async with stage(chat_recording, width=200) as on:
        await on.press("a")
        assert "conn 2  u2" in on.text().replace("\N{NO-BREAK SPACE}", " ")
        await on.resize(80, 30)
        text = on.text().replace("\N{NO-BREAK SPACE}", " ")
        assert " conn 1  " in text and " conn 2  " in text and "conn 2  u2" not in text


@pytest.mark.parametrize("width", [80, 160])
async def test_the_next_finding_is_shown_in_the_detail_where_one_is_in_it(stage, chat_recording, width):
    async with stage(chat_recording, width=width) as on:
        await on.judged()
        await on.press("down", "enter", "enter")
        screen = on.app.screen
        assert screen.detail.has_focus
        await on.press("right_square_bracket")
        assert screen.detail.has_focus and "never came" in screen.detail.text
        await on.press("escape")
        assert on.app.screen is screen and screen.frames.has_focus and screen.frames.cursor == GHOST_ROW


async def test_a_mistake_that_is_entered_stays_said_and_can_be_left(stage, chat_recording):
    async with stage(chat_recording, width=100) as on:
        await on.press("down", "enter", "slash", *"sev>=", "enter")
        screen = on.app.screen
        assert screen.bar.typing and "a value is missing" in on.text() and "sev>=" in on.text()
        await on.press("escape")
        assert on.app.screen is screen and not screen.bar.typing and screen.rows.view.frames == 13


async def test_a_second_search_is_typed_over_the_first(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "ctrl+f", *"agent", "enter", "ctrl+f", *"zzzz", "enter")
        await on.until(lambda: "in no frame: zzzz" in on.text())
        await on.press("ctrl+f", *"Übrigens", "enter")
        await on.until(lambda: "found Übrigens" in on.text())
        await on.press("n")
        await on.until(lambda: "the only frame" in on.text())


async def test_the_clock_goes_with_the_cursor_when_a_filter_had_let_nothing_through(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool")
        await on.until(lambda: on.app.screen.rows.matches is not None and not len(on.app.screen.rows.view))
        await on.press(*"_completed", "enter")
        await on.until(lambda: "1/1" in on.text())
        assert "00:13.250/00:26.000" in on.text()


async def test_the_clock_and_the_count_say_where_the_cursor_is(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_completed", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None and "1/1" in on.text())
        assert "00:13.250/00:26.000" in on.text()
        await on.press("escape")
        assert "00:13.250/00:26.000" in on.text()
        await on.press("3", "space")
        on.clock.move(60)
        on.app.screen.tick()
        await on.settle()
        assert "/13" in on.text().splitlines()[-1]  # of how many, also while they come


NOT_HERE = [("99999", "the recording has frames 1 to 21"), ("9" * 20, "the recording has frames 1 to 21"),
            ("1", "it is in session 1")]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), NOT_HERE)
async def test_a_frame_that_is_not_in_the_list_cannot_be_gone_to_and_why_is_said(stage, chat_recording, text, why):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *text, "enter")
        assert "is not in this list" in on.text() and why in on.text() and on.app.screen.frames.cursor == 0


@pytest.mark.parametrize(("text", "why"), NOT_HERE)
async def test_a_frame_that_is_not_in_the_waterfall_cannot_be_gone_to_and_why_is_said(stage, chat_recording, text, why):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "5", "w")
        before = on.app.screen.playback.at_ns
        await on.press("colon", *text, "enter")
        assert why in on.text() and on.app.screen.playback.at_ns == before
        await on.press("colon", *"16", "enter")
        assert on.app.screen.playback.at_ns == 13_250 * MS


async def test_a_frame_says_of_what_it_is_a_witness(stage, chat_recording):
    async with stage(chat_recording, width=160) as on:
        await on.judged()
        await on.press("down", "enter", "g", "j", "shift+tab")
        assert "a witness of:" in on.app.screen.detail.text
        assert "no tool_completed for every tool of run r7" in on.app.screen.detail.text.replace("\n", " ")


async def test_a_finding_on_the_first_row_can_be_gone_to(stage):
    async with stage(SAMPLES / "graphql-transport-ws" / "silence.db", validating=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("right_square_bracket")
        assert "No more findings" not in on.text() and on.app.screen.inspector.findings()
        assert "00:04.150" in on.text().splitlines()[-1]
        await on.press("right_square_bracket")
        assert "No more findings below." in on.text()


async def test_a_contract_that_is_about_nothing_here_is_not_said_to_be_kept(stage, chat_recording):
    async with stage(chat_recording, validating=True, contracts=("graphql-transport-ws",)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert "no rule applies" in on.text() and "✓" not in on.text()
        await on.press("v")
        assert "is it the right one?" in on.text()


def test_that_no_rule_applied_is_not_said_before_it_is_known():
    def judged(verdict: str, **sessions: str) -> Judgement:
        known = {int(number[1:]): Verdict(verdict) for number, verdict in sessions.items()}
        return Judgement("x", "1", "", Verdict(verdict), 0, len(known), (), session_verdicts=known)

    source = Source("x", "x.yaml", {}, "")
    growing = NO_EVIDENCE._replace(sources=(source,))
    assert growing.is_there and not growing.is_vacuous() and not growing.is_vacuous(1)
    nothing = growing._replace(judgements=(judged("vacuous"),))
    assert nothing.is_vacuous() and nothing.is_vacuous(1)
    some = growing._replace(judgements=(judged("satisfied", s1="satisfied", s2="vacuous"),))
    assert not some.is_vacuous() and not some.is_vacuous(1) and some.is_vacuous(2)


async def test_who_looks_for_findings_that_no_contract_could_make_is_told_so(stage, script):
    strange = script("strange.db")
    strange.open(1, 0, closed_ns=10**9, ending=Ending.CLEAN)
    strange.say(1, 1, 1, raw=b'{"kind":"tick"}')
    async with stage(strange.write(1_000), validating=True) as on:
        await on.until(lambda: "no contract fits" in on.text())
        await on.press("right_square_bracket")
        assert "Nothing is judged: no contract fits; c chooses one." in on.text()

NESTED = "contract: trip\nenvelope: {type: $.head.name}\nuser: $.body.as\nknown: ['*']\n"


async def test_rows_tell_what_is_below_a_header_and_the_head_whom_a_message_names(stage, script, tmp_path):
    made = script("trip.db")
    made.open(1, 0, user=None, closed_ns=10**9, ending=Ending.CLEAN)
    made.say(1, 1, 0, raw=b'{"head":{"name":"login"},"body":{"as":"ann"}}')
    made.say(1, 2, 1, raw=b'{"head":{"name":"step.start","turn":"t1"},"body":{"what":"hotels"}}')
    contract = tmp_path / "trip.yaml"
    contract.write_text(NESTED)
    async with stage(made.write(1_000), contracts=(str(contract),), validating=True) as on:
        await on.until(lambda: "session 1 · ann" in on.text())
        rows = on.text().replace("\N{NO-BREAK SPACE}", " ")
        assert "body.what=hotels  head.turn=t1" in rows and "head.name=" not in rows
