"""Recordings read by programs that have an event loop (asyncio): `wsreplay.aio`.

    async with wsreplay.aio.open("chat.db") as recording:
        async for event in recording.follow("type:tool_*"):
            print(event.t_ns, event.type, event.document)

The loop is not held up: SQLite is read in aiosqlite's thread, verdicts are reached in another. What is left for the loop, to
decode messages and to ask a filter, is done page by page. A single message takes as long as its decoder does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from wsreplay.api import POLL_S, AnyContract, RecordedEvent, RecordingFile, Selection, read_contract
from wsreplay.errors import UsageError
from wsreplay.model import Connection, Frame, Message, Session
from wsreplay.store import paging
from wsreplay.store.async_reader import AsyncRecording
from wsreplay.store.condition import TRUE, Condition, of_connections
from wsreplay.store.fragments import FragmentJoiner
from wsreplay.store.reader import Recording
from wsreplay.validator import Finding, Judgement, SpanRecord
from wsreplay.validator.follow import Follower
from wsreplay.validator.select import select_contract, select_contracts


class AsyncRecordingFile:
    """A recording for an event loop, also while it is being written; `open` makes one.

    Use it with `async with`, or call `start` and `close`. Members are those of `RecordingFile`, and raise the same errors.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        # None before it is opened, and after it was closed.
        self._opened: tuple[AsyncRecording, RecordingFile] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the file. Raises UsageError, or an error of the RecordingError family."""
        rows = await AsyncRecording.open(self.path)
        self._opened = rows, await rows.call(RecordingFile)

    async def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            rows, self._opened = self._opened[0], None
            await rows.close()

    async def is_live(self) -> bool:
        """Whether a recorder is writing it."""
        return await self._rows.call(lambda recording: recording.live)

    async def connections(self) -> list[Connection]:
        """Its WebSocket connections, in the order in which they were opened."""
        return await self._rows.call(Recording.connections)

    async def sessions(self) -> list[Session]:
        """Connections with their reconnects, as they were recorded."""
        return await self.sessions_by()

    async def sessions_by(self, contract: AnyContract | None = None) -> list[Session]:
        """The same as a contract tells users apart, and so with the numbers that its findings name."""
        return await self._rows.call(lambda _: self._file.sessions_by(contract))

    async def frames(self, filter: str = "", *, contract: AnyContract | None = None) -> AsyncIterator[Frame]:
        """The frames that a filter lets through, in the order of their arrival."""
        selection = await self._select(filter, contract)
        async for page in self._selected(selection, 0, await self._rows.call(Recording.last_id)):
            for frame in page:
                yield frame

    async def messages(
        self, session: int | None = None, *, contract: AnyContract | None = None
    ) -> AsyncIterator[Message]:
        """Whole messages and control frames of a session (its number, as in `sessions_by`), or of all."""
        wanted = TRUE
        if session is not None:
            sessions = await self.sessions_by(contract)
            wanted = of_connections(
                sorted(connection.id for other in sessions if other.id == session for connection in other.connections)
            )
        joiner = FragmentJoiner()
        async for page in self._pages(wanted, 0, await self._rows.call(Recording.last_id)):
            for message in joiner.join(page):
                yield message

    async def events(self, filter: str = "", *, contract: AnyContract | None = None) -> AsyncIterator[RecordedEvent]:
        """The events of the frames that a filter lets through. A contract says where types stand, and what reads messages."""
        selection = await self._select(filter, contract)
        async for event in self._events(selection, 0, await self._rows.call(Recording.last_id)):
            yield event

    async def follow(self, filter: str = "", *, contract: AnyContract | None = None) -> AsyncIterator[RecordedEvent]:
        """As `events`, and then what comes, until nobody writes the recording any more."""
        selection, last = await self._select(filter, contract), 0
        while True:
            live, end = await self._rows.call(_reach)
            if end > last:
                async for event in self._events(selection, last, end):
                    yield event
                last = end
            if not live:
                return
            await asyncio.sleep(POLL_S)

    async def validate(self, contract: AnyContract | None = None) -> Judgement:
        """The verdict, as the recording stands now, with its findings and all spans."""
        return await self._rows.call(lambda _: self._file.validate(contract))

    async def findings(self, contract: AnyContract | None = None) -> tuple[Finding, ...]:
        """What is wrong, in the order in which it was decided."""
        return (await self.validate(contract)).findings

    async def spans(self, kind: str | None = None, *, contract: AnyContract | None = None) -> tuple[SpanRecord, ...]:
        """Runs, tools and whatever else the contract says has a start and an end, in the order of their starts; `kind` is the
        contract's name of one kind."""
        return await self._rows.call(lambda _: self._file.spans(kind, contract=contract))

    async def follow_findings(self, contract: AnyContract | None = None) -> AsyncIterator[Finding]:
        """What is wrong, as it is decided, until nobody writes the recording any more and all is. What the verdict knows later
        of a finding, such as by how much an event was late, it has under the same `id`.

        Without a contract it is the one that fits, once something was said that any is about.
        """
        findings: list[Finding] = []
        follower = None if contract is None else Follower(await asyncio.to_thread(read_contract, contract), findings.append)
        while True:
            follower, live = await self._rows.call(_look, follower, findings)
            if not live and follower is not None:
                await self._rows.call(_finish, follower)
            for finding in findings:
                yield finding
            findings.clear()
            if not live:
                return
            await asyncio.sleep(POLL_S)

    # How frames are read.

    @property
    def _rows(self) -> AsyncRecording:
        return self._both()[0]

    @property
    def _file(self) -> RecordingFile:
        return self._both()[1]

    def _both(self) -> tuple[AsyncRecording, RecordingFile]:
        if self._opened is None:
            raise UsageError(f"{self.path} is not open: use `async with`")
        return self._opened

    async def _select(self, filter: str, contract: AnyContract | None) -> Selection:
        return await self._rows.call(lambda _: Selection(self._file, filter, contract))

    async def _events(self, selection: Selection, after_id: int, end: int) -> AsyncIterator[RecordedEvent]:
        async for page in self._selected(selection, after_id, end):
            for frame in page:
                for event in selection.events(frame):
                    yield event

    async def _selected(self, selection: Selection, after_id: int, end: int) -> AsyncIterator[list[Frame]]:
        wanted = await self._rows.call(lambda _: selection.reading.widen(selection.refresh()))
        async for page in self._pages(wanted, after_id, end):
            yield [frame for frame in page if selection.takes(frame)]

    async def _pages(self, wanted: Condition, after_id: int, end: int) -> AsyncIterator[list[Frame]]:
        async for rows in self._rows.pages(*paging.frames_query(after_id + 1, end, wanted)):
            yield list(map(Frame._make, rows))


def open(path: str | PathLike[str]) -> AsyncRecordingFile:
    """A recording for an event loop, opened by `async with`."""
    return AsyncRecordingFile(path)


async def validate(path: str | PathLike[str], contract: AnyContract | None = None) -> Judgement:
    """The verdict of a recording by a contract, or by the one that fits: what `wsreplay validate` reports."""
    async with AsyncRecordingFile(path) as recording:
        return await recording.validate(contract)


def _reach(recording: Recording) -> tuple[bool, int]:
    """Whether somebody writes it, and the last frame; in this order, so that nothing comes after the last look."""
    return recording.live, recording.last_id()


def _look(recording: Recording, follower: Follower | None, findings: list[Finding]) -> tuple[Follower | None, bool]:
    """Judge what is new; the follower, once there is a contract for it, and whether somebody writes the recording."""
    live = recording.live
    with recording.snapshot():
        if follower is None and (not live or select_contract(recording) is not None):
            follower = Follower(select_contracts(recording)[0], findings.append)
        if follower is not None:
            follower.look(recording, live)
    return follower, live


def _finish(recording: Recording, follower: Follower) -> Judgement:
    return follower.finish()
