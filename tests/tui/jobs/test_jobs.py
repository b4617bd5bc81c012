"""The jobs of a screen: of a large recording in a process, and what becomes of those that fail."""

from __future__ import annotations

import gc
import time

import pytest

from wsreplay.tui.jobs import jobs
from wsreplay.tui.recording.scan import matching_ids
from wsreplay.tui.session import search


@pytest.fixture
def all_are_large(monkeypatch):
    monkeypatch.setattr(jobs, "LARGE_BYTES", 0)


def waits(*_values):
    time.sleep(60)


async def test_of_a_small_recording_nothing_is_read_in_a_process(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        assert on.app.processes._spare is None and not on.app.processes.running


async def test_filtering_searching_and_the_waterfall_of_a_large_recording(stage, chat_recording, all_are_large, monkeypatch):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None)
        assert len(on.app.screen.rows.view.ids) == 3
        await on.press("ctrl+f", *"metrics", "enter")
        await on.until(lambda: "found metrics" in on.text())
        await on.press("escape", "escape", "w")
        await on.until(lambda: on.app.screen._spans)
        assert "tool" in on.text()


async def test_a_filter_whose_process_was_killed_says_so_and_can_be_asked_again(
    stage, chat_recording, all_are_large, monkeypatch
):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        monkeypatch.setattr(search, "matching_ids", waits)
        await on.pilot.press("slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.jobs.is_running("filtering") and on.app.processes.running)
        for child in on.app.processes.running:
            child.process.kill()
        await on.until(lambda: "filtering stopped" in on.text())
        monkeypatch.setattr(search, "matching_ids", matching_ids)
        await on.press("slash", "enter")
        await on.until(lambda: len(on.app.screen.rows.view.ids) < len(on.app.screen.rows.base))


async def test_a_screen_that_is_left_ends_its_jobs(stage, chat_recording, all_are_large, monkeypatch):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        monkeypatch.setattr(search, "matching_ids", waits)
        await on.pilot.press("slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.processes.running)
        await on.pilot.press("q")
        await on.until(lambda: not on.app.processes.running)
        assert "stopped" not in on.text()


async def test_a_job_that_is_given_up_before_it_begins_leaves_nothing(stage, chat_recording):
    async with stage(chat_recording) as on:
        on.app.screen.jobs.run_in_thread("counting", waits, waits)
        on.app.screen.jobs.cancel("counting")
        await on.settle()
        gc.collect()  # what was never awaited would be told of now
        assert not on.app.screen.jobs.busy
