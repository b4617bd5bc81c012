"""A small language for traces: what happened, line by line, and what the engine says of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wsreplay import contract as contracts
from wsreplay.contract import Contract
from wsreplay.model import Connection, Ending, Hold, Message
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator import Engine, Finding, Judgement, SpanLog, mutation_score
from wsreplay.validator.judge import decoder_names

NS = 1_000_000_000


loaded = lru_cache(contracts.load)


@dataclass
class Trace:
    """A trace in the making. Times are in seconds; `at` moves the clock, every message moves it by 10 ms."""

    now: float = 0.0
    connections: dict[int, Connection] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    reached: float | None = None
    cut_frames: set[int] = field(default_factory=set)
    counts: Counter[int] = field(default_factory=Counter)  # messages of each connection
    holds: list[Hold] = field(default_factory=list)

    def at(self, seconds: float) -> Trace:
        self.now = seconds
        return self

    def open(self, id: int = 1, user: str | None = "u1", path: str = "/ws", subprotocol: str | None = None) -> Trace:
        self.connections[id] = Connection(
            id, 1, round(self.now * NS), path=path, user=user, status=101, subprotocol=subprotocol
        )
        return self

    def close(
        self, id: int = 1, code: int = 1000, by: str = "client", ending: Ending = Ending.CLEAN, reason: str = ""
    ) -> Trace:
        self.connections[id] = self.connections[id]._replace(
            closed_ns=round(self.now * NS),
            ending=ending,
            closed_by=by,
            close_code=code if ending is Ending.CLEAN else None,
            close_reason=reason,
        )
        return self

    def drop(self, id: int = 1, by: str = "server") -> Trace:
        return self.close(id, by=by, ending=Ending.DROPPED)

    def lose(self, id: int = 1, code: int = 1011, by: str = "server") -> Trace:
        """One side has sent its close frame, and the connection is lost before the other's answer."""
        self.drop(id, by)
        self.connections[id] = self.connections[id]._replace(close_code=code)
        return self

    def hold(self, start: float, end: float) -> Trace:
        """The recorder held traffic back from one time (s) to another."""
        self.holds.append(Hold(round(start * NS), round(end * NS)))
        return self

    def truncate(self) -> Trace:
        """The recording ends here; what is open is open."""
        self.reached = self.now
        return self

    def s2c(self, type: str, connection: int = 1, **values: Any) -> Trace:
        return self._json(1, type, connection, values)

    def c2s(self, type: str, connection: int = 1, **values: Any) -> Trace:
        return self._json(0, type, connection, values)

    def _json(self, direction: int, type: str, connection: int, values: dict[str, Any]) -> Trace:
        return self.raw(json.dumps({"type": type, **values}).encode(), direction, connection)

    def raw(self, payload: bytes, direction: int = 1, connection: int = 1, opcode: int = 1) -> Trace:
        if connection not in self.connections:
            self.open(connection)
        number = len(self.messages) + 1
        self.counts[connection] += 1
        seq = self.counts[connection]
        self.messages.append(Message(number, connection, seq, round(self.now * NS), direction, opcode, None, payload, number))
        self.now = round(self.now + 0.01, 9)
        return self

    def cut(self, direction: int = 1, connection: int = 1) -> Trace:
        """A message of which the recording holds only the beginning."""
        self.cut_frames.add(len(self.messages) + 1)
        return self.raw(b'{"type": "a", "x', direction, connection)

    def run(
        self, thread: str = "t1", run: str = "r1", tools: Iterable[str] = ("c1",), connection: int = 1, **values: Any
    ) -> Trace:
        """A healthy run."""
        keys = {"thread_id": thread, "run_id": run, "connection": connection, **values}
        self.s2c("agent_started", **keys).s2c("agent_thinking", **keys)
        for tool in tools:
            self.s2c("tool_executing", tool_call_id=tool, tool_name="search", **keys)
            self.s2c("tool_completed", tool_call_id=tool, tool_name="search", **keys)
        return self.s2c("agent_completed", **keys)

    def ending(self) -> list[Connection]:
        """The connections as a closed file shows them."""
        ended = [
            connection._replace(ending=Ending.TRUNCATED) if connection.ending is Ending.OPEN else connection
            for connection in self.connections.values()
        ]
        return sorted(ended, key=lambda connection: connection.id)

    def as_trace(self) -> mutation_score.WholeTrace:
        """The same as `mutation_score` takes it."""
        times = [m.t_ns for m in self.messages] + [c.closed_ns or c.opened_ns for c in self.connections.values()]
        reached = round(self.reached * NS) if self.reached is not None else max(times, default=0)
        typed = [m._replace(type=json.loads(m.payload).get("type")) if m.opcode == 1 else m for m in self.messages]
        return mutation_score.WholeTrace(tuple(self.ending()), tuple(typed), reached)

    def judge(self, contract: Contract | str = "agent-chat", inline: bool = True, span_log: SpanLog | None = None) -> Judgement:
        """The verdict of the whole trace; its spans go into the log, if one is given."""
        if isinstance(contract, str):
            contract = loaded(contract)
        engine = Engine(contract, inline=inline, span_log=span_log)
        connections = self.ending()
        engine.expect(lifecycle(connections, stitch(connections, contract.resumption)))
        engine.set_cut_frames(self.cut_frames)
        engine.set_holds(self.holds)
        engine.set_decoders(decoder_names(contract, connections, self.messages))
        engine.run([message.row() for message in self.messages])
        times = [m.t_ns for m in self.messages] + [c.closed_ns or c.opened_ns for c in self.connections.values()]
        engine.finish(round(self.reached * NS) if self.reached is not None else max(times, default=0))
        return engine.judgement()


def said(judgement: Judgement) -> list[str]:
    """The findings as lines `rule: message`, those that only follow from another left out."""
    return [f"{finding.rule}: {finding.message}" for finding in judgement.findings if finding.caused_by is None]


def of(judgement: Judgement, rule: str) -> list[Finding]:
    return [finding for finding in judgement.findings if finding.rule == rule]


KEYS = {"thread_id": "t1", "run_id": "r1"}
BACK = (
    "reconnect: the connection was dropped by the server during the run; the client reconnected after"
)


def chat() -> Trace:
    """A client has asked something."""
    return Trace().open().c2s("chat", thread_id="t1", message="hello")
