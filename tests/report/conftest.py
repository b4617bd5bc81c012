"""Small recordings with the judgements that a contract would give, made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from recordings import begin_run
from wsreplay.model import FIN, Connection, Direction, Ending, Opcode
from wsreplay.report import FileResult
from wsreplay.store.writer import Writer
from wsreplay.trace.events import event_type
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, SpanRecord, Verdict

MS = 1_000_000


class Traces:
    """Writes recordings into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, events: Iterable[tuple[float, Any]], *, connections: Iterable[Connection] = ()) -> Path:
        """A recording of events (time in ms, a document or raw bytes; connection 1), each connection as given."""
        path = self.folder / name
        writer = Writer(path)
        run = begin_run(writer)
        listed = list(connections) or [
            Connection(1, run, 0, 12_456 * MS, path="/ws", user="u1", ending=Ending.CLEAN, closed_by="client", close_code=1000)
        ]
        for connection in listed:
            writer.insert_connection(connection)
        for number, (at, body) in enumerate(events, 1):
            connection_id, document = body if isinstance(body, tuple) else (1, body)
            payload = document if isinstance(document, bytes) else orjson.dumps(document)
            sent_by_client = isinstance(document, dict) and document.get("type") == "user_message"
            direction = Direction.CLIENT_TO_SERVER if sent_by_client else Direction.SERVER_TO_CLIENT
            type, t_ns, size = event_type(payload), round(at * MS), len(payload)
            writer.add_frames([(connection_id, number, t_ns, direction, Opcode.TEXT, FIN, size + 2, 0, type, payload)])
        writer.close()
        return path


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traces:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    return Traces(Path("recordings"))


def inject(result: FileResult) -> FileResult:
    """The same, with a reset injected into the recording's first connection."""
    writer = Writer(Path(result.path))
    writer.add_fault(1, "reset", "reset,bytes=4kB", 1, None)
    writer.close()
    return result


SLICE = (("thread", "t1"), ("run", "r1"))
MISSING_TOOL = Finding(
    rule="tool", verdict=Verdict.VIOLATED, severity=Severity.ERROR,
    message="tool_completed never came for call c7 in thread t1",
    line=18, slice=(*SLICE, ("tool", "c7")), session=1, connection=1, activation=3, frames=(3, 4), kind="missing",
    expected=("tool_completed", "tool_error"), until=12_789 * MS, seen="agent_completed", decided_by="scope_close",
    decided_at=12_456 * MS, at_ns=12_456 * MS, id="f-tool", fingerprint="f-tool",
    after=3, before=4,
)  # fmt: skip
NOT_WORKED = Finding(
    rule="worked", verdict=Verdict.VIOLATED, severity=Severity.ERROR,
    message="tool_completed occurs 0 times, at least 1 expected",
    line=24, slice=SLICE, session=1, connection=1, activation=1, frames=(1, 4), kind="missing", expected=("tool_completed",),
    decided_by="scope_close", decided_at=12_456 * MS, at_ns=12_456 * MS, caused_by="f-tool",
    id="f-worked", fingerprint="f-worked",
)  # fmt: skip
RULES = (
    RuleVerdict("tool", Verdict.VIOLATED, line=18, activations=1, violations=1),
    RuleVerdict("worked", Verdict.VIOLATED, line=24, activations=1, violations=1),
    RuleVerdict("run", Verdict.SATISFIED, line=12, activations=1, fulfilments=1),
    RuleVerdict("latency", Verdict.VACUOUS, Severity.WARNING, line=31),
)
REQUIRED = (
    ("agent_started",), ("agent_thinking",), ("tool_executing",), ("tool_completed", "tool_error"), ("agent_completed",),
)  # fmt: skip
RUN = SpanRecord(1, 1, SLICE, "completed", 123 * MS, 12_456 * MS, 1, 4, id="1.run.1", events=((2, 456 * MS), (3, 2789 * MS)))
TOOL = SpanRecord(
    1, 1, (*SLICE, ("tool", "c7")), "cut", 2789 * MS, 12_456 * MS, 3, 4, "left open by agent_completed", span="tool",
    id="1.tool.1", parent="1.run.1", label="search",
)  # fmt: skip


def judged(**changes: Any) -> Judgement:
    values: dict[str, Any] = {
        "contract": "agent-chat", "contract_version": "1", "contract_digest": "d1", "verdict": Verdict.VIOLATED, "events": 4,
        "sessions": 1, "rules": RULES, "findings": (MISSING_TOOL, NOT_WORKED), "spans": (RUN, TOOL), "run_span": "run",
        "session_verdicts": {1: Verdict.VIOLATED}, "required": REQUIRED,
    }  # fmt: skip
    return Judgement(**values | changes)


CHAT = [
    (123, {"type": "agent_started", "run_id": "r1", "thread_id": "t1", "message": "Agent is starting to process your request"}),
    (456, {"type": "agent_thinking", "run_id": "r1", "thread_id": "t1", "message": "I need to analyze the system performance"}),
    (2789, {"type": "tool_executing", "run_id": "r1", "thread_id": "t1", "tool_call_id": "c7", "tool_name": "search"}),
    (12456, {"type": "agent_completed", "run_id": "r1", "thread_id": "t1", "message": "Analysis is complete"}),
]


@pytest.fixture
def chat(traces: Traces) -> FileResult:
    """A run whose tool never completed: the example of the documentation."""
    return FileResult(str(traces.write("chat.db", CHAT)), judged())
