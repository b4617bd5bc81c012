"""What make says where the Python is too old. That its targets work is what CI shows."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD_PYTHON = '#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi\n'


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_python_that_is_too_old_is_said(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text(OLD_PYTHON)
    old.chmod(0o755)
    environment = {**os.environ, "PATH": f"{old.parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("MAKEFLAGS", None)
    done = subprocess.run(["make", "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "wsreplay needs Python 3.11 or newer, and python3 is Python 3.9.2." in done.stderr
    assert "make PYTHON=python3.12 demo" in done.stderr
    assert not (tmp_path / ".venv").exists()
