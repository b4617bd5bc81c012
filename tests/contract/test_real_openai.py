"""The realtime client of OpenAI's own npm package: what is said with it is clean, and its types are known to the contract."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tools.samples.protocols import REALTIME
from tools.samples.transcript import CLIENT, SERVER, Closes, Says, Transcript, hold
from wsreplay.contract import load
from wsreplay.model import Direction, Opcode
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.validator import Judgement, Verdict, judge

pytestmark = pytest.mark.campaign

PACKAGES = ("openai@6.9.1", "ws@8")  # openai 7 needs Node.js 22
PEM = Path(__file__).parents[1] / "support" / "localhost.pem"
HEALTHY = [each for each in REALTIME if not each.violates]

# Says its own lines once it has heard those of the server that stand before them; what it heard, and what went wrong.
CLIENT_JS = """
const { OpenAI } = require('openai');
const { OpenAIRealtimeWS } = require('openai/realtime/ws');

const [url, text] = process.argv.slice(2);
const lines = JSON.parse(text);
const openai = new OpenAI({ apiKey: 'sk-none', baseURL: `${url.replace('wss', 'https')}/v1` });
const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { rejectUnauthorized: false } }, openai);
const heard = [], errors = [];

const speak = () => {
  while (lines.length && lines[0].by === 'client') realtime.send(lines.shift().message);
  if (!lines.length) realtime.close({ code: 1000, reason: '' });
};
for (const type of new Set(lines.filter(line => line.by === 'server').map(line => line.message.type)))
  realtime.on(type, event => {
    heard.push(event.type);
    lines.shift();
    speak();
  });
realtime.on('error', error => errors.push(error.message));
realtime.socket.on('open', speak);
realtime.socket.on('close', code => console.log(JSON.stringify({ heard, errors, code })));
"""


@pytest.fixture(scope="module")
def packages(npm_install: Callable[..., Path]) -> Path:
    return npm_install(*PACKAGES, client=CLIENT_JS)


def types_in(transcript: Transcript, by: Direction) -> list[str]:
    return [line.message["type"] for line in transcript.lines if isinstance(line, Says) and line.by is by]


async def answer(connection: ServerConnection, transcript: Transcript) -> None:
    await hold(connection, transcript.lines, SERVER)


def judged(path: Path) -> Judgement:
    with Recording.open(path) as recording:
        return judge(recording, load("openai-realtime"))


@pytest.mark.parametrize("transcript", HEALTHY, ids=lambda each: each.name)
async def test_what_its_client_says_and_hears_is_clean(transcript: Transcript, packages: Path, tmp_path: Path) -> None:
    assert isinstance(transcript.lines[-1], Closes)
    lines = [
        {"by": "client" if line.by is CLIENT else "server", "message": line.message}
        for line in transcript.lines
        if isinstance(line, Says)
    ]
    path = tmp_path / "realtime.db"
    async with serve(partial(answer, transcript=transcript), "127.0.0.1", 0) as backend:
        port = backend.sockets[0].getsockname()[1]
        async with RecordingProxy(f"ws://127.0.0.1:{port}", path, Options(tls_cert=PEM, tls_key=PEM)) as proxy:
            client = await asyncio.create_subprocess_exec(
                "node", "client.js", proxy.url, json.dumps(lines), cwd=packages, stdout=asyncio.subprocess.PIPE
            )
            said, _ = await asyncio.wait_for(client.communicate(), 60)
    assert json.loads(said) == {"heard": types_in(transcript, SERVER), "errors": [], "code": 1000}
    judgement = judged(path)
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.SATISFIED
    with Recording.open(path) as recording:
        (connection,) = recording.connections()
        said_by_client = [each for each in recording.messages() if each.direction == CLIENT and each.opcode == Opcode.TEXT]
    assert connection.path == transcript.path
    assert [json.loads(each.payload)["type"] for each in said_by_client] == types_in(transcript, CLIENT)


def declared(packages: Path, union: str) -> set[str]:
    """The event types that a union of the package's type definitions holds."""
    source = (packages / "node_modules/openai/resources/realtime/realtime.d.ts").read_text()
    alias = re.search(rf"^export type {union} = (.*);$", source, re.MULTILINE)
    assert alias is not None
    found = set()
    for member in alias[1].split(" | "):
        interface = member.rpartition(".")[2]
        body = re.search(rf"^( *)(?:export )?interface {interface} {{\n(.*?)^\1}}", source, re.MULTILINE | re.DOTALL)
        assert body is not None, member
        indent = body[1] + "    "
        kind = re.search(rf"^{indent}type: '([^']+)';", body[2], re.MULTILINE)
        assert kind is not None, member
        found.add(kind[1])
    return found


@pytest.mark.parametrize(("union", "direction", "fewest"), [("RealtimeServerEvent", 1, 40), ("RealtimeClientEvent", 0, 10)])
def test_every_event_of_its_types_is_known(packages: Path, union: str, direction: int, fewest: int) -> None:
    contract, types = load("openai-realtime"), declared(packages, union)
    assert len(types) >= fewest
    assert {type_ for type_ in types if not contract.is_known(direction, type_)} == set()
    assert not contract.is_known(direction, "weather.updated")
