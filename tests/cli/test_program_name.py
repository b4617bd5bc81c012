"""The commands that hints name are found by the shell they are typed into."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("wsreplay")


@pytest.mark.parametrize("on_path", [True, False])
def test_the_hints_of_demo_can_be_typed(tmp_path: Path, on_path: bool) -> None:
    path = f"{PROGRAM.parent}:/usr/bin:/bin" if on_path else "/usr/bin:/bin"
    environment = {**os.environ, "PATH": path}
    folder = tmp_path / ".venv"
    folder.symlink_to(PROGRAM.parent.parent)
    ask = "import sys; sys.argv = ['{}']; from wsreplay.cli.program_name import program_name; print(program_name())"
    called = PROGRAM if on_path else Path(".venv/bin/wsreplay")
    run = [sys.executable, "-c", ask.format(called)]
    name = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    assert name == ("wsreplay" if on_path else ".venv/bin/wsreplay")
    version = subprocess.run(f"{name} --version", shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert version.returncode == 0
