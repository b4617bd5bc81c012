"""One recording while connections are written into it.

When recording goes on in another file, a connection stays in the recording it was opened in, which is closed when its last
connection has ended.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from wsreplay.proxy.callbacks import Callbacks, Leftover
from wsreplay.proxy.recorder_client import RecorderClient
from wsreplay.proxy.recording_files import Relocated
from wsreplay.recorder.protocol import Hello, Report


class OutputRecording:
    """A recording's recorder, the numbers of its connections, and how many of them have not ended."""

    def __init__(
        self, hello: Hello, callbacks: Callbacks, on_relocated: Callable[[OutputRecording, Relocated], None]
    ) -> None:
        self.path = Path(hello.path)
        self.recorder = RecorderClient(hello, callbacks)
        self.recorder.on_relocated = self._relocated
        self._on_relocated = on_relocated
        self._ids = itertools.count(1)
        # how many connections have not ended
        self._open = 0
        self.unused = True  # no connection has been opened
        # there are no new connections: it is closed with the last one
        self._retired = False
        # begun once; others wait for it
        self._closing: asyncio.Task[Report] | None = None

    async def start(self) -> None:
        """Start the recorder. Raises WsreplayError."""
        report = await self.recorder.start()
        self._ids = itertools.count(report.first_connection)

    def _relocated(self, relocated: Relocated) -> None:
        self.path = relocated.now
        self._on_relocated(self, relocated)

    def open(self) -> int:
        """The number of a new connection; `ended` must follow."""
        self._open += 1
        self.unused = False
        return next(self._ids)

    def ended(self) -> None:
        """The end of a connection was handed over."""
        self._open -= 1
        self._close_if_done()

    def retire(self) -> None:
        """There will be no new connections."""
        self._retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._open:
            self.close()

    def close(self) -> asyncio.Task[Report]:
        """Have everything committed and the file closed, now."""
        if self._closing is None:
            self.recorder.end()
            self._closing = asyncio.get_running_loop().create_task(self.recorder.close())
        return self._closing

    async def hurry(self, seconds: float) -> Leftover | None:
        """As `close`, within so many seconds; what could not be recorded by then."""
        self.close()
        await self.recorder.hurry(seconds)
        return self.recorder.leftover

    @property
    def closed(self) -> bool:
        """Whether all is committed and the file is closed."""
        return self._closing is not None and self._closing.done()
