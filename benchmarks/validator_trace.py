"""A recording to judge: many runs of many users, interleaved as they would be on a busy server, without a fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from wsreplay.model import FIN, Connection, Ending
from wsreplay.store.writer import Writer

USERS = 50
EVENTS_OF_A_RUN = 10
_EPOCH = 1_763_632_800.0
_STEP_NS = 4_000_000  # between two events of the whole recording
_RUNS_OF_A_THREAD = 100
_TEXT = "The quarterly figures show a rise in returning customers, most of all in the north."


def run_of(user: int, number: int) -> Iterator[tuple[int, dict[str, object]]]:
    """Direction and values of a run's events, in order."""
    thread, run = f"thread-{user}-{number // _RUNS_OF_A_THREAD}", f"run-{user:02}-{number:06}"
    keys = {"thread_id": thread, "run_id": run}
    call = f"call-{run}"
    yield 0, {"type": "chat", "thread_id": thread, "message": "What do the figures of this quarter say?"}
    yield 1, {"type": "agent_started", **keys, "agent": "analyst"}
    yield 1, {"type": "agent_thinking", **keys, "thought": _TEXT}
    for tool in (1, 2):
        named = {**keys, "tool_call_id": f"{call}-{tool}", "tool_name": "search"}
        yield 1, {"type": "tool_executing", **named, "arguments": {"query": "quarter", "limit": 10}}
        yield 1, {"type": "tool_completed", **named, "result": _TEXT}
    yield 1, {"type": "partial_result", **keys, "text": _TEXT}
    yield 1, {"type": "partial_result", **keys, "text": _TEXT}
    yield 1, {"type": "agent_completed", **keys, "user_id": f"user-{user}", "result": _TEXT}


def messages(events: int) -> Iterator[tuple[int, int, int, bytes, str]]:
    """Connection, time in ns, direction, payload and type of each event."""
    runs = [iter(()) for _ in range(USERS)]
    numbers, counters = [0] * USERS, [0] * USERS
    for index in range(events):
        user = index % USERS
        step = next(runs[user], None)
        if step is None:
            runs[user] = run_of(user, numbers[user])
            numbers[user] += 1
            step = next(runs[user])
        direction, values = step
        t_ns = 1_000_000 + index * _STEP_NS
        if direction:
            counters[user] += 1
            values |= {
                "seq": counters[user],
                "timestamp": _EPOCH + (t_ns - 2_000_000 - index % 7 * 100_000) / 1e9,
                "message_id": f"{user:02}-{counters[user]:012}-{index:016x}",
            }
        yield user + 1, t_ns, direction, orjson.dumps(values), str(values["type"])


def write(path: Path, events: int) -> None:
    """Make the recording, through the same writer as the recorder's."""
    path.unlink(missing_ok=True)
    writer = Writer(path)
    run = writer.insert_run(
        started_at="2026-11-20T10:00:00Z",
        start_ns=0,
        upstream="ws://backend/ws",
        listen="127.0.0.1:8765",
        version="bench",
        options={},
    )
    end = 2_000_000 + events * _STEP_NS
    for user in range(USERS):
        writer.insert_connection(
            Connection(
                user + 1,
                run,
                0,
                end,
                path="/ws",
                status=101,
                user=f"user-{user}",
                ending=Ending.CLEAN,
                closed_by="client",
                close_code=1000,
            )
        )
    seqs = [0] * (USERS + 1)
    for connection, t_ns, direction, payload, type_ in messages(events):
        seqs[connection] += 1
        writer.add_frames([(connection, seqs[connection], t_ns, direction, 1, FIN, len(payload) + 4, 0, type_, payload)])
        if writer.waiting >= 10_000:
            writer.commit()
    writer.update_run(run, reached_ns=end, ended_ns=end)
    writer.close()
