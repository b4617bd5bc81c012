"""What rules are told of: something that came, where, when, and of what type."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from wsreplay.model import Ending
from wsreplay.trace.endings import how_ended
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

    @property
    def witness(self) -> int | None:
        """The number of what shows it."""
        return self.fid

    @property
    def said(self) -> str:
        """What findings call it."""
        return self.type

    @property
    def document(self) -> Any:
        """What conditions may ask of it where it befell a connection, such as a close's code."""
        return {}


class MessageEvent(TraceEvent, frozen=True, eq=False):
    """An event of a message. One that is none has the type ""."""

    fid: int
    direction: int


def end_event(conn: ConnectionState, t: int) -> EndEvent:
    """A connection has ended, which it has learnt."""
    sender = _SENDERS.index(conn.info.closed_by) if conn.info.closed_by in _SENDERS else None
    frames = conn.closing.frames
    fid = min(frames.values(), default=None) if sender is None else frames.get(sender)
    return EndEvent(conn, fid, t, "ws.close" if conn.info.ending is Ending.CLEAN else "ws.drop", None)


class EndEvent(TraceEvent, frozen=True, eq=False):
    """The end of a connection. Its frame is the one that began it: the first close frame, not the answer to it; None where the
    TCP connection ended without one. Its `conn` knows who ended it, and with which code."""

    @property
    def sender(self) -> str | None:
        by = self.conn.info.closed_by
        return by if by in _SENDERS else None

    @property
    def witness(self) -> int | None:
        """The frame that began it; without one the last that came before."""
        return self.conn.last_frame if self.fid is None else self.fid

    @property
    def said(self) -> str:
        """`ws.close by the server (1011)`."""
        return f"{self.type} {how_ended(self.conn.info).partition(' ')[2]}".rstrip()

    @property
    def document(self) -> Any:
        info = self.conn.info
        return {"code": info.close_code, "reason": info.close_reason, "by": info.closed_by}
