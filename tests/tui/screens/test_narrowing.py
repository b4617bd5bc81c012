"""`/` narrows and `s` sorts the lists of findings and of compared messages as all others."""

from __future__ import annotations

import pytest

from wsreplay.diff.rows import Kind
from wsreplay.tui.findings.grouping import FindingGroup, Occurrence
from wsreplay.tui.findings.screen import FindingsScreen


def rules(screen):
    return [line.rule for line in screen.list._lines if isinstance(line, FindingGroup)]


async def test_findings_are_narrowed_by_words_and_escape_shows_all_of_them(stage, chat_recording):
    async with stage(chat_recording, width=120, steady=True) as on:
        await on.judged()
        await on.press("v")
        screen = on.app.screen
        every, rule = screen.list.count, "think-before-tools"
        await on.press("slash", *rule)
        assert rules(screen) == [rule] and screen.list.count < every
        await on.press("enter", "escape")
        assert screen.list.count == every and on.app.screen is screen
        await on.press("slash", *"no-such-word", "enter")
        assert "No finding contains this text." in on.text() and "0 of" in on.text()
        await on.press("escape", "escape")
        assert not isinstance(on.app.screen, FindingsScreen)


async def test_what_follows_from_a_finding_is_found_with_it(stage, chat_recording):
    async with stage(chat_recording, steady=True) as on:
        await on.judged()
        await on.press("v")
        screen = on.app.screen
        followers = [line.finding for line in screen.list._lines if isinstance(line, Occurrence) and line.follows]
        for finding in followers:
            await on.press("slash", *finding.rule, "enter")
            shown = [line.finding for line in screen.list._lines if isinstance(line, Occurrence)]
            assert any(cause.id == finding.caused_by for cause in shown)


async def test_findings_are_sorted_by_gravity_time_number_and_rule_and_the_cursor_stays_on_its_row(stage, chat_recording):
    async with stage(chat_recording, width=120, steady=True) as on:
        await on.judged()
        await on.press("v", "j")
        screen = on.app.screen
        here = screen.list.line_at(screen.list.cursor)
        orders = []
        for name in ("time", "number", "rule", "gravity"):
            await on.press("s")
            assert f"Sorted by {name}." in on.text()
            assert (f"by {name} " in on.text().splitlines()[1] + " ") is (name != "gravity")
            assert screen.list.line_at(screen.list.cursor) == here
            orders.append(rules(screen))
        assert orders[2] == sorted(orders[2]) and all(sorted(order) == orders[2] for order in orders)


@pytest.fixture
def pair(script):
    """Two sessions, of which each has something that the other has not."""
    made = script("pair.db")
    for number, words in ((1, "one two three"), (2, "one three")):
        made.open(number, number, closed_ns=10**9)
        for place, word in enumerate(words.split()):
            ids = {"message_id": f"{number}-{place}", "thread_id": f"t{number}", "run_id": f"r{number}"}
            made.say(number, 10 * place + number + 1, 1, "partial_result", content=word, **ids)
    return made.write(2_000)


async def test_compared_messages_are_narrowed_by_what_their_payloads_say_and_sorted(stage, pair):
    async with stage(pair, width=120, steady=True) as on:
        await on.press("D", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows)
        every = len(screen.rows)
        await on.press("slash", *"three", "enter")
        await on.until(lambda: len(screen.list.rows) == 1)
        assert f"1 of {every}" in on.text() and '"three"' in on.text()
        await on.press("escape")
        assert len(screen.list.rows) == every
        await on.press("s")
        await on.until(lambda: screen.list.rows[0].kind in (Kind.ONLY_A, Kind.ONLY_B))
        assert "by difference" in on.text() and len(screen.list.rows) == every
        await on.press("slash", *"nowhere")
        await on.until(lambda: "No row contains this text." in on.text())
