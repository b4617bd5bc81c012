"""What rules are told of: something that came, where, when, and of what type."""

from __future__ import annotations

from msgspec import Struct

from wsreplay.validator.state.state import ConnectionState

_SENDERS = ("client", "server")


class TraceEvent(Struct, frozen=True, eq=False):
    """A message's event, or what befell a connection; that has no direction and no frame, unless it is a ping or a pong."""

    conn: ConnectionState
    # the event's number: the id of its frame, an EventNumber for further events of one frame
    fid: int | None
    # when it came (ns)
    t: int
    type: str
    # 0 the client's, 1 the server's
    direction: int | None

    @property
    def sender(self) -> str | None:
        """Who sent it, and is to blame for it."""
        return None if self.direction is None else _SENDERS[self.direction]


class MessageEvent(TraceEvent, frozen=True, eq=False):
    """An event of a message. One that is none has the type ""."""

    fid: int
    direction: int
