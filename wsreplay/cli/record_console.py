"""What `record` says of connections, and its status line."""

from __future__ import annotations

import time
from dataclasses import dataclass

from wsreplay.cli.console import Console
from wsreplay.display import visible
from wsreplay.proxy.record_queue import Totals
from wsreplay.recorder.protocol import ConnectionEnded, ConnectionOpened
from wsreplay.units import SECOND, duration_text, size_text


@dataclass
class _Rate:
    """Frames a second, over the last second or so."""

    # at the last update: the total, when that was (monotonic, s), and the rate that came of it
    frames: int = 0
    at: float = 0.0
    value: float = 0.0

    def update(self, frames: int) -> float:
        now = time.monotonic()
        if now - self.at >= 1.0:
            self.value = (frames - self.frames) / (now - self.at)
            self.frames, self.at = frames, now
        return self.value


class RecordConsole(Console):
    """One line per connection opened and closed, and what is being recorded."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet)
        self._rate = _Rate(at=time.monotonic())

    def opened(self, connection: ConnectionOpened) -> None:
        """A line for a connection that opened."""
        self.say(f"▸ {connection.id:<4} {_who(connection.user)}{visible(connection.path)}  from {connection.peer}")

    def ended(self, connection: ConnectionEnded) -> None:
        """A line for a connection that ended."""
        parts = [connection.ending]
        if connection.code is not None:
            parts.append(f"{connection.code} {visible(connection.reason or '')}".strip())
        elif connection.ending == "refused" and connection.status:
            parts.append(f"status {connection.status}")
        if connection.by and connection.ending != "truncated":
            parts.append(f"by {connection.by}")
        text = f"▪ {connection.id:<4} {_who(connection.user)}{visible(connection.path)}  {', '.join(parts)}"
        text += f"  {duration_text(connection.seconds * SECOND)}, {connection.frames:,} frames"
        self.say(text + (f"  ({visible(connection.error)})" if connection.error else ""))

    def status(self, totals: Totals, connections: int, seconds: float) -> None:
        """The line that changes; `seconds` is how long it has been recording."""
        lag = f" · recorder {size_text(totals.waiting_bytes)} behind" if totals.waiting_bytes > 1_000_000 else ""
        self.draw_status(
            f"● REC {duration_text(seconds * SECOND)} · {self._rate.update(totals.frames):,.0f} frames/s"
            f" · {totals.frames:,} frames · {size_text(totals.bytes)} on the wire · {connections} open{lag}"
        )


def _who(user: str | None) -> str:
    return f"{visible(user)} " if user else ""
