"""Waiting for what a recording proxy records: an event, or a finding, while the traffic goes on."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from wsreplay import aio
from wsreplay.api import AnyContract, RecordedEvent
from wsreplay.errors import UpstreamError
from wsreplay.testing.client import SHOWN, ChatTimeout
from wsreplay.units import SECOND, duration_text
from wsreplay.validator.findings import Finding

Result = TypeVar("Result")


class RecordingEnded(UpstreamError):
    """What a test waited for cannot come any more: the proxy has stopped."""


async def wait_for_event(
    path: Path, filter: str, after_frame: int, seconds: float, contract: AnyContract | None
) -> RecordedEvent:
    """The first event that a filter lets through, behind a frame. Raises ChatTimeout, RecordingEnded, FilterError."""
    async with aio.open(path) as recording:
        events = recording.follow(filter, contract=contract)
        try:
            return await _first(events, lambda event: event.frame > after_frame, seconds)
        except (TimeoutError, RecordingEnded) as error:
            last: deque[str] = deque(maxlen=SHOWN)
            async for event in recording.events(contract=contract):
                last.append(event.type or "(no event)")
            came = ", ".join(last) or "nothing"
            raise _failure(error, f"{path}: no event matches {filter!r}", seconds, f"last came {came}") from None


async def wait_for_finding(path: Path, rule: str | None, seconds: float, contract: AnyContract | None) -> Finding:
    """The first finding, or the first of a rule. Raises ChatTimeout, RecordingEnded, ContractError."""
    passed: list[str] = []

    def is_wanted(finding: Finding) -> bool:
        passed.append(finding.rule)
        return rule in (None, finding.rule)

    async with aio.open(path) as recording:
        try:
            return await _first(recording.follow_findings(contract), is_wanted, seconds)
        except (TimeoutError, RecordingEnded) as error:
            what = f"{path}: no finding" + (f" of the rule {rule}" if rule is not None else "")
            raise _failure(error, what, seconds, f"found: {', '.join(passed[-SHOWN:]) or 'nothing'}") from None


async def run_anywhere(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what needs asyncio on the test's own loop, or beside it where that is trio's."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        result: Result = await trio.to_thread.run_sync(asyncio.run, work)
        return result
    return await work


async def _first(items: AsyncIterator[Result], is_wanted: Callable[[Result], bool], seconds: float) -> Result:
    async with asyncio.timeout(seconds):
        async for item in items:
            if is_wanted(item):
                return item
    raise RecordingEnded


def _failure(error: Exception, what: str, seconds: float, instead: str) -> Exception:
    if isinstance(error, RecordingEnded):
        return RecordingEnded(f"{what}, and nothing is recorded any more; {instead}")
    return ChatTimeout(f"{what} within {duration_text(seconds * SECOND)}; {instead}")
