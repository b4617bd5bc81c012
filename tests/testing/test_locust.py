"""Locust itself, headless, with users that replay a recording."""

from __future__ import annotations

import csv
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
from locust import constant
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
"""


def swarm(
    folder: Path, url: str, *options: object, recording: object = SAMPLES / "healthy.db", wait: float = 0.2,
    more: str = "",
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    text = LOCUSTFILE.format(url=url, recording=str(recording), wait=wait, more=more)
    (folder / "locustfile.py").write_text(text)
    environment = os.environ | {"PYTHONPATH": str(Path(wsreplay.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "locust", "--headless", "--csv", "stats", *map(str, options)], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
    )  # fmt: skip


def statistics(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "stats_stats.csv").open() as file:
        return {row["Name"]: row for row in csv.DictReader(file)}


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_five_hundred_users_in_two_processes(backend_url: str, tmp_path: Path) -> None:
    done = swarm(tmp_path, backend_url, "-u", 500, "-r", 50, "-t", "40s", "--processes", 2, wait=15)
    assert done.returncode == 0, done.stdout[-3_000:]
    rows = statistics(tmp_path)
    assert int(rows["session"]["Request Count"]) >= 500
    assert {row["Failure Count"] for row in rows.values()} == {"0"}
    assert int(rows["chat → agent_completed"]["Request Count"]) >= 500
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
    assert len(threads) >= int(rows["session"]["Request Count"])
    print("\n".join(done.stdout.splitlines()[-16:]))


def verdicts(said: str) -> list[str]:
    """What each process says of what it has played, before Locust ends."""
    return re.findall(r"ChatUser: (\w+), [\d,]+ sessions? recorded in", said)


@pytest.mark.campaign
def test_a_healthy_load_is_satisfied(backend_url: str, tmp_path: Path) -> None:
    done = swarm(tmp_path, backend_url, "-u", 5, "-r", 5, "-t", "4s", wait=1)
    assert done.returncode == 0, done.stdout[-3_000:]
    assert verdicts(done.stdout) == ["satisfied"]


@pytest.mark.campaign
@pytest.mark.parametrize("processes", [1, 2])
def test_what_departs_and_what_breaks_a_rule_fails(processes: int, backend_url: str, tmp_path: Path) -> None:
    other = 'values = {"$.scenario": "missing-event"}; timeout = 1'
    apart = ("--processes", processes) if processes > 1 else ()
    broken = swarm(tmp_path, backend_url, "-u", 4, "-r", 4, "-t", "6s", *apart, more=other)
    assert broken.returncode == 1
    assert verdicts(broken.stdout) == ["violated"] * processes, broken.stdout[-3_000:]
    assert "Mismatched('session 1: expected tool_completed" in broken.stdout
    assert re.search(r"wsreplay.testing.locust: tool: .* never came .*\(\d+×\)", broken.stdout), broken.stdout[-3_000:]
    if processes > 1:  # alone, Locust closes its statistics first
        assert statistics(tmp_path)["tool"]["Failure Count"] == str(processes)


@pytest.mark.campaign
def test_a_recording_that_is_not_there_is_said(backend_url: str, tmp_path: Path) -> None:
    missing = swarm(tmp_path, backend_url, "-u", 1, "-r", 1, "-t", "3s", recording=tmp_path / "none.db")
    assert missing.returncode == 1
    assert "none.db: no such file" in missing.stdout


@pytest.mark.campaign
def test_a_backend_that_is_not_the_recorded_one_fails_every_session(tmp_path: Path) -> None:
    (port,) = ports.unused()
    done = swarm(tmp_path, f"ws://127.0.0.1:{port}", "-u", 1, "-r", 1, "-t", "3s")
    assert done.returncode == 1
    row = statistics(tmp_path)["session"]
    assert row["Failure Count"] == row["Request Count"] != "0"
    assert "Mismatched" in done.stdout
