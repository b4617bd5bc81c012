"""Real implementations from npm, run as processes of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import npm
import pytest


@pytest.fixture(scope="session")
def npm_install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Installs packages into a new folder and writes scripts beside them; skips where that cannot be done."""

    def install(*packages: str, **scripts: str) -> Path:
        folder = tmp_path_factory.mktemp("npm")
        npm.install(folder, *packages)
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
