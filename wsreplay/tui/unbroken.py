"""What cannot be read now is said, and the interface goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.message import Message
from textual.message_pump import MessagePump

from wsreplay.errors import WsreplayError

if TYPE_CHECKING:
    from wsreplay.tui.app import ReplayApp


class Unbroken(MessagePump):
    """Before a screen, a widget or the application: a lock or a damaged page met by a message ends the message only.

    What a screen answers with comes outside of any message: who reads for it does so by `call_later`.
    """

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except WsreplayError as error:
            cast("ReplayApp", self.app).say_trouble(error)
