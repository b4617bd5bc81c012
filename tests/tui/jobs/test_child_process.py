"""Tasks in processes of their own: with the same answers as in a thread, and without taking the interface down."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from array import array
from functools import partial

import pytest

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.decoder_choices import AS_RECORDED
from wsreplay.tui.jobs.child_process import LARGE_BYTES, ChildProcesses
from wsreplay.tui.jobs.task import RecordingTask
from wsreplay.tui.recording.scan import FrameScan, ScanResult, matching_ids, next_match, session_ids
from wsreplay.tui.recording.span_reading import read_spans

PATIENCE_S = 60


@pytest.fixture
async def processes():
    processes = ChildProcesses()
    yield processes
    await processes.stop()


async def there(processes, path, work):
    values = []
    async with asyncio.timeout(PATIENCE_S):
        await processes.run(RecordingTask(path, work), values.append)
    return values


def scan(path, text):
    with Recording.open(path) as reader:
        return FrameScan(filters.parse(text), filters.Context.of(reader))


# Work is pickled by name.


def tells_much(reader, context):
    context.publish("x" * LARGE_BYTES)


def refuses(reader, context):
    raise UsageError("this cannot be done")


def breaks(reader, context):
    raise ZeroDivisionError("nobody thought of this")


class FoundBy:
    """Knows, once it has been unpickled, by which thread."""

    def __reduce__(self):
        return threading.get_ident, ()


def says_by_whom(reader, context):
    context.publish(FoundBy())


def waits(reader, context):
    context.publish(os.getpid())
    time.sleep(60)


def ignores_its_end(context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    context.publish(os.getpid())
    time.sleep(60)


def is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("text", ["type:tool_*", '/tool/ | user:u1 | !"agent" | sev>=info'])
async def test_the_answers_are_those_of_a_thread(processes, chat_recording, results_of, text):
    with Recording.open(chat_recording) as reader:
        ids, connections = array("Q", reader.frame_ids()), reader.connections()
    for work in (
        partial(matching_ids, scan(chat_recording, text), ids, 3),
        partial(next_match, scan(chat_recording, text), range(1, len(ids) + 1), 5, False),
        partial(session_ids, connections),
    ):
        assert whole(await there(processes, chat_recording, work)) == whole(results_of(RecordingTask(chat_recording, work)))


def whole(results):
    """What a scan found in all, or the last answer of another task."""
    ids = array("Q")
    for result in results:
        if not isinstance(result, ScanResult):
            return results[-1]
        ids = result.added_to(ids)
    return ids, results[-1].finished


async def test_spans_are_in_the_lanes_that_come_with_them(processes, chat_recording, results_of):
    (in_thread,) = results_of(RecordingTask(chat_recording, partial(read_spans, None, (), AS_RECORDED, 0)))
    (in_process,) = await there(processes, chat_recording, partial(read_spans, None, (), AS_RECORDED, 0))

    def facts(reading):
        return [(span.id, span.name, span.start_ns, span.end_ns, span.depth) for span in reading.spans]

    assert facts(in_process) == facts(in_thread) and len(facts(in_thread)) > 3
    assert all(span in in_process.spans for lane in in_process.lanes for span in lane.spans)


async def test_why_something_cannot_be_done_is_said(processes, chat_recording, tmp_path):
    for path, work, words in (
        (chat_recording, refuses, "this cannot be done"),
        (tmp_path / "gone.db", refuses, "gone.db"),
        (chat_recording, breaks, "ZeroDivisionError: nobody thought of this"),
    ):
        with pytest.raises(WsreplayError, match=words):
            await there(processes, path, work)


async def test_a_task_that_is_cancelled_ends_with_its_process_whatever_it_does(processes, chat_recording):
    for task in (RecordingTask(chat_recording, waits), ignores_its_end):
        published: asyncio.Queue[int] = asyncio.Queue()
        running = asyncio.create_task(processes.run(task, published.put_nowait))
        number = await asyncio.wait_for(published.get(), PATIENCE_S)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not is_there(number) and not processes.running


async def test_a_process_that_is_killed_is_said(processes, chat_recording):
    published: asyncio.Queue[int] = asyncio.Queue()
    running = asyncio.create_task(processes.run(RecordingTask(chat_recording, waits), published.put_nowait))
    os.kill(await asyncio.wait_for(published.get(), PATIENCE_S), signal.SIGKILL)
    with pytest.raises(WsreplayError, match="process stopped"):
        await asyncio.wait_for(running, PATIENCE_S)


async def test_a_process_that_was_started_ahead_is_used_unless_it_has_ended(processes, chat_recording):
    processes.prepare()
    await asyncio.sleep(0)  # it is being started
    with Recording.open(chat_recording) as reader:
        work = partial(session_ids, reader.connections())
    assert await there(processes, chat_recording, work)
    processes.prepare()
    spare = await processes._spare
    spare.process.kill()
    await spare.process.wait()
    assert await there(processes, chat_recording, work)


async def test_stopping_ends_the_process_that_was_started_ahead(processes):
    processes.prepare()
    spare = await processes._spare
    await processes.stop()
    assert spare.process.returncode is not None and not processes.running


def test_a_child_ends_with_the_interface():
    """Also where that was killed: nothing but the pipe tells."""
    child = subprocess.Popen([sys.executable, "-m", "wsreplay.tui.jobs.child"], stdin=subprocess.PIPE)
    child.stdin.close()
    assert child.wait(PATIENCE_S) == 0


async def test_no_key_waits_for_what_an_answer_is_made_of(processes, chat_recording):
    """The first verdict imports the validator, which takes longer than a key may wait."""
    (thread,) = await there(processes, chat_recording, says_by_whom)
    assert thread != threading.get_ident()


async def test_garbage_is_still_collected_after_a_large_answer(processes, chat_recording):
    assert [len(text) for text in await there(processes, chat_recording, tells_much)] == [LARGE_BYTES]
    assert gc.isenabled()
