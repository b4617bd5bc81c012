"""A page of a stranger in a real browser: refused by everything that listens, let in by the flag."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import ports
import pytest
import pytest_asyncio
from browser import CHROMIUM, Page
from commandline import WSREPLAY, run
from strangers import EVIL, reaches, stranger

from wsreplay.demo.backend import Backend

pytestmark = [
    pytest.mark.campaign, pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.timeout(240),
]  # fmt: skip
SMALL = """{"wsreplay": 1}
{"connection": 1, "t": 0, "open": {"path": "/ws"}}
{"connection": 1, "t": 60, "close": {"by": "server", "code": 1000}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Page, str]]:
    async with stranger(tmp_path_factory.mktemp("browser")) as (tab, origin):
        yield tab, origin


@contextmanager
def listening(command: list[str], folder: Path, *options: str) -> Iterator[tuple[int, list[str]]]:
    """A command that listens: its port, and its lines on stderr so far."""
    (port,) = ports.unused()
    lines: list[str] = []
    program = subprocess.Popen(
        [*WSREPLAY, *command, "-l", f"127.0.0.1:{port}", *options], cwd=folder, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert program.stderr is not None
    try:
        while "Ctrl-C stops" not in "".join(lines):
            line = program.stderr.readline()
            assert line, lines
            lines.append(line)
        yield port, lines
    finally:
        program.terminate()
        lines += program.stderr.readlines()
        program.stderr.close()
        program.wait()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", ["record", "replay server", "demo"])
async def test_a_page_of_a_stranger_needs_the_flag(kind: str, page: tuple[Page, str], tmp_path: Path) -> None:
    tab, origin = page
    (tmp_path / "small.jsonl").write_text(SMALL)
    assert run("import", tmp_path / "small.jsonl", "-o", tmp_path / "small.db").code == 0
    async with Backend(require_auth=False, allow_origins=[origin]) as backend:
        command = {
            "record": ["record", backend.url, "-o", "a.db"], "replay server": ["replay", "server", "small.db"],
            "demo": ["demo", "--serve", "-o", "a.db"],
        }[kind]  # fmt: skip
        with listening(command, tmp_path) as (port, lines):
            assert await reaches(tab, f"ws://127.0.0.1:{port}/ws") == "refused"
            assert await reaches(tab, f"ws://{EVIL}:{port}/ws") == "refused", "nor by a name that points here"
        reason = f"pages of {origin} may not use this port; --allow-origin {origin} lets them"
        assert f"wsreplay: refused with 403: {reason}\n" in lines
        (tmp_path / "a.db").unlink(missing_ok=True)
        with listening(command, tmp_path, "--allow-origin", origin) as (port, _):
            assert await reaches(tab, f"ws://127.0.0.1:{port}/ws") == "open"


@pytest.mark.asyncio(loop_scope="module")
async def test_nor_does_it_reach_the_backend_of_the_demo(page: tuple[Page, str]) -> None:
    async with Backend(require_auth=False) as backend:
        assert await reaches(page[0], f"{backend.url}/ws") == "refused"
