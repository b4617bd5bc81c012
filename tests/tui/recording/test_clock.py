"""How times are written and read, whatever they are counted from."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_chat import S2C

from wsreplay.model import Connection, Ending, Run, Session
from wsreplay.tui.recording.clock import ClockForm, ShownClock, last_ns
from wsreplay.tui.recording.goto import Target, parse_target

MS, SECOND, HOUR = 10**6, 10**9, 3600 * 10**9
NIGHT = Run(1, "2026-11-20T22:59:58.250Z", 0, 0, None, "", "", "", {})
NEXT = Run(2, "2026-11-21T08:00:00Z", 9 * HOUR, 0, None, "", "", "", {})


@pytest.fixture
def in_berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def clock(form: ClockForm, begins_ns: int = 500 * MS) -> ShownClock:
    return ShownClock(form, begins_ns, (NIGHT, NEXT))


def test_one_time_is_written_in_every_form(in_berlin):
    written = {form: clock(form).text(12_508 * MS) for form in ClockForm}
    assert written == {
        ClockForm.RECORDING: "00:12.508", ClockForm.SESSION: "00:12.008", ClockForm.LOCAL: "00:00:10.758",
        ClockForm.UTC: "23:00:10.758", ClockForm.STEP: "00:12.508",
    }  # fmt: skip
    assert clock(ClockForm.LOCAL).date_text(0) == "2026-11-20 23:59:58.250 CET"
    assert clock(ClockForm.UTC).text(9 * HOUR) == "08:00:00.000", "each run of the recorder has its own anchor"
    assert clock(ClockForm.UTC).text(0, 0) == "22:59:58"
    assert ShownClock(ClockForm.UTC).text(12_508 * MS) == "00:12.508", "nobody knows when it was"
    assert ShownClock().date_text(0) is None


def test_a_row_says_how_long_after_the_one_before_it_came():
    step = clock(ClockForm.STEP)
    assert [step.row_text(1_500 * MS, before) for before in (1_250 * MS, None)] == ["   +250ms", "         "]
    assert step.row_text(0, 250 * MS) == "   -250ms"
    assert clock(ClockForm.SESSION).row_text(1_500 * MS, 0) == "00:01.000"


def test_times_before_and_after_the_first_hour_are_of_one_width():
    long = ShownClock(reached_ns=HOUR)
    assert [long.row_text(t_ns, None) for t_ns in (400 * MS, HOUR + 400 * MS)] == ["  00:00.400", "1:00:00.400"]
    assert ShownClock(ClockForm.UTC, 0, (NIGHT,), 2 * HOUR).row_text(0, None) == "22:59:58.250"
    assert last_ns(None, (NIGHT, NEXT)) == 0 and last_ns(Session(1, (Connection(1, 1, 0, closed_ns=HOUR),)), (NIGHT,)) == HOUR
    assert last_ns(None, (NIGHT._replace(reached_ns=7), NEXT._replace(ended_ns=9))) == 9


def test_the_hour_that_autumn_tells_twice_has_two_zones(in_berlin):
    autumn = ShownClock(ClockForm.LOCAL, 0, (NIGHT._replace(started_at="2026-10-25T00:30:00Z"),))
    assert autumn.text(0) == autumn.text(HOUR) == "02:30:00.000"
    assert [autumn.form_text(t_ns) for t_ns in (0, HOUR)] == ["time of day, CEST", "time of day, CET"]
    assert clock(ClockForm.UTC).form_text(0) == "time of day, UTC" and ShownClock(ClockForm.LOCAL).form_text(0) == "time of day"


@pytest.mark.parametrize(
    ("form", "text", "t_ns"),
    [
        (ClockForm.RECORDING, "12.5s", 12_500 * MS), (ClockForm.SESSION, "12.5s", 13_000 * MS),
        (ClockForm.UTC, "12.5s", None), (ClockForm.RECORDING, "@23:59:59", 750 * MS), (ClockForm.RECORDING, "@0:00", None),
        (ClockForm.LOCAL, "@23:59:59.25", SECOND), (ClockForm.LOCAL, "0:00:10.758", 12_508 * MS),
        (ClockForm.LOCAL, "@22:59:59Z", 750 * MS), (ClockForm.UTC, "23:00:10", 11_750 * MS),
        (ClockForm.UTC, "@2026-11-21T08:00:01Z", 9 * HOUR + SECOND),
    ],
)  # fmt: skip
def test_a_time_is_read_as_it_is_written(in_berlin, form, text, t_ns):
    target = parse_target(text, clock(form))
    if t_ns is not None:
        assert target == Target("time", t_ns + MS - 1)
    else:
        assert target is not None and target.kind == "time"


@pytest.mark.parametrize("text", ["@", "@25:00:00", "@14", "@2026-13-01T00:00", "14:99:99", "@-1:00"])
def test_what_is_no_time_is_none(text):
    assert parse_target(text, clock(ClockForm.LOCAL)) is None
    assert parse_target("@14:03", ShownClock()) is None, "nobody knows when it was"


@given(form=st.sampled_from(list(ClockForm)), t_ms=st.integers(500, 24 * 3600 * 1000 - 1_000))
def test_what_is_shown_of_a_time_leads_there(form, t_ms):
    shown = ShownClock(form, 500 * MS, (NIGHT,))
    target = parse_target(shown.text(t_ms * MS), shown)
    assert target is not None and shown.text(target.value) == shown.text(t_ms * MS)
    assert 0 <= target.value - t_ms * MS < MS


async def test_the_same_frame_has_the_same_time_on_every_screen(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        for key, time_of_missing in (
            ("", "00:12.789"), ("t", "00:12.289"), ("t", "12.789"), ("t", "10:00:12.789"), ("t", ""), ("t", "00:12.789"),
        ):  # fmt: skip
            await on.press(*key)
            assert time_of_missing in next(line for line in on.text().splitlines() if "missing: tool_completed" in line)
        await on.press("t", "t", "t", "v")
        assert "10:00:12.789" in on.text(), "the list of findings too"
        await on.press("q", "w")
        assert "10:00:0" in on.text(), "the ruler of the waterfall too"


async def test_the_foot_says_what_times_are_counted_from(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        assert "since" not in on.text().splitlines()[-1]
        await on.press("t")
        assert "Clock: since the session began." in on.text().splitlines()[-1]
        on.app.clear_notifications()
        await on.settle()
        assert "00:00.200/00:25.500" in on.text().splitlines()[-1] and "since the session began" in on.text().splitlines()[-1]
        await on.press("colon", *"9s", "enter")
        assert "00:09.000" in on.text().splitlines()[-1]


async def test_the_columns_of_a_session_longer_than_an_hour_are_straight_on_every_screen(stage, script):
    made = script("long.db")
    for number in (1, 2):
        made.open(number, 0, closed_ns=3_700_000 * MS, ending=Ending.CLEAN)
        made.say(number, 100, S2C, "tool_executing", tool_call_id="c1", tool_name="wait")
        made.say(number, 3_600_200, S2C, "tool_completed", tool_call_id="c1", tool_name="wait")
    async with stage(made.write(3_700_000)) as on:
        for keys in ((), ("enter",), ("q", "D", "2", "enter")):
            await on.press(*keys)
            on.app.clear_notifications()
            await on.settle()
            places = {line.index("◀ tool_") for line in on.text().splitlines() if "◀ tool_" in line}
            assert len(places) == 1, on.text()
