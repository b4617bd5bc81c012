"""The GitHub Action and the pre-commit hook do what they say."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.proxy.proxy import RecordingProxy

ROOT = Path(__file__).resolve().parents[2]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def run_step(name: str, folder: Path, inputs: dict[str, str], path: str = PATH) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does: expressions replaced, files for outputs and summary."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {key: value["default"] for key, value in action["inputs"].items()} | inputs
    one = next(one for one in action["runs"]["steps"] if one["id"] == name)
    expression = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
    environment = {key: expression.sub(lambda match: given[match[1]], value) for key, value in one["env"].items()}
    environment = {key: value.replace("${{ github.action_path }}", str(ROOT)) for key, value in environment.items()}
    assert not [value for value in environment.values() if "${{" in value]
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    files |= {"GITHUB_PATH": str(folder / "path"), "RUNNER_TEMP": str(folder)}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", one["run"]], cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", **files, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("with space")

    async def record(scenario: str) -> None:
        async with Backend() as backend, RecordingProxy(backend.url, folder / f"{scenario}.db") as proxy:
            await play(scenario, f"{proxy.url}/ws")

    asyncio.run(record("healthy"))
    asyncio.run(record("missing-event"))
    return folder


def test_the_action_passes_where_nothing_is_wrong(recordings: Path, tmp_path: Path) -> None:
    done = run_step("validate", tmp_path, {"files": str(recordings / "healthy.db")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "report=wsreplay-report\n"


def test_the_action_annotates_and_fails_where_something_is(recordings: Path, tmp_path: Path) -> None:
    done = run_step("validate", tmp_path, {"files": f"{recordings}\n", "contract": "agent-chat\n", "report": "out here"})
    assert done.returncode == 1, done.stderr
    assert "::error" in done.stdout
    assert "tool_completed" in (tmp_path / "summary").read_text()
    reports = {path.name for path in (tmp_path / "out here").iterdir()}
    assert reports == {"report.html", "report.txt", "junit.xml", "results.sarif"}


@pytest.mark.campaign
@pytest.mark.timeout(400)
def test_the_action_installs_what_it_runs(recordings: Path, tmp_path: Path) -> None:
    installed = run_step("install", tmp_path, {"python": sys.executable}, f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert installed.returncode == 0, installed.stderr
    (folder,) = (tmp_path / "path").read_text().splitlines()
    done = run_step("validate", tmp_path, {"files": str(recordings / "healthy.db")}, f"{folder}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "wsreplay-report" / "results.sarif").exists()


def test_the_action_says_when_there_is_nothing_to_judge(tmp_path: Path) -> None:
    done = run_step("validate", tmp_path, {"files": "nowhere.db"})
    assert done.returncode == 2
    assert "nowhere.db" in done.stderr


def test_inputs_reach_the_shell_as_data_only() -> None:
    for one in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]:
        assert "${{" not in one["run"], "an input put into a script can run commands of its own"


def test_the_hook_checks_contracts(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert re.search(hook["files"], "contracts/chat.yaml")
    assert re.search(hook["files"], "backend/contracts/chat.yaml")
    (tmp_path / "good.yaml").write_text("contract: mine\nextends: agent-chat\n")
    (tmp_path / "bad.yaml").write_text("contract: mine\nextends: agent-chat\nspan: {}\n")
    entry, options = hook["entry"].split(), {"cwd": tmp_path, "env": {"PATH": PATH}, "capture_output": True, "text": True}
    good, bad = (subprocess.run([*entry, f"{name}.yaml"], check=False, **options) for name in ("good", "bad"))
    assert good.returncode == 0, good.stderr
    assert bad.returncode == 2, bad.stderr
    assert "bad.yaml:3:1" in bad.stderr
