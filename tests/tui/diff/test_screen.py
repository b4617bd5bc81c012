"""Choosing what to compare with."""

from __future__ import annotations

import pytest

from wsreplay.diff.rows import Kind


@pytest.mark.parametrize(("typed", "why"), [
    ("9" * 5_000, "and so on is not a session number"), ("x.db#" + "9" * 5_000, "is not a session number"),
    ("0", "first session is number 1"), ("7", "has no session 7"), ("#x", "'x' is not a session number"),
])  # fmt: skip
async def test_a_number_that_no_session_has_is_refused_where_it_is_typed(stage, chat_recording, typed, why):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "D", "tab")
        prompt = on.app.screen
        on.app.focused.value = typed
        await on.press("enter")
        assert on.app.screen is prompt
        complaint = " ".join(on.text().replace("│", " ").split())
        assert why in complaint, complaint


async def test_a_type_is_left_out_and_taken_in_again(stage, script):
    made = script("pair.db")
    for number, kinds in ((1, "go notice heartbeat"), (2, "notice heartbeat go heartbeat")):
        made.open(number, number, closed_ns=10**9)
        for place, kind in enumerate(kinds.split()):
            made.say(number, 10 * place + number + 1, 1, kind)
    async with stage(made.write(2_000), width=120, steady=True) as on:
        await on.press("D", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows)
        assert [row.kind for row in screen.rows if row.kind is not Kind.SAME] == [Kind.MOVED]
        assert "not compared: heartbeat 3" in on.text()
        screen.list.move_to([row.said.name for row in screen.rows].index("notice"))
        await on.press("x")
        await on.until(lambda: "notice 2" in on.text())
        assert {row.kind for row in screen.rows} == {Kind.SAME}
        await on.press("G", "x")
        await on.until(lambda: "ws.close 2" in on.text())
        await on.press("X")
        await on.until(lambda: any(row.said.name == "notice" for row in screen.rows))
