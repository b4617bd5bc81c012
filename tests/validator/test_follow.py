"""Live and offline say the same, of real files that grow, whatever the moments in which they are looked at."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from growing_files import Growing, write_whole
from judged_traces import NS, Trace

from wsreplay.contract import builtin_names, load, loads
from wsreplay.model import Connection, Frame
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.validator import Finding, Judgement, SpanLog, SpanRecord, follow, judge
from wsreplay.validator.follow import Follower

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


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
        told[[finding.id for finding in told].index(before.id)] = after

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
    assert [replace(finding, before=None) for finding in told] == [
        replace(finding, before=None) for finding in follower.engine.findings
    ]  # what is told is what is known
    assert len(told) == len(offline.findings) > 10


@pytest.mark.parametrize("sample", sorted(SAMPLES.rglob("*.db")), ids=lambda path: str(path.relative_to(SAMPLES)))
def test_a_sample_is_judged_alike_while_it_grows(sample: Path, tmp_path: Path) -> None:
    """Looked at after each frame, it has said in the end what it says of the whole file; of spans too, change by change."""
    name = sample.parent.name
    contract = load(name if name in builtin_names() else "agent-chat")
    file, follower = Growing(tmp_path / "growing.db"), Follower(contract, make_log=SpanLog)
    spans: dict[str, SpanRecord] = {}
    with Recording.open(sample) as whole:
        offline = judge(whole, contract, span_log=SpanLog())
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
            spans.update((record.id, record) for record in follower.take_span_changes())
        file.end(run.reached_ns if run.ended_ns is None else run.ended_ns)
        with growing.snapshot():
            follower.look(growing, live=False)
    assert follower.finish() == offline
    spans.update((record.id, record) for record in follower.take_span_changes())
    assert spans == {record.id: record for record in offline.spans}


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


def test_stopping_gives_the_verdict_so_far(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat"))
    stop = threading.Event()
    stop.set()
    (judgement,) = follow(path, [load("agent-chat")], stop=stop)
    assert judgement.verdict == "inconclusive"


def test_followers_of_a_file_are_told_of_findings_and_of_what_becomes_of_them(tmp_path: Path) -> None:
    trace = Trace().open().c2s("chat", thread_id="t").at(3).run("t").close()
    path, told = write_whole(tmp_path / "a.db", trace), list[str]()
    (judgement,) = follow(
        path,
        load("agent-chat"),
        on_finding=lambda finding: told.append(f"{finding.rule} {finding.kind}"),
        on_amended=lambda before, after: told.append(f"{before.rule} {before.kind} → {after.kind}"),
    )
    assert told == ["first-event missing", "first-event missing → late"]
    assert judgement.findings == trace.judge().findings


def test_all_spans_are_logged_for_who_asks_for_them_and_else_runs(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat", thread_id="t1").run().close())
    states = [
        [record.state for record in judgement.spans]
        for (judgement,) in (
            follow(path, load("agent-chat")),
            follow(path, load("agent-chat"), spans=True),
            follow(path, load("agent-chat"), on_spans=lambda contract, records: None),
        )
    ]
    assert states == [["completed"], ["completed", "completed"], ["completed", "completed"]]


# Several files, several processes.


def test_who_says_its_name_only_after_it_came_back_is_of_the_same_session(tmp_path: Path) -> None:
    """Looked at after each step: when zoe is back, nobody knows yet that it is she, and others come meanwhile."""
    contract = loads(
        "contract: c\nuser: $.who\nrules:\n  - {id: once, absence: [{event: again}]}\n"
        "  - {id: back, response: [ws.drop, ws.open], across: user, within: 3s}\n"
    )
    trace = Trace().open(1, None).c2s("hello", 1, who="mia").open(2, None).c2s("hello", 2, who="zoe").s2c("again", 2)
    trace.drop(2).at(1).open(3, None).s2c("welcome", 3).open(4, None).c2s("hello", 4, who="noah")
    trace.c2s("hello", 3, who="zoe").s2c("again", 3).s2c("again", 4).at(2).close(1).close(3).close(4)
    file, told = Growing(tmp_path / "growing.db"), list[Finding]()
    follower = Follower(contract, told.append)
    with Recording.open(file.path) as recording:
        for step in file.steps(trace):
            file.write(step)
            file.writer.commit()
            with recording.snapshot():
                follower.look(recording, live=True)
        file.end(3 * NS)
        with recording.snapshot():
            follower.look(recording, live=False)
        live, offline = follower.finish(), judge(recording, contract)
    assert live == offline and live.users == {1: "mia", 2: "zoe", 3: "noah"}
    assert [finding.session for finding in live.findings] == [2, 2, 3]
