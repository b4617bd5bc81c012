"""Recordings with a story, the application over them, and pictures of it."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from headless import Headless, StillClock
from published_here import PublishedHere
from rich.console import Console
from screen_pictures import Picture, picture
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from wsreplay.contract import load
from wsreplay.model import Connection, Ending
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.tui import app as tui_app
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.config import Config
from wsreplay.tui.jobs.task import Task
from wsreplay.tui.memory import UserMemory
from wsreplay.tui.recording import evidence
from wsreplay.tui.validation.status import Stage as ValidationStage
from wsreplay.tui.validation.status import ValidationStatus
from wsreplay.tui.validation.tasks import ValidationResult
from wsreplay.tui.widgets import query_bar
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict

MS = 1_000_000
C2S, S2C = 0, 1
PATIENCE_S = 90.0
load_once = cache(load)


@dataclass
class Script:
    """Writes a recording line by line; times in milliseconds."""

    path: Path
    rows: list[Any] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    _seq: dict[int, int] = field(default_factory=dict)
    _offset: dict[tuple[int, int], int] = field(default_factory=dict)

    def open(self, number: int, at: float, **facts: Any) -> None:
        facts = {"user": f"u{number}", "path": "/ws", "status": 101, "peer": "127.0.0.1:50000"} | facts
        self.connections.append(Connection(number, 1, int(at * MS), **facts))

    def say(
        self, number: int, at: float, direction: int, type_: str | None = None, *, raw: bytes | None = None, opcode: int = 1,
        **fields: Any,
    ) -> int:  # fmt: skip
        """A frame; its id."""
        payload = raw if raw is not None else orjson.dumps({"type": type_, **fields})
        seq = self._seq[number] = self._seq.get(number, 0) + 1
        place = number, direction
        offset, length = self._offset.get(place, 0), len(payload) + (6 if direction == C2S else 2)
        self._offset[place] = offset + length
        flags = 17 if direction == C2S else 1
        self.rows.append((number, seq, int(at * MS), direction, opcode, flags, length, offset, type_, payload))
        return len(self.rows)

    def write(self, until: float, *, close: bool = True) -> Path:
        self.rows.sort(key=lambda row: row[2])
        writer = Writer(self.path)
        run = writer.insert_run(
            started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://127.0.0.1:9000", listen="ws://127.0.0.1:8765",
            version="0.1.0", options={},
        )  # fmt: skip
        for connection in self.connections:
            writer.insert_connection(connection)
        writer.add_frames(self.rows)
        writer.update_run(run, ended_ns=int(until * MS) if close else None, reached_ns=int(until * MS))
        if close:
            writer.close()
        else:
            writer.commit()
            writer.abandon()
        return self.path


def chat(path: Path) -> Path:
    """Two users: u1's run goes well; in u2's a tool never completes, one is late, and an event comes out of order."""
    script = Script(path)
    script.open(1, 0, closed_ns=9_000 * MS, ending=Ending.CLEAN, close_code=1000, closed_by="client")
    script.open(2, 500, closed_ns=26_000 * MS, ending=Ending.DROPPED, closed_by="server")
    ok = {"thread_id": "t1", "run_id": "r1"}
    script.say(1, 100, C2S, "user_message", thread_id="t1", content="What did the last deployment change?")
    script.say(1, 223, S2C, "agent_started", **ok, agent_name="triage", message="Agent is starting to process your request")
    script.say(1, 456, S2C, "agent_thinking", **ok, thought="I need the list of commits since Friday")
    script.say(1, 900, S2C, "tool_executing", **ok, tool_call_id="c1", tool_name="git_log")
    script.say(1, 2_300, S2C, "tool_completed", **ok, tool_call_id="c1", tool_name="git_log", result={"commits": 14})
    script.say(1, 4_000, S2C, "partial_result", **ok, content="14 commits, three of them touch billing")
    script.say(1, 5_100, S2C, "agent_completed", **ok, message="Three billing changes, none of them risky")
    script.say(1, 8_990, C2S, raw=b"\x03\xe8bye", opcode=8)
    bad = {"thread_id": "t2", "run_id": "r7"}
    script.say(2, 700, C2S, "user_message", thread_id="t2", content="Why is the dashboard slow today?")
    started = "Agent is starting to process your request"
    script.say(2, 823, S2C, "agent_started", **bad, agent_name="performance", message=started)
    script.say(2, 1_150, S2C, "tool_executing", **bad, tool_call_id="c6", tool_name="metrics", query="p95 by route")
    script.say(2, 1_456, S2C, "agent_thinking", **bad, thought="I need to analyze the system performance data")
    script.say(2, 2_789, S2C, "tool_executing", **bad, tool_call_id="c7", tool_name="search", query="slow queries since 08:00")
    script.say(2, 5_000, S2C, raw=b"", opcode=9)
    script.say(2, 5_004, C2S, raw=b"", opcode=10)
    measured = {"p95_ms": 2140, "route": "/reports"}
    script.say(2, 13_250, S2C, "tool_completed", **bad, tool_call_id="c6", tool_name="metrics", result=measured)
    script.say(2, 14_000, S2C, "partial_result", **bad, content="The p95 of /reports went from 310 ms to 2.1 s")
    script.say(2, 18_456, S2C, "agent_completed", **bad, message="Analysis complete with recommendations")
    script.say(2, 21_000, C2S, "user_message", thread_id="t2", content="Thanks. And the week before? Übrigens: 東京 too")
    again = {"thread_id": "t2", "run_id": "r8"}
    script.say(2, 21_140, S2C, "agent_started", **again, agent_name="performance", message="Agent is starting")
    script.say(2, 21_400, S2C, "agent_thinking", **again, thought="Compare with the week before")
    return script.write(26_500)


def chat_findings() -> list[Finding]:
    """What agent-chat says of `chat`, by hand, so that a picture does not change with the validator's words."""
    violated = Verdict.VIOLATED
    run = (("thread", "t2"), ("run", "r7"))
    return [
        Finding("think-before-tools", violated, Severity.ERROR,
                "tool_executing without agent_thinking earlier for run r7 in thread t2",
                line=40, slice=run, session=2, connection=2, activation=7, frames=(5, 7), kind="order",
                expected=("agent_thinking",), seen="tool_executing", decided_at=1_150 * MS, at_ns=1_150 * MS,
                id="f-order", fingerprint="f-order", blame="server"),
        Finding("tool", violated, Severity.WARNING, "tool_completed came 2.10 s too late for tool c6 in run r7 in thread t2",
                line=24, slice=(*run, ("tool", "c6")), session=2, connection=2, activation=7, frames=(7, 16), kind="late",
                expected=("tool_completed", "tool_error"), until=11_150 * MS, late_by=2_100 * MS, seen="tool_completed",
                decided_by="deadline", decided_at=11_150 * MS, at_ns=11_150 * MS, id="f-late", fingerprint="f-late"),
        Finding("tool", violated, Severity.ERROR, "tool_completed never came for call c7 in thread t2", line=24,
                slice=(*run, ("tool", "c7")), session=2, connection=2, activation=10, frames=(10, 18), kind="missing",
                expected=("tool_completed", "tool_error"), until=12_789 * MS, seen="agent_completed", decided_by="deadline",
                decided_at=12_789 * MS, at_ns=12_789 * MS, id="f-missing", fingerprint="f-missing", after=13, before=16),
        Finding("worked", violated, Severity.ERROR, "no tool_completed for every tool of run r7", line=39, slice=run, session=2,
                connection=2, activation=5, frames=(18,), kind="missing", expected=("tool_completed",),
                decided_by="scope_close", decided_at=18_456 * MS, at_ns=18_456 * MS,
                caused_by="f-missing", id="f-worked", fingerprint="f-worked"),
        Finding("run", violated, Severity.ERROR,
                "agent_completed never came for run r8 in thread t2; the server dropped the connection", line=15, session=2,
                slice=(("thread", "t2"), ("run", "r8")), connection=2, activation=20, frames=(20, 21), kind="missing",
                expected=("agent_completed", "error_event"), decided_by="scope_close", decided_at=26_000 * MS,
                at_ns=26_000 * MS, blame="server", id="f-cut", fingerprint="f-cut", after=21),
    ]  # fmt: skip


def as_evidence(path: Path, findings: list[Finding]) -> evidence.Evidence:
    """Evidence as the validator's process would send it."""
    from wsreplay.tui.validation.tasks import evidence_of

    contract = load_once("agent-chat")
    rules = dict.fromkeys(finding.rule for finding in findings)
    verdicts = tuple(RuleVerdict(rule, Verdict.VIOLATED, activations=3, fulfilments=2, violations=1) for rule in rules)
    sessions = {1: Verdict.SATISFIED, 2: Verdict.VIOLATED if findings else Verdict.SATISFIED}
    judgement = Judgement("agent-chat", "1", contract.digest, Verdict.VIOLATED, 21, 2, verdicts, session_verdicts=sessions)
    source = evidence.Source(contract.name, contract.file, contract.source, contract.digest)
    with Recording.open(path) as reader:
        return evidence_of(reader, list(findings), [judgement], [source])


# The application.


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
        memory: UserMemory | None = None, users: tuple[str, ...] = (),
    ) -> AsyncIterator[Stage]:  # fmt: skip
        clock = StillClock()
        app = ReplayApp(
            path, session=session, config=config, clock=clock, validating=validating is True, contracts=contracts,
            read_as=ReadAs(decoder, tuple(map(parse_user_source, users))), memory=memory,
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


class LiveChat:
    """A recording whose recorder is still at work: this test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: lock.Lock | None = lock.acquire(path)
        self._writer = Writer(path)
        self._count = 0
        self._now_ns = 0
        self._run = self._writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://127.0.0.1:9000",
                                            listen="ws://127.0.0.1:8765", version="0.1.0", options={})  # fmt: skip
        self._writer.insert_connection(Connection(1, self._run, 0, path="/ws", user="u1", status=101))
        self.add(5)

    def say_raw(self, direction: int, payload: bytes) -> None:
        """A text message on the first connection, with no type for the recorder to note."""
        self._count += 1
        flags = 17 if direction == C2S else 1
        self._writer.add_frames([(1, self._count, self._count * 250 * MS, direction, 1, flags, len(payload), 0, None, payload)])
        self._writer.update_run(self._run, reached_ns=self._count * 250 * MS)
        self._writer.commit()

    def connect(self, connection: int, user: str) -> None:
        """Another connection opens now."""
        opened_ns = self._count * 250 * MS + MS
        self._writer.insert_connection(Connection(connection, self._run, opened_ns, path="/ws", user=user, status=101))
        self._writer.commit()

    def drop(self, connection: int) -> None:
        """The network takes a connection away."""
        self._writer.update_connection(connection, closed_ns=self._count * 250 * MS, ending=str(Ending.DROPPED))
        self._writer.commit()

    def add(self, frames: int, connection: int = 1) -> None:
        rows: list[Any] = []
        for _ in range(frames):
            self._count += 1
            payload = orjson.dumps({"type": "partial_result", "content": f"part {self._count}"})
            t_ns = self._count * 250 * MS
            rows.append((connection, self._count, t_ns, S2C, 1, 1, len(payload) + 2, 0, "partial_result", payload))
        self._writer.add_frames(rows)
        self._writer.update_run(self._run, reached_ns=self._count * 250 * MS)
        self._writer.commit()

    def say(self, direction: int, type_: str, after_ms: int, **fields: Any) -> None:
        """One event on the first connection, so long after what came before it."""
        self._count += 1
        self._now_ns = max(self._now_ns, self._count * 250 * MS) + after_ms * MS
        payload = orjson.dumps({"type": type_, **fields})
        flags = 17 if direction == C2S else 1
        row = (1, self._count, self._now_ns, direction, 1, flags, len(payload) + 2, 0, type_, payload)
        self._writer.add_frames([row])
        self._writer.update_run(self._run, reached_ns=self._now_ns)
        self._writer.commit()

    def wait(self, milliseconds: int) -> None:
        """Nothing comes for so long, and the recorder says that it is there."""
        self._now_ns += milliseconds * MS
        self._writer.update_run(self._run, reached_ns=self._now_ns)
        self._writer.commit()

    def finish(self) -> None:
        if self._lock is not None:
            self._writer.update_run(self._run, ended_ns=max(self._now_ns, self._count * 250 * MS))
            self._writer.close()
            self._lock.release()
            self._lock = None


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
