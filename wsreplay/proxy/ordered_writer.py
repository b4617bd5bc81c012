"""Ordered forwarding to a transport that may not be there yet, or must wait for the recorder."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class OrderedWriter:
    """Bytes and actions pass in order, at once while the writer is open; else they wait."""

    def __init__(self, transport: asyncio.Transport | None, drained: Callable[[], None]) -> None:
        """`drained` is called when what had to wait has passed."""
        self.transport = transport
        self._drained = drained
        self.waiting = 0  # bytes
        # how many have blocked it, and what has to wait
        self._blocks = 0
        self._queue: deque[bytes | Callable[[], None]] = deque()

    def open(self, transport: asyncio.Transport) -> None:
        """The transport is there: what waits passes."""
        self.transport = transport
        self._drain()
        self._drained()

    def block(self) -> None:
        """Let nothing pass until `unblock`; both may be nested."""
        self._blocks += 1

    def unblock(self) -> None:
        """Take one `block` back; what waits passes, unless there are more."""
        self._blocks -= 1
        self._drain()
        self._drained()

    def write(self, data: bytes) -> None:
        """Write bytes once everything before them has passed."""
        self._queue.append(data)
        self.waiting += len(data)
        self._drain()

    def do(self, action: Callable[[], None]) -> None:
        """Run something once everything before it has passed."""
        self._queue.append(action)
        self._drain()

    def _drain(self) -> None:
        while self._queue and not self._blocks and self.transport is not None:
            item = self._queue.popleft()
            if isinstance(item, bytes):
                self.waiting -= len(item)
                if item and not self.transport.is_closing():
                    self.transport.write(item)
            else:
                item()
