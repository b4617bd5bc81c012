"""Long errands run in a process of their own: with the same answers, and without taking the interface down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from array import array
from functools import partial
from queue import Queue

import pytest

from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.tui.jobs import job as errand
from wsreplay.tui.jobs.job import Errand, Errands
from wsreplay.tui.jobs.worker import Clerk
from wsreplay.tui.recording.scan import FrameScan, matching_ids, next_match, session_ids
from wsreplay.tui.recording.span_reading import read_spans
from wsreplay.tui.session import search as search

PATIENCE_S = 20


@pytest.fixture
def clerk():
    clerk = Clerk()
    yield clerk
    clerk.stop()


def answers(take, path, work):
    """What an errand tells, up to its end."""
    told, over = [], Queue()
    running = take(path, work, told.append, over.put)
    running.join(PATIENCE_S)
    assert not running.is_alive()
    assert over.empty(), over.get()
    return told


def in_a_thread(path, work, tell, fail):
    errand = Errand(path, work, tell, fail)
    errand.start()
    return errand


def scan(path, text):
    with Recording.open(path) as reader:
        return FrameScan(filters.parse(text), filters.Context.of(reader))


# Work is pickled by name.


def refuses(reader, errand):
    raise UsageError("this cannot be done")


def breaks(reader, errand):
    raise ZeroDivisionError("nobody thought of this")


def waits(*given):
    reader, errand = given[-2:]
    errand.tell(os.getpid())
    while not errand.cancelled:
        list(reader.query("SELECT count(*) FROM frame a, frame b, frame c"))


@pytest.mark.parametrize("text", ["type:tool_*", "/tool/ | user:u1", '!"agent"', "$.payload", "sev>=info"])
def test_the_answers_are_those_of_a_thread(clerk, chat_recording, text):
    with Recording.open(chat_recording) as reader:
        ids, connections = array("Q", reader.frame_ids()), reader.connections()
    for work in (
        partial(matching_ids, scan(chat_recording, text), ids, 3),
        partial(next_match, scan(chat_recording, text), range(1, len(ids) + 1), 5, False),
        partial(session_ids, connections),
    ):
        assert answers(clerk.take, chat_recording, work)[-1] == answers(in_a_thread, chat_recording, work)[-1]


def test_spans_keep_who_is_part_of_whom(clerk, chat_recording):
    (here,) = answers(in_a_thread, chat_recording, partial(read_spans, None, ()))
    (there,) = answers(clerk.take, chat_recording, partial(read_spans, None, ()))

    def told(found):
        places = {id(drawn): place for place, drawn in enumerate(found.spans)}
        return [(one.kind, one.name, one.start_ns, one.end_ns, places.get(id(one.parent))) for one in found.spans]

    assert told(there) == told(here) and len(told(here)) > 3
    assert all(drawn in there.spans for lane in there.lanes for drawn in lane.spans)


def test_what_cannot_be_done_is_said_and_the_process_goes_on(clerk, chat_recording, tmp_path):
    for path, work, words in (
        (chat_recording, refuses, "this cannot be done"),
        (tmp_path / "gone.db", refuses, "gone.db"),
        (chat_recording, breaks, "ZeroDivisionError: nobody thought of this"),
    ):
        failed: Queue[str] = Queue()
        job = clerk.take(path, work, print, failed.put)
        assert words in failed.get(timeout=PATIENCE_S)
        job.join(PATIENCE_S)
        assert not job.is_alive()


def test_one_that_is_cancelled_is_over_at_once_and_says_nothing_more(clerk, chat_recording):
    told, failed = Queue(), Queue()
    job = clerk.take(chat_recording, waits, told.put, failed.put)
    told.get(timeout=PATIENCE_S)
    job.cancel()
    assert not job.is_alive()
    with Recording.open(chat_recording) as reader:
        connections = reader.connections()
    assert answers(clerk.take, chat_recording, partial(session_ids, connections))
    assert told.empty() and failed.empty()


def test_a_process_that_is_killed_is_said_and_the_next_errand_has_another(clerk, chat_recording):
    told, failed = Queue(), Queue()
    job = clerk.take(chat_recording, waits, told.put, failed.put)
    os.kill(told.get(timeout=PATIENCE_S), signal.SIGKILL)
    assert "stopped" in failed.get(timeout=PATIENCE_S)
    job.join(PATIENCE_S)
    with Recording.open(chat_recording) as reader:
        connections = reader.connections()
    assert answers(clerk.take, chat_recording, partial(session_ids, connections))


def test_stopping_leaves_no_process_and_no_thread(clerk, chat_recording):
    told: Queue[int] = Queue()
    clerk.take(chat_recording, waits, told.put, print)
    process = told.get(timeout=PATIENCE_S)
    clerk.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not [thread for thread in threading.enumerate() if "clerk" in thread.name]


def test_it_ends_with_the_interface(chat_recording):
    """Also where that was killed: nothing but the pipe tells."""
    process = subprocess.Popen([sys.executable, "-m", "wsreplay.tui.jobs.worker_process"], stdin=subprocess.PIPE)
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0


def test_a_small_recording_needs_no_process(clerk, chat_recording):
    errands = Errands(chat_recording, print, print, clerk)
    errands.get_ready()
    errands.hand_over("filter", refuses, print)
    assert clerk._beside is None
    errands.cancel_all()


async def test_filtering_searching_and_the_waterfall_of_a_large_recording(stage, chat_recording, monkeypatch):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        small = list(on.app.screen.rows.view.ids)
    monkeypatch.setattr(errand, "LARGE_BYTES", 0)
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: list(on.app.screen.rows.view.ids) == small)
        assert on.app.recording.clerk._beside.running
        await on.press("escape", "w")
        await on.until(lambda: on.app.screen._spans)
        assert "tool" in on.text()


async def test_a_filter_that_stopped_says_so_and_can_be_asked_again(stage, chat_recording, monkeypatch):
    monkeypatch.setattr(errand, "LARGE_BYTES", 0)
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        monkeypatch.setattr(search, "matching_ids", waits)
        await on.pilot.press("slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.recording.clerk._jobs)
        on.app.recording.clerk._beside._process.kill()
        await on.until(lambda: "filtering stopped" in on.text())
        monkeypatch.setattr(search, "matching_ids", matching_ids)
        await on.press("slash", "enter")
        await on.until(lambda: len(on.app.screen.rows.view.ids) < len(on.app.screen.rows.base))
