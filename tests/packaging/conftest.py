"""The package as its users get it: built once for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("PYTHON", "VIRTUAL_ENV", "COVERAGE", "PYTEST")  # of this process, not for those it starts


def call(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Run a command outside the checkout and return what it says; it must succeed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**clean, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(map(str, command))} exits with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    return call


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    (found,) = dist.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def tracked() -> set[str]:
    """The files of this checkout, without those that git ignores."""
    listed = call("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
