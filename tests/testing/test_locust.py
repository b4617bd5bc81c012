"""Locust itself, headless, with users that replay a recording."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import ports
import pytest

import wsreplay
from wsreplay.store.reader import Recording

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"
LOCUSTFILE = """
import json
import gevent
from locust import constant, events
from locust.runners import MasterRunner, WorkerRunner
from wsreplay.demo.tokens import make_token
from wsreplay.testing.locust import ReplayUser

class ChatUser(ReplayUser):
    host = {url!r}
    recording = {recording!r}
    {more}
    speed = 0
    headers = {{"Authorization": "Bearer {{token}}"}}
    wait_time = constant({wait})

    def facts(self):
        return {{"token": make_token(self.name)}}

played = set()

@events.worker_report.add_listener
def hear(client_id, data):
    if any(entry["name"] == "session" for entry in data["stats"]):
        played.add(client_id)

@events.init.add_listener
def end_when_enough_was_played(runner, **_):
    def watch():
        processes = 2 if isinstance(runner, MasterRunner) else 0
        while len(played) < processes or runner.stats.get("session", "ws").num_requests < {sessions}:
            gevent.sleep(0.1)
        runner.quit()

    def tell(**_):
        with open("stats.json", "w") as file:
            json.dump({{row.name: [row.num_requests, row.num_failures] for row in runner.stats.entries.values()}}, file)

    if not isinstance(runner, WorkerRunner):
        events.quit.add_listener(tell)
        if {sessions}:
            gevent.spawn(watch)
"""


def swarm(
    folder: Path, url: str, *options: object, recording: object = SAMPLES / "healthy.db", wait: float = 0.2,
    more: str = "", sessions: int = 2,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Locust to its end: that of its time, or, with a number of `sessions`, as soon as so many were played and each of its
    processes has played something."""
    text = LOCUSTFILE.format(url=url, recording=str(recording), wait=wait, more=more, sessions=sessions)
    (folder / "locustfile.py").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(Path(wsreplay.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "locust", "--headless", *map(str, options)], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
    )  # fmt: skip


def statistics(folder: Path) -> dict[str, list[int]]:
    """What Locust counted in all of its processes: requests and failures, by name."""
    counted: dict[str, list[int]] = json.loads((folder / "stats.json").read_bytes())
    return counted


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_five_hundred_users_in_two_processes(backend_url: str, tmp_path: Path) -> None:
    # Who has played waits for the rest of the time: so many sessions are of so many users, however long they take.
    options = ("-u", 500, "-r", 50, "-t", "240s", "--processes", 2)
    done = swarm(tmp_path, backend_url, *options, wait=240, more="timeout = 60", sessions=500)
    assert done.returncode == 0, done.stdout[-3_000:]
    rows = statistics(tmp_path)
    assert rows["session"][0] >= 500
    assert {failures for _, failures in rows.values()} == {0}
    assert rows["chat → agent_completed"][0] >= 500
    recordings = list((tmp_path / "recordings").glob("locust-ChatUser-*.db"))
    users, threads = set(), set()
    for path in recordings:
        with Recording.open(path) as recording:
            users.update(connection.user for connection in recording.connections())
        with wsreplay.open(path) as recorded:
            threads.update(event.document["thread_id"] for event in recorded.events("type:chat"))
            print(path.name, len(recorded.sessions), "sessions:", recorded.validate().verdict)
    assert len(recordings) == 2
    assert len(users) >= 500  # Locust moves users from one process to another when it balances them
    assert verdicts(done.stdout) == ["satisfied"] * 2
    assert len(threads) >= rows["session"][0]
    print("\n".join(done.stdout.splitlines()[-16:]))


def verdicts(said: str) -> list[str]:
    """What each process says of what it has played, before Locust ends."""
    return re.findall(r"ChatUser: (\w+), [\d,]+ sessions? recorded in", said)


@pytest.mark.campaign
def test_a_healthy_load_is_satisfied(backend_url: str, tmp_path: Path) -> None:
    done = swarm(tmp_path, backend_url, "-u", 5, "-r", 5, "-t", "60s", wait=1)
    assert done.returncode == 0, done.stdout[-3_000:]
    assert verdicts(done.stdout) == ["satisfied"]


@pytest.mark.campaign
@pytest.mark.parametrize("processes", [1, 2])
def test_what_departs_and_what_breaks_a_rule_fails(processes: int, backend_url: str, tmp_path: Path) -> None:
    other = 'values = {"$.scenario": "missing-event"}; timeout = 1'
    apart = ("--processes", processes) if processes > 1 else ()
    broken = swarm(tmp_path, backend_url, "-u", 4, "-r", 4, "-t", "60s", *apart, more=other)
    assert broken.returncode == 1
    assert verdicts(broken.stdout) == ["violated"] * processes, broken.stdout[-3_000:]
    assert "Mismatched('session 1: expected tool_completed" in broken.stdout
    assert re.search(r"wsreplay.testing.locust: tool: .* never came .*\(\d+×\)", broken.stdout), broken.stdout[-3_000:]
    if processes == 1:  # a master waits for the last figures of its workers for half a second only
        assert statistics(tmp_path)["tool"] == [1, 1]


@pytest.mark.campaign
def test_a_recording_that_is_not_there_is_said(backend_url: str, tmp_path: Path) -> None:
    missing = swarm(tmp_path, backend_url, "-u", 1, "-r", 1, "-t", "3s", recording=tmp_path / "none.db", sessions=0)
    assert missing.returncode == 1
    assert "none.db: no such file" in missing.stdout


@pytest.mark.campaign
def test_a_backend_that_is_not_the_recorded_one_fails_every_session(tmp_path: Path) -> None:
    (port,) = ports.unused()
    done = swarm(tmp_path, f"ws://127.0.0.1:{port}", "-u", 1, "-r", 1, "-t", "60s")
    assert done.returncode == 1
    sessions, failed = statistics(tmp_path)["session"]
    assert failed == sessions > 0
    assert "Mismatched" in done.stdout
