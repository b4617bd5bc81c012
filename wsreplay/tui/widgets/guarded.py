"""What cannot be read now is said, and the interface goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

from wsreplay.errors import WsreplayError

if TYPE_CHECKING:
    from wsreplay.tui.app import ReplayApp


class Unbroken(MessagePump):
    """Before a screen, a widget or the application: a lock or a damaged page met by what it does ends that only.

    What it does is answering a message, and what it has called later: by a timer, after a refresh, or next. What a screen
    answers with when it is dismissed is none of these: who reads for it does so by `call_later`.
    """

    async def _dispatch_message(self, message: Message) -> None:
        await self._guarded(super()._dispatch_message, message)

    def set_interval(self, interval: float, callback: Any = None, **options: Any) -> Timer:
        return super().set_interval(interval, callback and partial(self._guarded, callback), **options)

    def call_after_refresh(self, callback: Callable[..., Any], *values: Any, **options: Any) -> bool:
        return super().call_after_refresh(partial(self._guarded, callback), *values, **options)

    def call_next(self, callback: Callable[..., Any], *values: Any, **options: Any) -> None:  # by which timers end, too
        super().call_next(partial(self._guarded, callback), *values, **options)

    async def _guarded(self, callback: Callable[..., Any], *values: Any, **options: Any) -> None:
        try:
            done = callback(*values, **options)
            if isawaitable(done):
                await done
        except WsreplayError as error:
            cast("ReplayApp", self.app).say_trouble(error)
