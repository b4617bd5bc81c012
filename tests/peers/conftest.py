"""Real peers of other protocols, from npm and PyPI, each taken end to end.

A peer that cannot be installed here is skipped, with the reason. `make peers` runs them and prints a line for each.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import venv
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import npm
import pytest
from ports import unused

from wsreplay.contract import Contract, loads
from wsreplay.contract.decoding import reading_of
from wsreplay.diff.diff import DiffOptions, diff
from wsreplay.model import Direction, Opcode
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.replay.client import ClientOptions, ReplayClient
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.validator.judge import judge

PROGRAMS = Path(__file__).parent / "programs"
NPM = ("ws", "socket.io-client", "graphql-ws", "graphql", "phoenix", "@microsoft/signalr")
PATIENCE_S = 600


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    npm.install(folder, *NPM)
    return folder


@pytest.fixture(scope="session")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`python_with("package", …)` is a Python of its own that has some packages."""

    @functools.cache
    def make(*packages: str) -> Path:
        folder = tmp_path_factory.mktemp("venv")
        venv.create(folder, with_pip=True)
        python = folder / "bin" / "python"
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{' '.join(packages)} cannot be installed within {PATIENCE_S} s")
        if done.returncode:
            pytest.skip(f"{' '.join(packages)} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        return python

    return make


@dataclass(frozen=True)
class Peer:
    """`server` gives the URL of one that runs, `client` is the program that talks to a URL, which is its last argument.

    The client prints one JSON object: `sent` and `received`, how many messages it counted, and `saw`, what it saw of the talk.
    `contract` is what the talk is judged by. `differs` are paths whose values are others in each conversation,
    `not_replayed` says why the client is not played again to the server.
    """

    name: str
    decoder: str
    server: Callable[[], AbstractAsyncContextManager[str]]
    client: Sequence[str]
    contract: str
    environment: dict[str, str]
    differs: Sequence[str] = ()
    not_replayed: str = ""


@asynccontextmanager
async def running(command: Sequence[str], environment: dict[str, str], port: int, path: str = "") -> AsyncIterator[str]:
    """A server of ours or of others, as soon as it listens."""
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(60):
            while not await _listens(port):
                if process.returncode is not None:
                    assert process.stderr is not None
                    pytest.fail((await process.stderr.read()).decode())
        yield f"ws://127.0.0.1:{port}{path}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def jupyter_server(python: Path, port: int, folder: Path) -> list[str]:
    """The command of a server that asks nobody who he is."""
    return [
        str(python), "-m", "jupyter_server", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--no-browser",
        "--allow-root", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip


def chainlit(python: Path, port: int) -> list[str]:
    """The command of a chat application; where CHAINLIT_APP_ROOT is, it leaves its files."""
    app = str(PROGRAMS / "chainlit_chat.py")
    return [str(python), "-m", "chainlit", "run", app, "--headless", "--host", "127.0.0.1", "--port", str(port)]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


async def talk(peer: Peer, url: str) -> dict[str, Any]:
    """What the client says of one conversation."""
    process = await asyncio.create_subprocess_exec(
        *peer.client, url, env=os.environ | peer.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode() + out.decode()
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said


async def take_end_to_end(peer: Peer, folder: Path) -> None:
    """Direct and through the proxy alike, complete, typed, judged, and played in both directions."""
    contract = loads(peer.contract)
    path = folder / "talk.db"
    async with peer.server() as url:
        direct = await talk(peer, url)
        base, _, rest = url.removeprefix("ws://").partition("/")
        async with RecordingProxy(f"ws://{base}", path) as proxy:
            recorded = await talk(peer, f"{proxy.url}/{rest}" if rest else proxy.url)
        assert recorded["saw"] == direct["saw"]
        _check_recording(peer, contract, path, recorded)
        if not peer.not_replayed:
            out = folder / "again.db"
            async with ReplayClient(path, f"ws://{base}", out, contract, ClientOptions(pace=Pace(4.0, timeout_s=10))) as player:
                result = await player.run()
            assert result.mismatches == [] and result.lost == []
            with Recording.open(path) as before, Recording.open(out) as after:
                differences = diff(before, after, contract, DiffOptions(ignore=peer.differs, timeless=True))
                assert differences.same, [row for session in differences.sessions for row in session.differences]
    async with ReplayServer(path, contract, ServerOptions(pace=Pace(4.0))) as server:
        replayed = await talk(peer, f"{server.url}/{rest}" if rest else server.url)
        assert replayed["saw"] == direct["saw"] and server.mismatches == []
    sys.stdout.write(f"\n{peer.name}: {_summary(peer, recorded)}\n")


def _check_recording(peer: Peer, contract: Contract, path: Path, counted: dict[str, Any]) -> None:
    with Recording.open(path) as recording:
        messages = [message for message in recording.messages() if message.opcode <= Opcode.BINARY]
        sent = sum(message.direction == Direction.CLIENT_TO_SERVER for message in messages)
        assert (sent, len(messages) - sent) == (counted["sent"], counted["received"])
        reading = reading_of(recording)
        reading.refresh(recording.connections())
        assert {reading.choice(connection.id).name for connection in recording.connections()} == {peer.decoder}
        events = [event for frame in recording.frames() for event in reading.events(frame)]
        assert all(event.name for event in events)
        of_events = {frame for event in events for frame in event.frames}
        assert of_events == {frame.id for frame in recording.frames() if frame.opcode <= Opcode.BINARY}
        judgement = judge(recording, contract)
        assert judgement.verdict == "satisfied", judgement.findings


def _summary(peer: Peer, recorded: dict[str, Any]) -> str:
    both = f"server, and not as client: {peer.not_replayed}" if peer.not_replayed else "server and client"
    return (
        f"as direct, {recorded['sent']} sent and {recorded['received']} received as the client counts them, read by"
        f" {peer.decoder}, every event typed, satisfied, replayed as {both}"
    )


__all__ = ["PROGRAMS", "Peer", "chainlit", "jupyter_server", "running", "take_end_to_end", "unused"]
