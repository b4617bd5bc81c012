"""The close frames of a connection, as they come."""

from __future__ import annotations

from wsreplay.model import Connection
from wsreplay.trace.endings import after_handshake


class ClosingHandshake:
    """RFC 6455, section 7: who sends the first close frame ends the connection, the other one answers."""

    def __init__(self) -> None:
        # the first close frame of each direction, in the order in which they came, and the payload of the first
        self.frames: dict[int, int] = {}
        self._payload = b""

    def see(self, connection: Connection, direction: int, fid: int, t: int, payload: bytes) -> Connection | None:
        """A close frame comes at `t` (ns). How the connection ended if it is the second one, after which nothing can come."""
        if not self.frames:
            self._payload = payload
        self.frames.setdefault(direction, fid)
        if len(self.frames) == 1:
            return None
        return after_handshake(connection, t, next(iter(self.frames)), self._payload)
