"""A recording of two chats, written by hand, and what agent-chat says of them; and one of many findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from wsreplay.contract import load
from wsreplay.model import Connection, Ending
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.tui.recording import evidence
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict

MS = 1_000_000
C2S, S2C = 0, 1
load_once = cache(load)
# Each `asked` has four findings: two on its frame, and two for answers that never come.
MANY_FINDINGS = """
contract: many
version: 1
envelope: {type: $.type}
rules:
  - {id: never, absence: [asked]}
  - {id: nor, absence: [asked]}
  - {id: answered, response: [asked, answered], within: 1ms, severity: warning}
  - {id: replied, response: [asked, replied], within: 1ms, severity: warning}
"""


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


def many_findings(folder: Path, asked: int) -> tuple[Path, Path]:
    """A session with so many events, 2 ms apart, and the contract by which each has four findings."""
    contract = folder / "many.yaml"
    contract.write_text(MANY_FINDINGS)
    script = Script(folder / "many.db")
    script.open(1, 0, closed_ns=10**12)
    for number in range(asked):
        script.say(1, 2 * number + 1, S2C, "asked", n=number)
    return script.write(2 * asked + 10), contract


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
    source = evidence.Source(contract.name, contract.file, contract.texts, contract.digest)
    with Recording.open(path) as reader:
        return evidence_of(reader, list(findings), [judgement], [source])
