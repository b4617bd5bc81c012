"""`wsreplay prune`, on recordings of several ages and sizes."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commandline import Recorder, run

from wsreplay.store.annotations import change_mark
from wsreplay.store.reader import Recording

HEALTHY = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")


def recorded(folder: Path, name: str, days: float, *, size: int = 0, types: tuple[str, ...] = HEALTHY) -> Path:
    """A recording that ended so many days ago, of at least so many bytes."""
    started = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    lines: list[dict[str, object]] = [
        {"wsreplay": 1, "started_at": started, "upstream": "ws://x"},
        {"connection": 1, "t": 0, "open": {"path": "/ws", "headers": [], "user": "u"}},
    ]
    asked = json.dumps({"type": "chat", "thread_id": "t"})
    lines.append({"connection": 1, "t": 0, "dir": "c2s", "opcode": "text", "data": asked})
    for number, kind in enumerate(types):
        tool = {"tool_call_id": "c"} if kind.startswith("tool_") else {}
        data = json.dumps({"type": kind, "thread_id": "t", **tool, "fill": "x" * size if number == 1 else ""})
        lines.append({"connection": 1, "t": number / 100, "dir": "s2c", "opcode": "text", "data": data})
    lines.append({"connection": 1, "t": 0.1, "close": {"by": "client", "code": 1000}})
    path = folder / f"{name}.db"
    outcome = run("import", "-", "-o", path, stdin="\n".join(map(json.dumps, lines)))
    assert outcome.code == 0, outcome.err
    return path


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    recorded(folder, "old-small", 60)
    recorded(folder, "old-large", 40, size=1_000_000)
    recorded(folder, "new-large", 1, size=1_000_000)
    recorded(folder, "new-small", 1 / 24)
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    """old-small (60 days), old-large (40 days, 1 MB), new-large (1 day, 1 MB), new-small (1 hour)."""
    return Path(shutil.copytree(originals, tmp_path, dirs_exist_ok=True))


def names(folder: Path) -> set[str]:
    return {file.name.removesuffix(".db") for file in folder.iterdir()}


def test_nothing_goes_without_yes(folder: Path) -> None:
    outcome = run("prune", folder, "--older-than", "30d")
    assert outcome.code == 0
    assert [line.split()[:2] for line in outcome.out.splitlines()] == [["would", "remove"]] * 2
    assert "old-small.db   60d old" in outcome.out.splitlines()[0]
    assert "2 recordings, " in outcome.err and "to remove; add --yes to delete them" in outcome.err
    assert len(names(folder)) == 4


@pytest.mark.parametrize(
    ("conditions", "stay"),
    [
        (["--older-than", "30d"], {"new-large", "new-small"}),
        (["--larger-than", "900kB"], {"old-small", "new-small"}),
        (["--older-than", "5w", "--larger-than", "900kB"], {"old-small", "new-large", "new-small"}),
        (["--older-than", "90min"], {"new-small"}),
        (["--older-than", "1000d"], {"old-small", "old-large", "new-large", "new-small"}),
        (["--keep-total", "1.9MB"], {"new-large", "new-small"}),
        (["--keep-total", "0"], set()),
        (["--keep-total", "1GB"], {"old-small", "old-large", "new-large", "new-small"}),
        (["--older-than", "50d", "--keep-total", "900kB"], {"new-small"}),
    ],
)
def test_what_is_old_large_or_too_much_goes(conditions: list[str], stay: set[str], folder: Path) -> None:
    outcome = run("prune", folder, *conditions, "--yes")
    assert outcome.code == 0
    assert names(folder) == stay
    assert len([line for line in outcome.out.splitlines() if line.startswith("removed")]) == 4 - len(stay)


def test_recordings_with_findings_or_marks_can_be_kept(folder: Path) -> None:
    recorded(folder, "broken", 70, types=HEALTHY[:3])
    change_mark(folder / "old-large.db", None, 0, "look here")
    outcome = run("prune", folder, "--older-than", "30d", "--keep-findings", "--keep-marks", "--yes")
    assert names(folder) == {"broken", "old-large", "new-large", "new-small"}
    assert "has findings" in outcome.out and "has marks" in outcome.out
    run("prune", folder, "--older-than", "30d", "--keep-marks", "--yes")
    assert names(folder) == {"old-large", "new-large", "new-small"}


def test_findings_are_those_of_the_contract_that_fits_unless_one_is_named(tmp_path: Path) -> None:
    recorded(tmp_path, "broken", 70, types=("RUN_STARTED", "RUN_STARTED", "RUN_FINISHED"))
    recorded(tmp_path, "good", 70, types=("RUN_STARTED", "RUN_FINISHED"))
    run("prune", tmp_path, "--older-than", "30d", "--keep-findings", "--yes")
    assert names(tmp_path) == {"broken"}
    run("prune", tmp_path, "--older-than", "30d", "--keep-findings", "-c", "openai-realtime", "--yes")
    assert names(tmp_path) == {"broken"}


def test_what_a_crash_left_beside_a_recording_goes_with_it(folder: Path) -> None:
    for suffix in ("-wal", "-shm"):
        (folder / f"old-small.db{suffix}").touch()
    run("prune", folder, "--older-than", "50d", "--yes")
    assert names(folder) == {"old-large", "new-large", "new-small"}


def test_what_is_being_written_never_goes(backend: str, record: type[Recorder], folder: Path) -> None:
    recorder = record(backend, "-l", "0", "-o", folder / "old-small.db")
    assert recorder.url
    outcome = run("prune", folder, "--keep-total", "0", "--yes")
    assert "old-small" not in outcome.out
    recorder.stop()
    with Recording.open(folder / "old-small.db") as recording:
        assert len(recording.runs()) == 2


def test_files_that_are_no_recordings_stay_and_are_named(folder: Path) -> None:
    (folder / "notes.db").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    outcome = run("prune", folder, "--keep-total", "0", "--yes")
    assert outcome.code == 3
    assert "notes.db" in outcome.err and "kept" in outcome.err
    assert names(folder) == {"notes", "notes.txt"}


def test_folders_inside_are_left_alone_unless_asked_for(folder: Path) -> None:
    (folder / "tests").mkdir()
    recorded(folder / "tests", "inside", 60)
    run("prune", folder, "--older-than", "30d", "--yes")
    assert names(folder / "tests") == {"inside"}
    run("prune", folder, "--older-than", "30d", "--yes", "-r")
    assert names(folder / "tests") == set()


def test_mistakes_are_said(tmp_path: Path) -> None:
    assert "say what to remove: --older-than 30d" in run("prune", tmp_path).err
    assert "no such folder" in run("prune", tmp_path / "none", "--older-than", "1d").err
    assert "'30' is not a duration: it has no unit" in run("prune", tmp_path, "--older-than", "30").err
    assert run("prune", tmp_path, "--older-than", "30").code == 2
    assert "nothing to remove" in run("prune", tmp_path, "--older-than", "30d").err
