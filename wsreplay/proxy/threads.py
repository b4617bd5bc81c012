"""Work beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_beside(work: Callable[[], T]) -> T:
    """Run it in a thread of its own, or here where none can be started; give what it gives.

    `asyncio.to_thread` keeps work that it had no thread for, and does it later although it has raised.
    """
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[T] = loop.create_future()

    def resolve(result: T | None, error: BaseException | None) -> None:
        if finished.cancelled():
            return
        if error is not None:
            finished.set_exception(error)
        else:
            finished.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        loop.call_soon_threadsafe(resolve, result, error)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError:  # no thread, or no memory for one
        return work()
    return await finished


def run_to_end(run: Callable[[Coroutine[Any, Any, None]], object], main: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives, run by `asyncio.run` or its like.

    These start a thread at the end, to wait for those of the loop. Where none can be started all is done nevertheless: the
    loop's threads look up names, and nobody waits for one any more.
    """
    results: list[T] = []

    async def keep() -> None:
        results.append(await main)

    try:
        run(keep())
    except RuntimeError:
        if not results:
            raise
    return results[0]
