"""The terminal: what will not do is refused, and losing it ends the program.

A thread of Textual's writes to the terminal, from a queue that holds thirty texts. That thread dies with a terminal that is
lost, or waits for one that takes nothing; then the queue fills, and the event loop waits for room in it, deaf to its own
signal handlers, while the thread that reads keys spins at the end of its input. So what ends the program does not depend on
the loop: handlers of Python's, which also run while the main thread waits for a lock, and a thread that watches the terminal.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType

from wsreplay.errors import UsageError

GRACE_S = 3.0  # for an end in order, which gives the terminal back as it was
LOOK_MS = 500
_SIMPLE_TERMINALS = ("dumb", "unknown")
LOST, TOLD = 128 + signal.SIGHUP, 128 + signal.SIGTERM


def check_terminal(environment: Mapping[str, str]) -> None:
    """Raises UsageError where there is no terminal, or one that cannot place text; a browser draws one of its own."""
    if environment.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        return
    instead = "`wsreplay show` prints a recording"
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError(f"the terminal interface needs a terminal. {instead}")
    name = environment.get("TERM", "")
    if name.lower() in _SIMPLE_TERMINALS:
        raise UsageError(f"the terminal interface needs a terminal that can place text; this one is TERM={name}. {instead}")


class TerminalGuard:
    """Ends the process when the terminal is lost, or when it was told to end and does not.

    `descriptor` is the terminal, or the pipe that keys come from.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # By when it is to have ended, on the monotonic clock in seconds.
        self._end_by_s: float | None = None

    def watch(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, name="wsreplay terminal", daemon=True).start()

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, 0)
        while True:
            # Looked at in turn: not every loss of a terminal wakes who waits for no more than that.
            if any(state & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, state in poll.poll(LOOK_MS)):
                os._exit(LOST)
            if self._end_by_s is not None and time.monotonic() >= self._end_by_s:
                os._exit(TOLD)

    def handle_signals(self, end: Callable[[], object]) -> None:
        """Have the program end in order when it is told to, at once when it is told again or the terminal is lost.

        `end` is called on the running event loop.
        """
        loop = asyncio.get_running_loop()

        def told_to_end(_number: int, _frame: FrameType | None) -> None:
            if self._end_by_s is not None:
                os._exit(TOLD)
            self._end_by_s = time.monotonic() + GRACE_S
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(end)

        signal.signal(signal.SIGTERM, told_to_end)
        signal.signal(signal.SIGHUP, lambda _number, _frame: os._exit(LOST))
