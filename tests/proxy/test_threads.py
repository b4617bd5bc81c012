"""Work beside the event loop, also where there is no thread for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from wsreplay.proxy.threads import run_beside, run_to_end


@pytest.fixture
def no_threads() -> Iterator[None]:
    """No thread can be started: there is no memory for its stack."""
    before = threading.stack_size(2**46)
    yield
    threading.stack_size(before)


async def test_work_is_done_in_a_thread_while_the_event_loop_goes_on() -> None:
    free = threading.Event()
    working = asyncio.ensure_future(run_beside(lambda: (free.wait(30), threading.current_thread())))
    await asyncio.sleep(0)
    free.set()
    on_time, thread = await working
    assert on_time and thread is not threading.main_thread()


async def test_an_error_is_raised_where_the_work_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_beside(lambda: 1 / 0)


async def test_where_no_thread_can_be_started_the_work_is_done_at_once_and_once(no_threads: None) -> None:
    with pytest.raises(RuntimeError):
        threading.Thread(target=print).start()
    done: list[threading.Thread] = []
    await run_beside(lambda: done.append(threading.current_thread()))
    threading.stack_size(0)
    await asyncio.to_thread(lambda: None)
    assert done == [threading.current_thread()]


def test_an_event_loop_ends_though_no_thread_can_be_started_for_that() -> None:
    before = threading.stack_size()

    async def look_up() -> int:
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
        threading.stack_size(2**46)
        return 7

    try:
        assert run_to_end(asyncio.run, look_up()) == 7
    finally:
        threading.stack_size(before)


def test_what_an_event_loop_raises_is_raised() -> None:
    async def fail() -> None:
        raise RuntimeError("its own")

    with pytest.raises(RuntimeError, match="its own"):
        run_to_end(asyncio.run, fail())
