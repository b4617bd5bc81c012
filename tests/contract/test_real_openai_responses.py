"""The Responses client of OpenAI's own Python package: what is said with it is clean, and the contract knows its types."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tools.samples.responses import RESPONSES
from tools.samples.transcript import CLIENT, SERVER, Closes, Says, Transcript
from wsreplay.contract import load
from wsreplay.model import Opcode
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.validator import Verdict, judge

PACKAGE = "openai==3.57.0"
HEALTHY = [transcript for transcript in RESPONSES if not transcript.violates]

# Says its own lines once it has heard those of the server that stand before them; what it heard.
CLIENT_PY = """
import asyncio, json, sys
from openai import AsyncOpenAI

async def main(url, lines):
    client = AsyncOpenAI(api_key="sk-none", base_url=f"{url.replace('ws', 'http', 1)}/v1")
    heard = []
    async with client.responses.connect() as connection:
        for by, message in lines:
            if by == "client":
                await connection.send(message)
            else:
                heard.append((await connection.recv()).type)
    print(json.dumps(heard))

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
"""
TYPES_PY = """
import json, typing
from openai.types.responses import responses_client_event, responses_server_event

def types_of(union):
    members = typing.get_args(union)
    if members and not isinstance(members[0], type):
        members = typing.get_args(members[0])
    for member in members:
        field = getattr(member, "model_fields", {}).get("type")
        if field is not None:
            yield from typing.get_args(field.annotation)

print(json.dumps([
    sorted(types_of(responses_client_event.ResponsesClientEvent)),
    sorted(types_of(responses_server_event.ResponsesServerEvent)),
]))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed in, beside this environment's own; skips where that cannot be done."""
    folder = tmp_path_factory.mktemp("openai")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder), PACKAGE]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be installed: {done.stderr.strip()[-200:]}")
    return folder


def command(packages: Path, script: str, *arguments: str) -> list[str]:
    """Python with the packages before its own."""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(packages)!r})\n{script}", *arguments]


def types_in(transcript: Transcript, by: int) -> list[str]:
    return [line.message["type"] for line in transcript.lines if isinstance(line, Says) and line.by is by]


async def answer(connection: ServerConnection, transcript: Transcript) -> None:
    """Say the server's lines, each once the client has said those before it."""
    for line in transcript.lines:
        if isinstance(line, Says) and line.by is SERVER:
            await connection.send(line.text)
        elif isinstance(line, Says):
            await connection.recv()
    await connection.wait_closed()


@pytest.mark.campaign
@pytest.mark.parametrize("transcript", HEALTHY, ids=lambda transcript: transcript.name)
async def test_what_its_client_says_and_hears_is_clean(transcript: Transcript, packages: Path, tmp_path: Path) -> None:
    assert isinstance(transcript.lines[-1], Closes)
    lines = [
        ("client" if line.by is CLIENT else "server", line.message) for line in transcript.lines if isinstance(line, Says)
    ]
    path = tmp_path / "responses.db"
    async with serve(partial(answer, transcript=transcript), "127.0.0.1", 0, compression=None) as backend:
        port = backend.sockets[0].getsockname()[1]
        async with RecordingProxy(f"ws://127.0.0.1:{port}", path) as proxy:
            client = await asyncio.create_subprocess_exec(
                *command(packages, CLIENT_PY, proxy.url, json.dumps(lines)), stdout=asyncio.subprocess.PIPE
            )
            heard, _ = await asyncio.wait_for(client.communicate(), 60)
    assert json.loads(heard) == types_in(transcript, SERVER)
    with Recording.open(path) as recording:
        judgement = judge(recording, load("openai-responses"))
        (connection,) = recording.connections()
        said = [message for message in recording.messages() if message.direction == CLIENT and message.opcode == Opcode.TEXT]
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.SATISFIED
    assert connection.path == transcript.path
    expected = [line.message for line in transcript.lines if isinstance(line, Says) and line.by is CLIENT]
    assert [json.loads(message.payload) for message in said] == expected


@pytest.mark.campaign
def test_every_event_of_its_types_is_known(packages: Path) -> None:
    done = subprocess.run(command(packages, TYPES_PY), capture_output=True, text=True, check=True)
    contract = load("openai-responses")
    for direction, types in enumerate(json.loads(done.stdout)):
        assert len(types) >= (1, 50)[direction]
        assert [type_ for type_ in types if not contract.is_known(direction, type_)] == []
    assert not contract.is_known(1, "weather.updated")
