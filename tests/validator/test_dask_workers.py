"""Recordings judged by a Dask cluster: the same verdict, whoever judges and whoever dies."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commandline import WSREPLAY, run
from relay import wait_for

from wsreplay.contract import load
from wsreplay.validator import judge_files
from wsreplay.validator.dask_workers import dask_workers

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"
COPIES = 8
LONG_S = 300  # many recordings, on a machine that may be busy


@dataclass
class Process:
    """One process of a cluster, and what it has said."""

    arguments: tuple[str, ...]
    said: str = ""
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dask", *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def wait_for(self, pattern: str) -> str:
        wait_for(lambda: re.search(pattern, self.said) is not None, f"{pattern} of dask {self.arguments[0]}: {self.said}", 60)
        match = re.search(pattern, self.said)
        assert match is not None
        return match[match.re.groups]

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(30)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[Process]]]:
    """A scheduler and two workers, as processes; its address, and the workers."""
    started: list[Process] = []
    try:
        scheduler = Process(("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"))
        started.append(scheduler)
        address = scheduler.wait_for(r"Scheduler at: +(tcp://127\.0\.0\.1:\d+)")
        for number in range(2):
            local = ("--local-directory", str(tmp_path / f"worker-{number}"))
            started.append(Process(("worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "1", *local)))
        for worker in started[1:]:
            worker.wait_for("Registered to: +(tcp)")
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """So many recordings that a worker can be killed while there are some left."""
    place = tmp_path / "many"
    place.mkdir()
    for path in SAMPLES.glob("*.db"):
        for number in range(COPIES):
            shutil.copy(path, place / f"{path.stem}-{number}.db")
    for session in (1, 2):  # who got what, and whose it is: in two recordings
        assert run("cut", SAMPLES / "leak.db", session, "-o", place / f"pod-{session}.db").code == 0
    return place


@pytest.fixture(autouse=True)
def no_saved_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSREPLAY_CACHE", "")


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", [(), ("--across",)])
def test_a_cluster_says_byte_for_byte_what_one_process_says_though_a_worker_is_killed(
    options: tuple[str, ...], cluster: tuple[str, list[Process]], folder: Path, tmp_path: Path
) -> None:
    address, workers = cluster
    victim = workers[0].process
    began = processor_time(victim.pid)
    alone = run("validate", folder, "-f", "json", *options, patience=LONG_S)
    with (tmp_path / "told.json").open("wb") as told:
        judging = subprocess.Popen(
            [*WSREPLAY, "validate", str(folder), "-f", "json", *options, "--dask", address], stdout=told, stderr=subprocess.PIPE
        )
        wait_for(lambda: processor_time(victim.pid) > began + 0.5, "the worker judges", 60)
        assert judging.poll() is None
        victim.kill()
        _, errors = judging.communicate(timeout=LONG_S)
    assert victim.wait(10) == -signal.SIGKILL
    assert judging.returncode == alone.code == 1
    assert "Traceback" not in errors.decode()
    assert (tmp_path / "told.json").read_text() == alone.out
    assert ("it was seen in" in alone.out) is ("--across" in options)


def processor_time(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_processes_of_this_machine_say_the_same() -> None:
    alone = run("validate", SAMPLES, "-f", "json", patience=LONG_S)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # where somebody has it already, it is taken all the same
            stack.enter_context(socket.create_server(("127.0.0.1", 8787)))  # where Dask shows its pages
        local = run("validate", SAMPLES, "-f", "json", "--dask", "local:2", patience=LONG_S)
    assert (local.code, local.out, local.err) == (alone.code, alone.out, alone.err)


@pytest.mark.parametrize(
    ("address", "says"),
    [("nonsense", "is not an address; write tcp://HOST:8786, or local:4"), ("tcp://127.0.0.1:1", "there is no scheduler"),
     ("gopher://x", "there is no scheduler")],
)  # fmt: skip
def test_an_address_that_is_none_is_said(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    outcome = run("validate", SAMPLES / "healthy.db", "--dask", address)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err


def test_the_workers_of_a_cluster_are_counted_and_judge(tmp_path: Path) -> None:
    """A cluster of threads in this process."""
    distributed = pytest.importorskip("distributed")
    wanted = [(SAMPLES / f"{name}.db", load("agent-chat")) for name in ("healthy", "missing-event")]
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=None) as cluster,
        dask_workers(cluster.scheduler_address) as workers,
    ):
        assert workers.count == 3
        assert workers.lost == (distributed.scheduler.KilledWorker,)
        assert judge_files(wanted, workers=workers) == judge_files(wanted)
