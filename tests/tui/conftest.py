"""The application over recordings with a story, and pictures of it."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from headless import Headless, StillClock
from live_chat import LiveChat
from published_here import PublishedHere
from rich.console import Console
from sample_chat import Script, as_evidence, chat, chat_findings
from screen_pictures import Picture, picture
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.tui import app as tui_app
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.config import Config
from wsreplay.tui.jobs.task import Task
from wsreplay.tui.user_state import UserState
from wsreplay.tui.validation.status import Stage as ValidationStage
from wsreplay.tui.validation.status import ValidationStatus
from wsreplay.tui.validation.tasks import ValidationResult
from wsreplay.tui.widgets import query_bar
from wsreplay.validator.findings import Finding

PATIENCE_S = 90.0


@dataclass
class Stage:
    """A running application, its pilot and its clock."""

    app: ReplayApp
    pilot: Pilot[None]
    clock: StillClock
    headless: Headless

    async def press(self, *keys: str) -> None:
        """Press keys as somebody does who looks at what each brings before the next one."""
        for key in keys:
            await self.pilot.press(key)
            await self._as_long_as(self._at_work)
        await self.settle()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.settle()

    async def settle(self) -> None:
        """Wait until every message is handled and every job has ended; what changed is drawn by then."""
        await self._pause()
        await self._pause()
        if self._busy():
            await self._as_long_as(self._busy)
            await self.settle()

    async def _pause(self, seconds: float | None = None) -> None:
        await self.pilot.pause(seconds)
        with self.headless.drawing():
            await self.app._guarded(self.app.screen._compositor_refresh)

    async def _as_long_as(self, condition: Callable[[], Any]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while condition():
            assert time.monotonic() < limit, "it goes on and on"
            await self.pilot.pause(0.005)
            await self.pilot.pause()

    def _at_work(self) -> bool:
        """Whether a job of the screen runs, or what it shows of a row is still to come."""
        jobs = getattr(self.app.screen, "jobs", None)
        return getattr(self.app.screen, "detail_due", False) or (jobs is not None and jobs.busy)

    def _busy(self) -> object:
        screen = self.app.screen
        line = getattr(screen, "open_line", None)
        untraced = line is not None and screen.replaying and line.spans is None
        to_come = self.app._waiting or self.app._resize_timer or screen._callbacks or screen._layout_required
        return to_come or untraced or self._at_work()

    async def until(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        """Wait for something to become true."""
        for _ in range(int(seconds / 0.02)):
            if condition():
                await self._pause()
                return
            await self._pause(0.02)
        raise AssertionError("it did not happen")

    async def judged(self, findings: list[Finding] | None = None, path: Path | None = None) -> None:
        """Say the findings as the validator would."""
        found = chat_findings() if findings is None else findings
        self.app.validation.take(ValidationResult(as_evidence(path or self.app.path, found)))
        await self.settle()

    def picture(self) -> str:
        return picture(self.app)

    def text(self) -> str:
        """What the screen shows, as plain text."""
        paper = io.StringIO()
        width, height = self.app.size
        console = Console(width=width, height=height, file=paper, force_terminal=False, legacy_windows=False)
        console.print(self.app.screen._compositor)
        return paper.getvalue()


Staging = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Staging:
    """`async with stage(path, width=120, height=30, …) as on:` runs the application without a terminal."""

    headless = Headless(monkeypatch)
    monkeypatch.setattr(ReplayApp, "NOTIFICATION_TIMEOUT", 3600)  # the machine may be busy

    @asynccontextmanager
    async def run(
        path: Path, *, width: int = 120, height: int = 30, config: Config | None = None, validating: bool | str = False,
        session: int | None = None, contracts: tuple[str, ...] = (), steady: bool = False, decoder: str | None = None,
        user_state: UserState | None = None, users: tuple[str, ...] = (),
    ) -> AsyncIterator[Stage]:  # fmt: skip
        clock = StillClock()
        app = ReplayApp(
            path, session=session, config=config, clock=clock, validating=validating is True, contracts=contracts,
            read_as=ReadAs(decoder, tuple(map(parse_user_source, users))), user_state=user_state,
        )  # fmt: skip
        if validating == "by hand":
            app.validation.status = ValidationStatus(ValidationStage.VALIDATING)
        if steady:
            monkeypatch.setattr(tui_app, "POLL_S", 3600)  # a picture is not taken between two polls
            monkeypatch.setattr(query_bar, "DEBOUNCE_S", 3600)  # nor of what was asked while it was typed, if that took long
            app.cursor_blink = False
        async with app.run_test(size=(width, height), notifications=True) as pilot:
            on = Stage(app, pilot, clock, headless)
            await on.settle()
            yield on

    return run


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Script]:
    """`script("name.db")` is a recording to be written."""
    return lambda name: Script(tmp_path / name)


@pytest.fixture
def live_chat(tmp_path: Path) -> Iterator[LiveChat]:
    chat = LiveChat(tmp_path / "live.db")
    yield chat
    chat.finish()


@pytest.fixture(scope="session")
def written_chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `chat` writes, for copies."""
    return chat(tmp_path_factory.mktemp("chat") / "chat.db")


@pytest.fixture
def chat_recording(written_chat: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(written_chat, tmp_path / "chat.db"))


@pytest.fixture
def results_of() -> Callable[[Task], list[Any]]:
    """`results_of(task)` does a task and gives what it published."""

    def do(task: Task) -> list[Any]:
        context = PublishedHere()
        task(context)
        return context.values

    return do


@pytest.fixture
def pictured(snapshot: SnapshotAssertion) -> Callable[[Stage], None]:
    """Compares what a stage shows with the picture kept of it; `pytest --snapshot-update` keeps another."""

    def compare(on: Stage) -> None:
        assert picture(on.app) == snapshot(extension_class=Picture)

    return compare
