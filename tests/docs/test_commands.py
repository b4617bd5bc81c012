"""Every command of the README and of the documentation does what the page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
# Why a command may stand in a page without being run by this test.
REASONS = {
    "installs",  # tests/packaging installs the wheel and runs it
    "of the checkout",  # make targets: CI runs them
    "needs a container engine",
    "needs a shell of its own",
    "changes the machine",
}


@pytest.mark.docs
@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_the_commands_of_a_page_print_what_it_says(path: Path, follow: Callable[[pages.Page], None]) -> None:
    page = pages.read(path)
    if not any(block.language == "console" for block in page.blocks):
        return
    follow(page)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_stand_in_console_blocks_only(path: Path) -> None:
    others = [block.line for block in pages.read(path).blocks if block.language in ("", "bash", "sh", "shell", "zsh")]
    assert not others, f"{path.name}, lines {others}: write commands as ```console, texts as ```text"


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_what_is_not_run_says_why(path: Path) -> None:
    for block in pages.read(path).blocks:
        if reason := block.directive("not run"):
            assert reason.rest in REASONS, f"{path.name}:{reason.line}: {reason.rest}"
