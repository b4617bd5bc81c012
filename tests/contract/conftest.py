"""Real implementations from npm, run as processes of their own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def npm_install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Installs packages into a new folder and writes scripts beside them; skips where that cannot be done."""

    def install(*packages: str, **scripts: str) -> Path:
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            pytest.skip("needs node and npm")
        folder = tmp_path_factory.mktemp("npm")
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm does not get {packages[0]} installed in 90 s")
        if done.returncode:
            errors = (line for line in done.stderr.splitlines() if line.startswith("npm error"))
            pytest.skip(f"npm cannot install {packages[0]}: {next(errors, 'no reason given')}")
        for name, script in scripts.items():
            (folder / f"{name}.js").write_text(script)
        return folder

    return install


@pytest.fixture
def node_server() -> Callable[[Path], Any]:
    """Runs `server.js` of a folder while its context is open; gives what it says of itself in its first line, as JSON."""

    @asynccontextmanager
    async def serve(folder: Path) -> AsyncIterator[Any]:
        node = await asyncio.create_subprocess_exec("node", "server.js", cwd=folder, stdout=asyncio.subprocess.PIPE)
        assert node.stdout is not None
        try:
            yield json.loads(await asyncio.wait_for(node.stdout.readline(), 30))
        finally:
            node.kill()
            await node.wait()

    return serve
