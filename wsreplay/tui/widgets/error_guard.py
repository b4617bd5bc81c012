"""A recording that cannot be read now is reported, and the interface goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from textual.events import Event
from textual.timer import Timer

from wsreplay.errors import RecordingClosed, WsreplayError
from wsreplay.tui.hosted import Hosted


class ErrorGuard(Hosted):
    """Base of a screen, a widget or the application: a lock or a damaged page ends only what met it.

    Guarded are the handlers of events, to which our messages belong, the actions of keys, and what is called later: by a
    timer, after a refresh, or next. What a screen answers with when it is dismissed is none of these: it uses `call_later`.
    """

    async def on_event(self, event: Event) -> None:
        await self._guarded(super().on_event, event)

    def set_interval(self, interval: float, callback: Any = None, **options: Any) -> Timer:
        return super().set_interval(interval, callback and partial(self._guarded, callback), **options)

    def call_after_refresh(self, callback: Callable[..., Any], *values: Any, **options: Any) -> bool:
        return super().call_after_refresh(partial(self._guarded, callback), *values, **options)

    def call_next(self, callback: Callable[..., Any], *values: Any, **options: Any) -> None:  # by which timers end, too
        super().call_next(partial(self._guarded, callback), *values, **options)

    async def _guarded(self, callback: Callable[..., Any], *values: Any, **options: Any) -> None:
        try:
            outcome = callback(*values, **options)
            if isawaitable(outcome):
                await outcome
        except RecordingClosed:
            pass  # what it was for has been left meanwhile
        except WsreplayError as error:
            self.host.report_error(error)
