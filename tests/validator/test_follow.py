"""Live and offline say the same, of real files that grow, whatever the moments in which they are looked at."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from judged_traces import NS, Trace

from wsreplay.contract import builtin_names, load, loads
from wsreplay.model import FIN, Connection, Ending, Frame
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.validator import Finding, Judgement, follow, judge, judge_files
from wsreplay.validator.follow import Follower

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


class Growing:
    """A recording written as a recorder writes it: connections when they open and when they end, frames as they come."""

    def __init__(self, path: Path) -> None:
        self.path, self.writer = path, Writer(path)
        self.run = self.writer.insert_run(
            started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="0", options={}
        )
        self.writer.commit()

    def steps(self, trace: Trace) -> list[tuple[int, int, object]]:
        """What there is to write, in the order of time."""
        found: list[tuple[int, int, object]] = []
        for connection in trace.connections.values():
            found.append((connection.opened_ns, 0, connection))
            if connection.closed_ns is not None:
                found.append((connection.closed_ns, 2, connection))
        found += [(message.t_ns, 1, message) for message in trace.messages]
        return sorted(found, key=lambda step: step[:2])

    def write(self, step: tuple[int, int, object]) -> None:
        t_ns, what, value = step
        if what == 0:
            assert isinstance(value, Connection)
            opened = value._replace(ending=Ending.OPEN, closed_ns=None, closed_by=None, close_code=None, close_reason=None)
            self.writer.insert_connection(opened)
        elif what == 2:
            assert isinstance(value, Connection)
            self.writer.update_connection(
                value.id,
                closed_ns=value.closed_ns,
                ending=str(value.ending),
                closed_by=value.closed_by,
                close_code=value.close_code,
                close_reason=value.close_reason,
            )
        else:
            assert isinstance(value, tuple)
            _, connection, seq, at, direction, opcode, _, payload, _ = value
            self.writer.add_frames([(connection, seq, at, direction, opcode, FIN, len(payload) + 2, 0, None, payload)])
        self.writer.update_run(self.run, reached_ns=t_ns)

    def end(self, reached_ns: int) -> None:
        self.writer.update_run(self.run, reached_ns=reached_ns, ended_ns=reached_ns)
        self.writer.close()


def faulty(seed: int) -> Trace:
    """Chats of three users with whatever faults the seed gives them."""
    rnd = random.Random(seed)
    trace = Trace().open(1, "u1").open(2, "u2").open(3, None)
    connections = [1, 2, 3]
    for number in range(30):
        connection = rnd.choice(connections)
        keys = {"thread_id": f"t{rnd.randrange(4)}", "run_id": f"r{number}", "connection": connection}
        trace.c2s("chat", **keys)
        for type_ in ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"):
            if rnd.random() < 0.1:
                trace.at(trace.now + rnd.choice((1.9, 2.1, 9.0, 31.0)))
            if rnd.random() < 0.9:
                trace.s2c(type_, **keys, tool_call_id="x", message_id=f"m{rnd.randrange(150)}", seq=number)
        if rnd.random() < 0.1 and len(trace.connections) < 8:
            user = trace.connections[connection].user
            trace.drop(connection).at(trace.now + rnd.choice((1.0, 5.0)))
            new = len(trace.connections) + 1
            trace.open(new, user)
            connections[connections.index(connection)] = new
    for connection in connections:
        if rnd.random() < 0.7:
            trace.close(connection)
    return trace


@pytest.mark.parametrize("seed", range(12))
def test_live_and_offline_findings_are_equal(seed: int, tmp_path: Path) -> None:
    trace, rnd = faulty(seed), random.Random(seed)
    file = Growing(tmp_path / "growing.db")
    contract = load("agent-chat")
    told: list[Finding] = []

    def amend(before: Finding, after: Finding) -> None:
        told[[one is before for one in told].index(True)] = after

    follower = Follower(contract, told.append, amend)
    with Recording.open(file.path) as recording:
        for step in file.steps(trace):
            file.write(step)
            if rnd.random() < 0.2:
                file.writer.commit()
                with recording.snapshot():
                    follower.look(recording, live=True)
        file.end(round((trace.now + 1) * NS))
        with recording.snapshot():
            follower.look(recording, live=False)
    live = follower.finish()
    with Recording.open(file.path) as recording:
        offline = judge(recording, contract)
    assert live == offline
    assert {id(one) for one in told} == {id(one) for one in follower.engine.findings}  # what is told is what is known
    assert len(told) == len(offline.findings) > 10


@pytest.mark.parametrize("sample", sorted(SAMPLES.rglob("*.db")), ids=lambda path: str(path.relative_to(SAMPLES)))
def test_a_sample_is_judged_alike_while_it_grows(sample: Path, tmp_path: Path) -> None:
    """Looked at after each frame, it has said in the end what it says of the whole file."""
    name = sample.parent.name
    contract = load(name if name in builtin_names() else "agent-chat")
    file, follower = Growing(tmp_path / "growing.db"), Follower(contract)
    with Recording.open(sample) as whole:
        offline = judge(whole, contract)
        (run,) = whole.runs()
        frames: list[tuple[int, int, object]] = [(frame.t_ns, 1, frame) for frame in whole.frames()]
        connections = Trace(connections={one.id: one for one in whole.connections()})
    with Recording.open(file.path) as growing:
        for step in sorted([*file.steps(connections), *frames], key=lambda step: step[:2]):
            if isinstance(step[2], Frame):
                file.writer.add_frames([step[2][1:]])
                file.writer.update_run(file.run, reached_ns=step[0])
            else:
                file.write(step)
            file.writer.commit()
            with growing.snapshot():
                follower.look(growing, live=True)
        file.end(run.reached_ns if run.ended_ns is None else run.ended_ns)
        with growing.snapshot():
            follower.look(growing, live=False)
    assert follower.finish() == offline


def test_a_follower_tells_what_is_due_without_a_further_event_and_ends_with_the_recorder(tmp_path: Path) -> None:
    file = Growing(tmp_path / "live.db")
    held = lock.acquire(file.path)
    trace = Trace().open().c2s("chat")
    for step in file.steps(trace):
        file.write(step)
    file.writer.commit()
    told: list[Finding] = []
    heard = threading.Event()
    results: list[Judgement] = []

    def on_finding(finding: Finding) -> None:
        told.append(finding)
        heard.set()

    thread = threading.Thread(
        target=lambda: results.extend(follow(file.path, load("agent-chat"), on_finding=on_finding, poll_s=0.02))
    )
    thread.start()
    assert not heard.wait(0.1)
    file.writer.update_run(file.run, reached_ns=3 * NS)  # a heartbeat
    file.writer.commit()
    assert heard.wait(20)
    assert told[0].rule == "first-event"
    file.end(4 * NS)
    held.release()
    thread.join(20)
    assert [result.verdict for result in results] == ["violated"]


def test_that_an_event_was_late_is_told_when_it_comes(tmp_path: Path) -> None:
    trace = Trace().open().c2s("chat", thread_id="t")
    trace.now += 3
    trace.s2c("agent_started", thread_id="t", run_id="r")
    file = Growing(tmp_path / "late.db")
    told: list[str] = []
    follower = Follower(
        load("agent-chat"),
        lambda finding: told.append(f"{finding.rule} {finding.kind}"),
        lambda before, after: told.append(f"{before.rule} {before.kind} → {after.kind}"),
    )
    *most, last = file.steps(trace)
    with Recording.open(file.path) as recording:
        for step in most:
            file.write(step)
        file.writer.update_run(file.run, reached_ns=last[0] - 1)
        file.writer.commit()
        with recording.snapshot():
            follower.look(recording, live=True)
        assert told == ["first-event missing"]
        file.write(last)
        file.writer.commit()
        with recording.snapshot():
            follower.look(recording, live=True)
    assert told == ["first-event missing", "first-event missing → late"]
    file.writer.close()


def test_a_connection_waits_until_it_is_known_whether_it_was_accepted(tmp_path: Path) -> None:
    contract = loads("{contract: x, rules: [{id: opened, absence: ws.open}]}")
    file = Growing(tmp_path / "pending.db")
    held = lock.acquire(file.path)
    file.writer.insert_connection(Connection(1, file.run, 5))
    file.writer.update_run(file.run, reached_ns=10)
    file.writer.commit()
    follower = Follower(contract)
    with Recording.open(file.path) as recording:
        with recording.snapshot():
            follower.look(recording, live=True)
        assert follower.engine.findings == []
        file.writer.update_connection(1, ending="refused", status=502, closed_ns=12)
        file.end(20)
        held.release()
        with recording.snapshot():
            follower.look(recording, live=False)
    assert follower.finish().findings == ()


def write_whole(path: Path, trace: Trace) -> Path:
    file = Growing(path)
    for step in file.steps(trace):
        file.write(step)
    file.end(round((trace.now + 1) * NS))
    return path


def test_stopping_gives_the_verdict_so_far(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat"))
    stop = threading.Event()
    stop.set()
    (judgement,) = follow(path, [load("agent-chat")], stop=stop)
    assert judgement.verdict == "inconclusive"


# Several files, several processes.


def many_chats(leak: bool) -> Trace:
    """Enough for a file to be split: runs of six users, with faults, and perhaps one event that reaches somebody else."""
    trace = Trace()
    for user in range(1, 7):
        trace.open(user, f"u{user}")
    for number in range(360):
        user = number % 6 + 1
        tools = () if number % 50 == 0 else ("a",)
        trace.run(f"t{user}-{number // 6}", f"r{number}", tools=tools, connection=user)
    if leak:
        trace.s2c("agent_started", thread_id="t1-59", run_id="r9999", connection=2)
    for user in range(1, 7):
        trace.close(user)
    return trace


@pytest.mark.parametrize("leak", [False, True])
def test_a_file_judged_in_parts_is_judged_the_same(leak: bool, tmp_path: Path) -> None:
    path = write_whole(tmp_path / "many.db", many_chats(leak))
    contract = load("agent-chat")
    steps: list[int] = []
    (alone,) = judge_files([(path, contract)])
    (together,) = judge_files([(path, contract)], jobs=2, progress=lambda: steps.append(1), worth_splitting=1_000)
    assert together == alone
    assert alone.judgement is not None
    assert [finding.rule for finding in alone.judgement.findings].count("thread-owner") == leak
    assert steps == [1]


def test_files_come_back_in_order_with_their_errors(tmp_path: Path) -> None:
    good = write_whole(tmp_path / "good.db", Trace().open().c2s("chat").run().close())
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"no recording")
    contracts = [load("agent-chat"), load("openai-realtime")]
    for jobs in (1, 2):
        outcomes = judge_files([(path, contract) for path in (bad, good) for contract in contracts], jobs=jobs)
        assert [(outcome.path.name, outcome.contract) for outcome in outcomes] == [
            ("bad.db", "agent-chat"),
            ("bad.db", "openai-realtime"),
            ("good.db", "agent-chat"),
            ("good.db", "openai-realtime"),
        ]
        assert [type(outcome.error).__name__ for outcome in outcomes] == [
            "NotARecording",
            "NotARecording",
            "NoneType",
            "NoneType",
        ]
        assert [outcome.judgement.verdict for outcome in outcomes if outcome.judgement] == ["satisfied", "vacuous"]
