"""The checks of agent-chat for a healthy trace, written by hand into one loop: what a contract costs beside it.

It looks for the same faults and counts them, without witnesses, slices of other kinds, reconnects, or a report.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from pathlib import Path
from typing import Any

import orjson

_RUN_NS, _TOOL_NS, _FIRST_NS, _LATENCY_NS = 30_000_000_000, 10_000_000_000, 2_000_000_000, 100_000_000
_THOUGHT, _TOOL, _DONE = 1, 2, 4
_KNOWN = {"ping", "pong", "connection_ack", "final_report", "typing_started", "typing_stopped"}


class Run:
    __slots__ = ("due", "open", "seen", "tools")

    def __init__(self, due: int) -> None:
        self.due, self.open, self.seen = due, True, 0
        self.tools: dict[str, list[Any]] = {}


class User:
    def __init__(self, name: str) -> None:
        self.name, self.seq = name, [0.0, 0.0]
        self.smallest = float("inf")
        self.waiting: deque[int] = deque()
        self.ids: dict[str, dict[str, None]] = {}


def judge(path: Path) -> int:
    """Count the events of a recording; ValueError where one of the checks fails."""
    db = sqlite3.connect(path)
    users = {number: User(name) for number, name in db.execute("SELECT id, user FROM connection")}
    owners: dict[str, str] = {}
    runs: dict[tuple[int, str, str], Run] = {}
    run_queue: deque[Run] = deque()
    tool_queue: deque[list[Any]] = deque()
    events = faults = 0
    for number, t, direction, payload in db.execute(
        "SELECT connection_id, t_ns, direction, payload FROM frame WHERE opcode = 1 ORDER BY id"
    ):
        while run_queue and (not run_queue[0].open or run_queue[0].due < t):
            faults += run_queue.popleft().open
        while tool_queue and (not tool_queue[0][1] or tool_queue[0][0] < t):
            faults += tool_queue.popleft()[1]
        events += 1
        user = users[number]
        event = orjson.loads(payload)
        kind = event.get("type")
        inner = event.get("payload") or {}
        thread = event.get("thread_id") or inner.get("thread_id") or number
        run_id = event.get("run_id") or inner.get("run_id") or thread
        owner = event.get("user_id") or inner.get("user_id")
        if owner is not None and owner != user.name:
            faults += 1
        sent = event.get("timestamp")
        if sent is not None and direction:
            difference = t - sent * 1e9
            if difference < user.smallest:
                user.smallest = difference
            elif difference - user.smallest > _LATENCY_NS:
                faults += 1
        seq = event.get("seq")
        if seq is not None:
            if user.seq[direction] and seq != user.seq[direction] + 1:
                faults += 1
            user.seq[direction] = seq
        message_id = event.get("message_id")
        if message_id is not None:
            ids = user.ids.setdefault(thread, {})
            if message_id in ids:
                faults += 1
            ids[message_id] = None
            if len(ids) > 20_000:
                ids.clear()
        if not direction:
            if kind is not None and kind.startswith("chat"):
                user.waiting.append(t)
            continue
        if owners.setdefault(thread, user.name) != user.name or owners.setdefault(run_id, user.name) != user.name:
            faults += 1
            continue
        key = (number, thread, run_id)
        run = runs.get(key)
        if kind == "agent_started":
            _answer(user, t)
            faults += run is not None
            run = runs[key] = Run(t + _RUN_NS)
            run_queue.append(run)
        elif kind in _KNOWN:
            pass
        elif run is None:
            faults += 1
        elif kind == "agent_thinking":
            _answer(user, t)
            run.seen |= _THOUGHT
        elif kind == "tool_executing":
            faults += not run.seen & _THOUGHT
            run.seen |= _TOOL
            call = [t + _TOOL_NS, True]
            run.tools[event.get("tool_call_id") or event.get("tool_name")] = call
            tool_queue.append(call)
        elif kind in ("tool_completed", "tool_error"):
            run.seen |= _DONE
            found = run.tools.pop(event.get("tool_call_id") or event.get("tool_name"), None)
            if found is None:
                faults += 1
            else:
                found[1] = False
        elif kind in ("agent_completed", "error_event", "agent_error"):
            _answer(user, t)
            if kind == "agent_completed":
                faults += len(run.tools) + (run.seen != _THOUGHT | _TOOL | _DONE)
            run.open = False
            del runs[key]
            owners.pop(run_id, None)
        elif kind not in ("partial_result", "agent_fallback"):
            faults += 1
    if faults:
        raise ValueError(f"{faults} faults")
    return events


def _answer(user: User, t: int) -> None:
    if user.waiting:
        if t - user.waiting[0] > _FIRST_NS:
            raise ValueError("late")
        user.waiting.clear()
