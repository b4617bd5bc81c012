"""What screens and widgets have of the application that they live in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from wsreplay.tui.host import Host
    from wsreplay.tui.look.appearance import Appearance

    _Pump = MessagePump
else:
    _Pump = object  # a class of Textual's takes as long to make as ten others


class Hosted(_Pump):
    """Base of what lives in the application: it knows that as a `Host`."""

    @property
    def host(self) -> Host:
        return cast("Host", self.app)


class Themed(Hosted):
    """Base of a widget or a screen that is painted with the look that the application has now."""

    @property
    def look(self) -> Appearance:
        return self.host.look
