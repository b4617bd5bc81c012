"""A recording read from an event loop, without holding it up.

Rows come through aiosqlite, whose thread fetches the next page while the loop has the one before. What takes several queries
that belong together, such as a verdict, is a plain function, which runs in another thread on the same connection.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from wsreplay.errors import RecordingClosed
from wsreplay.store import access
from wsreplay.store.reader import Recording

P = ParamSpec("P")
Result = TypeVar("Result")

# What a loop gets at once: at most so many rows, and fewer where they are large (bytes).
_MOST_ROWS = 256
_MOST_BYTES = 2**20


class AsyncRecording:
    """A recording opened for reading by one event loop; `open` makes one. Its tasks take turns."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._database = aiosqlite.Connection(lambda: recording.database, iter_chunk_size=_MOST_ROWS)
        # Held while the connection is used.
        self._turn = asyncio.Lock()
        # By `close`; what still reads is told so.
        self._closed = False

    @classmethod
    async def open(cls, path: str | Path, patience_s: float = access.PATIENCE_S) -> Self:
        """Open a recording, as `Recording.open` does. Raises UsageError, or an error of the RecordingError family."""
        opened = cls(await asyncio.to_thread(Recording.open, path, patience_s))
        await opened._database
        return opened

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file, after whatever is read from it now; whoever still reads gets RecordingClosed."""
        async with self._turn:
            if not self._closed:
                self._closed = True
                await self._database.close()
                await asyncio.to_thread(self._recording.close)

    @property
    def path(self) -> Path:
        """The file that was named."""
        return self._recording.path

    async def call(
        self, function: Callable[Concatenate[Recording, P], Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """What a function makes of the recording, in a thread. When it is cancelled, the query that runs is broken off."""
        async with self._turn:
            self._check_open()
            work = asyncio.ensure_future(asyncio.to_thread(function, self._recording, *args, **kwargs))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                await self._break_off(work)
                raise

    async def _break_off(self, work: asyncio.Future[Any]) -> None:
        """Wait for a function that nobody wants any more: the connection is its own until it returns."""
        self._recording.interrupt()
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                continue
        if not work.cancelled():
            work.exception()  # which would be told of as never retrieved

    async def pages(self, sql: str, parameters: Sequence[Any] = ()) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Rows of a query, in lists that a loop takes in at once: payloads stand last in them."""
        cursor: aiosqlite.Cursor | None = None
        size = 16
        try:
            while True:
                async with self._turn:
                    self._check_open()
                    if cursor is None:
                        cursor = await self._database.execute(sql, parameters)
                    rows = [tuple(row) for row in await cursor.fetchmany(size)]
                if not rows:
                    return
                yield rows
                size = _next_size(rows)
        except sqlite3.Error as error:
            raise self._recording.explain(error) from error
        finally:
            if cursor is not None and not self._closed:
                await cursor.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RecordingClosed(f"{self.path} was closed")


def _next_size(rows: Sequence[tuple[Any, ...]]) -> int:
    """How many rows to fetch next, when they are about as large as these."""
    sizes = [len(row[-1]) for row in rows if isinstance(row[-1], bytes)]
    average = max(1, sum(sizes) // len(rows))
    return max(1, min(_MOST_ROWS, 4 * len(rows), _MOST_BYTES // average))
