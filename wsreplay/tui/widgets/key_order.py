"""Keys in the order in which they were pressed, however fast: what is typed ahead waits for the field that is being opened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

LONGEST_S = 0.5  # that a key is waited for
_ROUNDS = 2  # a field answers enter by a message of its own


class KeyOrder(App[None]):
    """Part of the application: the next key is handed over when the one before it has been handled.

    Textual hands a key to whatever has the focus as it comes. Of `:50%` and enter in one burst, all but the colon would go to
    the list, since the field that the colon opens is not there yet.
    """

    def __init__(self) -> None:
        super().__init__()
        # What came while a key was being handled; which key that is, as a number (0: none), and how many there were.
        self._waiting: deque[events.Event] = deque()
        self._handling = self._handled = 0

    @property
    def is_handling_key(self) -> bool:
        """Whether what is done now is likely to answer a key."""
        return bool(self._handling)

    def key_comes(self) -> None:
        """A key is about to be handed over."""

    async def on_event(self, event: events.Event) -> None:
        is_typed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if not is_typed:
            await super().on_event(event)
            return
        if self._handling:
            self._waiting.append(event)
            return
        await self._hand_over(event)

    async def _hand_over(self, event: events.Event) -> None:
        self._handled += 1
        number = self._handling = self._handled
        target = self.focused or self.screen
        self.key_comes()
        asyncio.get_running_loop().call_later(LONGEST_S, self.call_later, self._go_on_from, number)
        await super().on_event(event)
        self._follow(number, target.ancestors_with_self, _ROUNDS)

    def _follow(self, number: int, pumps: Sequence[MessagePump], rounds: int) -> None:
        """Go the way of a key, behind it: from what had the focus up to the application, whose bindings come last."""
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
