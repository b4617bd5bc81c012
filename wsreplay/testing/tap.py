"""A recording proxy before any URL, for async and plain tests alike.

    async with Tap("ws://localhost:8000/ws", "chat.db") as tap:       or, in a plain test: with Tap(…) as tap
        ...                                                           clients connect to tap.url
    tap.assert_valid()

The proxy runs on an event loop in a thread of its own: a test that blocks holds up neither the traffic nor its times, and
whatever loop a test uses is none of its business.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from wsreplay.api import AnyContract, RecordedEvent
from wsreplay.contract import Contract, load
from wsreplay.contract.decoding import messages_of
from wsreplay.contract.users import sessions_of
from wsreplay.errors import EXIT_CLEAN, UsageError
from wsreplay.model import NO_CONTRACT, Message, Session
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.report import FileResult, exit_code, render
from wsreplay.report.text import finding_line
from wsreplay.store.reader import Recording
from wsreplay.testing.waiting import run_anywhere, wait_for_event, wait_for_finding
from wsreplay.validator import SpanLog, judge
from wsreplay.validator.findings import Finding, Judgement, Verdict
from wsreplay.validator.select import select_contracts

Result = TypeVar("Result")

WIDTH = 110  # of a report, in cells
SETTLE_S = 2.0
WAIT_S = 10.0  # as long as the client waits


class Tap:
    """Records the traffic between a test's clients and `url` into the file `path`.

    `contract` is a name, a file or a Contract; by default the built-in contract that fits the recording. `options` are those
    of RecordingProxy. The recording can be read after the proxy has stopped, until `close`. Raises the errors of
    RecordingProxy, and ContractError.
    """

    played = False  # whether the backend is played from a cassette

    def __init__(
        self, url: str, path: str | Path, *, contract: AnyContract | None = None, options: Options | None = None
    ) -> None:
        self.path = Path(path)
        self._contract = contract if isinstance(contract, Contract) or contract is None else load(str(contract))
        # with which commands read the recording as the tap does
        self._reading = ("-c", str(contract)) if contract is not None and not isinstance(contract, Contract) else ()
        self._options = options
        self._make_proxy(url)
        # while it runs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # opened once somebody reads, until `stop` or `close`
        self._recording: Recording | None = None
        # of the proxy; stays when it has stopped
        self._address = ""

    def _make_proxy(self, url: str) -> None:
        parts = urlsplit(url)
        self._rest = urlunsplit(("", "", parts.path, parts.query, ""))
        self._proxy = RecordingProxy(urlunsplit(parts._replace(path="", query="", fragment="")), self.path, self._options)

    # Its life.

    async def _open(self) -> None:
        await self._proxy.start()

    async def _close(self) -> None:
        await self._proxy.stop()

    def start(self) -> None:
        """Listen. Blocks until clients can connect."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wsreplay", daemon=True)
        self._thread.start()
        try:
            self._call(self._open())
        except BaseException:
            self._end_loop()
            raise
        self._address = self._proxy.url

    def stop(self) -> None:
        """Stop listening and finish the recording. Clients that are still connected lose their connection."""
        if self._loop is None:
            return
        try:
            self.settle()
            self._let_go()  # what is still being read cannot become one plain file
            self._call(self._close())
        finally:
            self._end_loop()

    def close(self) -> None:
        """Stop, and close the recording."""
        self.stop()
        self._let_go()

    def _let_go(self) -> None:
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await _in_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await _in_thread(self.stop)

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        __tracebackhide__ = True
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        assert self._loop is not None and self._thread is not None
        self._call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    # What clients use.

    @property
    def url(self) -> str:
        """The URL to which clients connect: the proxy's address, with the path and query of the backend's."""
        return self._address + self._rest

    def mark(self, note: str) -> None:
        """Add a note to the recording at this time."""
        __tracebackhide__ = True
        if self._loop is None:
            raise UsageError("the proxy has stopped: marks can be added only while it runs")
        self._loop.call_soon_threadsafe(self._proxy.mark, note)

    # What was recorded.

    def settle(self) -> None:
        """Wait until all traffic so far is in the recording, and connections that are ending have ended."""
        __tracebackhide__ = True
        give_up = time.monotonic() + SETTLE_S
        while self._loop is not None and self._proxy.unsettled and time.monotonic() < give_up:
            time.sleep(0.005)

    @property
    def recording(self) -> Recording:
        """The recording with all traffic so far, open for reading. Read this again after the proxy has stopped."""
        self.settle()
        if self._recording is None:
            self._recording = Recording.open(self.path)
        return self._recording

    @property
    def sessions(self) -> list[Session]:
        """All sessions: connections and their reconnects."""
        return sessions_of(self.recording, self.contract)

    @property
    def session(self) -> Session:
        """The only session. Raises UsageError if there are none or several."""
        __tracebackhide__ = True
        sessions = self.sessions
        if len(sessions) != 1:
            raise UsageError(f"{self.path} holds {len(sessions)} sessions, not one: use `sessions`")
        return sessions[0]

    @property
    def contract(self) -> Contract:
        """The contract that was given, else the built-in one that fits the recording so far."""
        return self._contract or select_contracts(self.recording)[0]

    def messages(self, session: Session | None = None) -> list[Message]:
        """The messages of a session, or of all, in order."""
        chosen = None if session is None else [connection.id for connection in session.connections]
        return list(self.recording.messages(connections=chosen))

    def types(self, session: Session | None = None, *, sent: bool = False) -> list[str]:
        """The types of the events from the server, or from the client (`sent`), in order."""
        wanted = 0 if sent else 1
        chosen = None if session is None else [connection.id for connection in session.connections]
        events = messages_of(self.recording, self._contract).messages(chosen)
        return [event.type for event in events if event.type is not None and event.direction == wanted]

    # What is waited for, while it is recorded.

    async def wait_for_event(
        self, filter: str, timeout: float = WAIT_S, *, after_frame: int = 0  # noqa: ASYNC109 - as the client's
    ) -> RecordedEvent:
        """The first event that matches a filter, such as `type:tool_completed user:bob`, even if it has come already; with
        `after_frame`, the first after that frame. Raises ChatTimeout after `timeout` seconds, RecordingEnded if none can come
        any more."""
        __tracebackhide__ = True
        return await run_anywhere(wait_for_event(self.path, filter, after_frame, timeout, self._contract))

    async def wait_for_finding(
        self, rule: str | None = None, timeout: float = WAIT_S, *, contract: AnyContract | None = None  # noqa: ASYNC109
    ) -> Finding:
        """The first finding, or the first of a rule, as soon as it is decided. Raises as `wait_for_event` does."""
        __tracebackhide__ = True
        return await run_anywhere(wait_for_finding(self.path, rule, timeout, contract or self._contract))

    # What is to be said of it.

    def has_said_all(self, to_backend: int, from_backend: int) -> bool:
        """Whether the backend of the latest connection, having heard and said so many messages, is known to say nothing more
        before its client does: a cassette's may be, a live one's never is."""
        return False

    def complaints(self) -> list[str]:
        """Problems other than findings, one line each."""
        return []

    def judgement(self, contract: AnyContract | None = None) -> Judgement:
        """The verdict on the recording so far. What is open is decided when its connections have ended."""
        return judge(self.recording, self._chosen(contract), span_log=SpanLog())

    def _chosen(self, contract: AnyContract | None) -> Contract:
        if contract is None:
            return self.contract
        return contract if isinstance(contract, Contract) else load(str(contract))

    def findings(self, contract: AnyContract | None = None) -> Sequence[Finding]:
        """The findings, in the order in which they were decided."""
        return self.judgement(contract).findings

    def assert_valid(self, contract: AnyContract | None = None, *, strict: bool = False) -> None:
        """Raises AssertionError with all findings if `wsreplay validate` would not exit with 0."""
        __tracebackhide__ = True
        judgement = self.judgement(contract)
        if exit_code([FileResult(str(self.path), judgement)], strict=strict) != EXIT_CLEAN:
            is_empty = self.recording.last_id() == 0
            why = "nothing was recorded: does the client use tap.url?" if is_empty else complaint(judgement, strict)
            raise AssertionError(f"{why}\n{self.path}")

    def report(self, format: str = "text", contract: AnyContract | None = None) -> str:
        """The report as text, or in another format of `wsreplay validate`."""
        chosen = self._chosen(contract)
        options = self._reading if contract is None else ()
        result = FileResult(str(self.path), self.judgement(chosen), contract=chosen, options=options)
        return render(format, [result], width=WIDTH)


def complaint(judgement: Judgement, strict: bool) -> str:
    """The verdict, a line for each finding, and what a strict judgement takes amiss beside."""
    if judgement.contract == NO_CONTRACT:
        return "no built-in contract fits what was recorded; name yours: wsreplay.proxy(URL, contract='contracts/chat.yaml')"
    lines = [f"{judgement.contract}: {judgement.verdict}", *(finding_line(finding).strip() for finding in judgement.findings)]
    for verdict in (Verdict.VACUOUS, Verdict.INCONCLUSIVE) if strict else ():
        rules = ", ".join(rule.id for rule in judgement.rules if rule.verdict is verdict)
        lines += [f"{verdict}: {rules}"] if rules else []
    return "\n".join(lines)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _in_thread(work: Callable[[], None]) -> None:
    """Run what blocks without holding up the test's own loop, be it asyncio's or trio's."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        await trio.to_thread.run_sync(work)
    else:
        await asyncio.to_thread(work)
