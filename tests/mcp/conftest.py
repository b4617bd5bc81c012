"""Fixtures of the tests for assistants: a folder of recordings, and the SDK's own client.

The SDK takes most of a second to import, which every process of tests would pay: it is imported where it is used.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from wsreplay.mcp.answer import UNTRUSTED
from wsreplay.mcp.folder import RecordingsFolder

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


class Assistant:
    """Calls tools, and counts what the answers cost: a token is about four bytes of English or JSON."""

    def __init__(self, folder: Path) -> None:
        from wsreplay.mcp.server import make_server

        self.server = make_server(RecordingsFolder(folder))
        self.calls = self.tokens = 0

    async def _call(self, tool: str, arguments: dict[str, object]) -> tuple[bool, str]:
        from mcp.client.client import Client

        async with Client(self.server) as client:
            result = await client.call_tool(tool, arguments)
        (content,) = result.content
        return bool(result.is_error), content.text

    async def ask(self, tool: str, **arguments: object) -> dict:
        is_error, answer = await self._call(tool, arguments)
        assert not is_error, answer
        self.calls += 1
        self.tokens += -(-len(answer.encode()) // 4)
        first, _, rest = answer.partition("\n")
        assert first == UNTRUSTED
        return orjson.loads(rest)

    async def refused(self, tool: str, **arguments: object) -> str:
        is_error, answer = await self._call(tool, arguments)
        assert is_error
        return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What somebody recorded: alice's chats, in folders too."""
    place = tmp_path / "recordings"
    (place / "old").mkdir(parents=True)
    for name in ("healthy", "missing-event", "leak"):
        shutil.copy(SAMPLES / f"{name}.db", place)
    shutil.copy(SAMPLES / "graphql-transport-ws" / "good.db", place / "old" / "graphql.db")
    return place


@pytest.fixture
def assistant(folder: Path) -> Assistant:
    return Assistant(folder)
