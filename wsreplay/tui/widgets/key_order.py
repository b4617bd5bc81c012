"""Keys in the order in which they were pressed, however fast: what is typed ahead waits for the field that is being opened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

    _App = App[None]
else:
    _App = object  # a class of Textual's takes as long to make as ten others

LONGEST_S = 0.5  # that a key is waited for, while the event loop is there to handle it
_STEP_S = 0.05  # in which that is counted; one that ends late does not count: the loop, or the machine, was busy
ANSWERED_S = 0.1  # a file that a key asks for takes longer
_ROUNDS = 2  # a field answers enter by a message of its own


class KeyOrder(_App):
    """Part of the application: the next key is handed over when the one before it has been handled.

    Textual hands a key to whatever has the focus as it comes. Of `:50%` and enter in one burst, all but the colon would go to
    the list, since the field that the colon opens is not there yet.
    """

    def __init__(self) -> None:
        super().__init__()
        # What came while a key was being handled; which key that is, as a number (0: none), and how many there were.
        self._waiting: deque[events.Event] = deque()
        self._handling = self._handled = 0
        # That key, when it was handed over (s), its way from what had the focus, and whether it has come to the end of that.
        self._key: events.Event | None = None
        self._since_s = 0.0
        self._way: Sequence[MessagePump] = ()
        self._has_returned = False

    @property
    def is_handling_key(self) -> bool:
        """Whether what is done now is likely to answer a key: that is on its way, or what it has brought about may be."""
        if not self._handling or not self._has_returned:
            return bool(self._handling)
        return asyncio.get_running_loop().time() - self._since_s < ANSWERED_S

    def key_comes(self) -> None:
        """A key is about to be handed over."""

    async def on_event(self, event: events.Event) -> None:
        is_typed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if not is_typed:
            await super().on_event(event)
            self._has_returned = self._has_returned or event is self._key
        elif not self._handling or self._is_done:
            await self._hand_over(event)
        else:
            self._waiting.append(event)
            if len(self._waiting) == 1:
                self._follow_key()

    @property
    def _is_done(self) -> bool:
        """Whether the last key is surely done with: it left no message on its way, and the focus where it was."""
        is_same = self._has_returned and (self.focused or self.screen) is self._way[0]
        return is_same and not self._waiting and not any(pump.message_queue_size for pump in self._way)

    async def _hand_over(self, event: events.Event) -> None:
        self._handled += 1
        self._handling = self._handled
        self._key, self._has_returned = event, False
        self._since_s = asyncio.get_running_loop().time()
        self._way = (self.focused or self.screen).ancestors_with_self
        self.key_comes()
        await super().on_event(event)
        if self._waiting:
            self._follow_key()

    def _follow_key(self) -> None:
        """Find out when the last key is done with: others wait for that."""
        self._wait_longer(self._handling, round(LONGEST_S / _STEP_S))
        self._follow(self._handling, self._way, _ROUNDS)

    def _wait_longer(self, number: int, steps: int) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(due := loop.time() + _STEP_S, self._has_waited, number, steps, due)

    def _has_waited(self, number: int, steps: int, due: float) -> None:
        if asyncio.get_running_loop().time() < due + _STEP_S / 2:
            steps -= 1
        if number != self._handling:
            return
        if steps:
            self._wait_longer(number, steps)
        else:
            self.call_later(self._go_on_from, number)

    def _follow(self, number: int, pumps: Sequence[MessagePump], rounds: int) -> None:
        """Go the way of a key, behind it: from what had the focus up to the application, whose bindings come last."""
        if not self.is_running:
            return
        if pumps:
            pump, *rest = pumps
            if not pump.call_later(self._follow, number, rest, rounds):  # it has been closed
                self._follow(number, rest, rounds)
        elif rounds > 1:
            self._follow(number, (self.focused or self.screen).ancestors_with_self, rounds - 1)
        elif self.screen.is_modal and self.focused is None and number == self._handling:
            self.set_timer(0.005, lambda: self._follow(number, (), rounds))  # a field is about to be shown
        else:
            self.call_later(self._go_on_from, number)

    async def _go_on_from(self, number: int) -> None:
        """The key with this number is done with: hand over what waits."""
        if number != self._handling:
            return
        self._handling = 0
        if self._waiting:
            await self._hand_over(self._waiting.popleft())
