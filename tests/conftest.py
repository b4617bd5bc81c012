"""What holds for all tests."""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from example_count import FEW, MANY
from hypothesis import settings
from terminal import Tmux

# Times of recordings are shown as the reader's clock has them.
os.environ["TZ"] = "UTC"
time.tzset()
# What has no terminal is as wide as it is by default: reports are broken there.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)  # readline, which pytest imports, sets them behind Python's back

# Verdicts that were kept belong to the user; tests judge anew, but for those about them.
os.environ["WSREPLAY_CACHE"] = ""
# So does what the terminal interface remembers: there it can keep nothing.
os.environ["XDG_STATE_HOME"] = os.devnull

# Compiled once, however many processes the tests start: an installed wsreplay has its bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Seconds that a process of tests may take to end when all its tests have ended.
END_WITHIN_S = 120

# How long an example takes is the machine's business; what it shows is ours.
settings.register_profile("wsreplay", deadline=None, max_examples=FEW)
settings.register_profile("campaign", deadline=None, max_examples=MANY)
settings.load_profile("wsreplay")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice as many workers as cores: half of the time of these tests they wait for a socket, a process or a browser."""
    return 2 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """All modules and tests are there to stay: the garbage collector need not look through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """A process that does not come to its end says what it waits for, and ends: nobody would see, nor end, that otherwise."""
    faulthandler.dump_traceback_later(END_WITHIN_S, exit=True, file=sys.__stderr__)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    yield terminal
    terminal.kill()
