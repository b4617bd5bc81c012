"""Packages from npm, for tests that need a real peer of another language."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

PATIENCE_S = 120
# One try, and no long wait for a registry that does not answer.
QUICKLY = ("--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000")


def install(folder: Path, *packages: str) -> None:
    """Install packages into a folder; the test is skipped, with the reason, where that cannot be done."""
    if reason := _unreachable() or _install(folder, packages):
        pytest.skip(reason)


@functools.cache
def _unreachable() -> str | None:
    """Why nothing can be installed; asked once, so that many tests do not wait one after the other."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "needs node and npm"
    return _run([npm, "view", "ws", "version", *QUICKLY], 30)


def _install(folder: Path, packages: tuple[str, ...]) -> str | None:
    return _run(["npm", "install", *QUICKLY, "--prefix", str(folder), *packages], PATIENCE_S)


def _run(command: list[str], seconds: float) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"npm {command[1]} does not come to an end in {seconds:.0f} s"
    if done.returncode == 0:
        return None
    errors = (line for line in done.stderr.splitlines() if line.startswith("npm error"))
    return f"npm {command[1]} fails: {next(errors, 'no reason given')}"
