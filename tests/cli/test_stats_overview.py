"""`stats` of folders, pages, and what is being recorded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from commandline import WSREPLAY, Recorder, chat, run
from relay import wait_for
from terminal import Tmux

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("healthy", "missing-event"):
        shutil.copy(SAMPLES / f"{name}.db", tmp_path)
    return tmp_path


def test_a_folder_is_shown_at_a_glance(folder: Path) -> None:
    outcome = run("stats", folder)
    assert outcome.code == 0
    assert "2 recordings" in outcome.out
    assert re.search(r"^completed +2 +100.0%$", outcome.out, re.M)
    assert json.loads(run("stats", folder, "--json").out)["recordings"] == 2


def test_a_page_goes_into_a_file(folder: Path) -> None:
    outcome = run("stats", folder / "healthy.db", "-f", "html", "-o", folder / "page.html")
    assert (outcome.code, outcome.out) == (0, "")
    assert (folder / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{file}", "1", "--follow"], "an overview covers whole recordings"),
        (["{file}#1", "-f", "html"], "an overview covers whole recordings"),
        (["{file}", "-f", "html", "--follow"], "add -o FILE"),
        (["nowhere", "--follow"], "nowhere: no such file or folder"),
    ],
)
def test_what_cannot_be_shown(folder: Path, arguments: list[str], says: str) -> None:
    outcome = run("stats", *(argument.format(file=folder / "healthy.db") for argument in arguments))
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err


def test_following_ends_with_the_recording_and_keeps_a_page_up_to_date(
    tmp_path: Path, backend: str, record: type[Recorder]
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db")
    chat(recorder.url)
    page = tmp_path / "page.html"
    following = subprocess.Popen(
        [*WSREPLAY, "stats", str(tmp_path), "--follow", "-f", "html", "-o", str(page)], stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: page.exists() and "● REC" in page.read_text(), "the page is there")
    lines = subprocess.Popen([*WSREPLAY, "stats", str(tmp_path), "--follow"], stdout=subprocess.PIPE, text=True)
    assert lines.stdout is not None
    first = lines.stdout.readline()
    assert "events/s" in first
    assert "runs: 1 completed" in first
    chat(recorder.url, "missing-event", "bob")
    assert recorder.stop().code == 0
    assert following.wait(30) == lines.wait(30) == 0
    assert "● REC" not in page.read_text()
    assert "2 sessions" in lines.stdout.read()
    lines.stdout.close()
    assert following.stdout is not None
    following.stdout.close()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_a_terminal_is_drawn_on_and_left_as_it_was(
    tmp_path: Path, backend: str, record: type[Recorder], tmux: Tmux
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db")
    chat(recorder.url)
    tmux.start(*WSREPLAY, "stats", str(tmp_path / "a.db"), "--follow")
    shown = tmux.until(lambda shown: "Ctrl-C stops" in shown)
    assert "● REC   1 session" in shown
    chat(recorder.url, "missing-event", "bob")
    tmux.until(lambda shown: "completed                                2" in shown)
    tmux.keys("C-c")
    shown = tmux.until(lambda shown: "ended 0" in shown)
    assert "Ctrl-C stops" not in shown
    assert "completed                                2" in shown
