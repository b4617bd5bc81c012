"""`wsreplay doctor`: what it says is so, and its exit code tells whether something is in the way."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import run

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_all_is_well(tmp_path: Path, listener: socket.socket) -> None:
    shutil.copy(SAMPLES / "leak.db", tmp_path)
    port = listener.getsockname()[1]
    outcome = run("doctor", tmp_path, "-l", free_port(), "--upstream", f"127.0.0.1:{port}")
    assert outcome.code == 0, outcome.out
    for line in ("websockets [0-9]", "record can listen at", f"something listens at 127.0.0.1:{port}",
                 r"leak.db: 2 sessions, \d+ frames"):  # fmt: skip
        assert re.search(line, outcome.out), line
    assert "✗" not in outcome.out


def test_a_port_that_is_taken_is_in_the_way(tmp_path: Path, listener: socket.socket) -> None:
    outcome = run("doctor", tmp_path, "-l", listener.getsockname()[1])
    assert outcome.code == 1
    assert "Address already in use; choose another address with -l" in outcome.out
    assert "no recordings in" in outcome.out


def test_a_backend_that_is_not_there_is_in_the_way(tmp_path: Path) -> None:
    outcome = run("doctor", tmp_path, "-l", free_port(), "--upstream", f"127.0.0.1:{free_port()}")
    assert outcome.code == 1
    assert "Connection refused; start your backend" in outcome.out


def test_a_last_recording_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no recording")
    outcome = run("doctor", tmp_path, "-l", free_port())
    assert outcome.code == 1
    assert "a.db is not a recording" in outcome.out


def test_a_recording_may_be_named(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "leak.db", tmp_path / "one.db")
    (tmp_path / "two.db").write_text("text")
    outcome = run("doctor", tmp_path / "one.db", "-l", free_port())
    assert "one.db: " in outcome.out
    assert "no recordings" not in outcome.out
    assert "✗ " in run("doctor", tmp_path / "two.db", "-l", free_port()).out


def test_extras_are_named_with_what_installs_them(tmp_path: Path) -> None:
    requirements = "\n".join(importlib.metadata.requires("wsreplay") or [])
    named = set(re.findall(r"extra == .(\w+)", requirements))
    out = run("doctor", tmp_path, "-l", free_port()).out
    told = re.findall(r"extras(?:: | that are not installed, as in pip install 'wsreplay\[\w+\]': )(.+)", out)
    assert {extra for line in told for extra in line.split(", ")} == named


def test_recordings_beside_the_user_are_found_as_ls_finds_them(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "leak.db", tmp_path)
    (tmp_path / "other.db").write_text("no recording")
    outcome = run("doctor", "-l", free_port(), cwd=tmp_path)
    assert "1 recording in this folder" in outcome.out and "leak.db: 2 sessions" in outcome.out
