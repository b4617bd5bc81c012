"""What `record` says while it runs: on stderr, escaped, with a status line where there is a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from wsreplay.cli.streams import harmless
from wsreplay.display import visible
from wsreplay.proxy.record_queue import Totals
from wsreplay.recorder.protocol import ConnectionEnded, ConnectionOpened
from wsreplay.units import SECOND, duration_text, size_text

MOST_HELD = 20  # of what must be known: the last ones, while somebody else has the terminal


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


class Console:
    """One line per connection opened and closed, and a status line that is rewritten in place."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._rate = _Rate(at=time.monotonic())
        # whether the status line stands in the terminal's last line
        self._drawn = False
        # whether somebody else has the terminal, and what is to be said once it is given back
        self._silent = False
        self._held: deque[str] = deque(maxlen=MOST_HELD)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Somebody else has the terminal: what would be said meanwhile is not; what must be known is said afterwards."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False
            held, self._held = self._held, deque(maxlen=MOST_HELD)
            for text in held:
                self.complain(text)

    def say(self, text: str) -> None:
        """What -q leaves out. Harmless on a terminal, whatever it holds."""
        if not self._quiet and not self._silent:
            self.clear_status()
            click.echo(harmless(text), err=True)

    def complain(self, text: str) -> None:
        """What must be known even with -q."""
        if self._silent:
            self._held.append(text)
            return
        self.clear_status()
        click.echo(harmless(f"wsreplay: {text}"), err=True)

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
        """Draw the line that changes, where there is a terminal; `seconds` is how long it has been recording."""
        if not self._live or self._silent or not _has_terminal():
            return
        lag = f" · recorder {size_text(totals.waiting_bytes)} behind" if totals.waiting_bytes > 1_000_000 else ""
        text = (
            f"● REC {duration_text(seconds * SECOND)} · {self._rate.update(totals.frames):,.0f} frames/s"
            f" · {totals.frames:,} frames · {size_text(totals.bytes)} · {connections} open{lag}"
        )
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()
        self._drawn = True

    def clear_status(self) -> None:
        """Take the line that changes away, so that others can be printed."""
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._drawn = False


def _has_terminal() -> bool:
    """Whether the terminal is ours: a job in the background does not draw into what its user types."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:  # of another session
        return True


def _who(user: str | None) -> str:
    return f"{visible(user)} " if user else ""
