"""A tag is released only if version and changelog agree with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]
{unreleased}
## [0.2.0] - 2027-01-15

### Added
{released}
## [0.1.0] - 2026-12-01

- It.
"""


def release(root: Path, tag: str, version: str, released: str = "- That.", unreleased: str = "") -> tuple[int, str]:
    """The exit code and the words of the tool over a tree with this version and these entries."""
    for folder in ("wsreplay", "tools"):
        (root / folder).mkdir(exist_ok=True)
    (root / "wsreplay" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (root / "CHANGELOG.md").write_text(CHANGELOG.format(released=released, unreleased=unreleased))
    tool = root / "tools" / "release.py"
    tool.write_text((ROOT / "tools" / "release.py").read_text())
    done = subprocess.run([sys.executable, tool, tag], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_what_agrees_is_released(tmp_path: Path) -> None:
    assert release(tmp_path, "v0.2.0", "0.2.0") == (0, "")


@pytest.mark.parametrize(
    ("tag", "version", "entries", "says"),
    [
        ("v0.2.1", "0.2.0", {}, "the tag is v0.2.1, and __version__ in wsreplay/__init__.py is 0.2.0"),
        ("v0.3.0", "0.3.0", {}, "CHANGELOG.md has no heading ## [0.3.0]"),
        ("v0.2", "0.2", {}, "0.2 is not a version"),
        ("v0.2.0", "0.2.0", {"released": ""}, "CHANGELOG.md tells nothing under ## [0.2.0]"),
        ("v0.2.0", "0.2.0", {"unreleased": "- More."}, "still has entries under [Unreleased]"),
    ],
)
def test_what_does_not_agree_is_named(tmp_path: Path, tag: str, version: str, entries: dict[str, str], says: str) -> None:
    code, text = release(tmp_path, tag, version, **entries)
    assert code == 1
    assert says in text


def test_a_tag_is_needed() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "release.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python tools/release.py TAG\n")
