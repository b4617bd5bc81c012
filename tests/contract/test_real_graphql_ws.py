"""graphql-ws from npm, recorded live: its client and server are clean, and its server closes as the samples say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tools.samples.protocols import GRAPHQL
from tools.samples.transcript import CLIENT, Closes, Says, Transcript
from wsreplay.contract import load
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.validator import Judgement, Verdict, judge

pytestmark = pytest.mark.campaign

# Acknowledges late, so that a client has time to be too early.
SERVER_JS = """
const { WebSocketServer } = require('ws');
const { buildSchema, GraphQLError } = require('graphql');
const { useServer } = require('graphql-ws/use/ws');

const after = ms => new Promise(done => setTimeout(done, ms));
const schema = buildSchema(`
  type Latency { p95: Int }
  type Query { latency: Latency, broken: Int }
  type Subscription { latency(times: Int = 100000): Latency }
`);
const roots = {
  query: { latency: () => ({ p95: 640 }), broken: () => { throw new GraphQLError('no such measure'); } },
  subscription: {
    async *latency({ times }) {
      for (let n = 0; n < times; n += 1) {
        await after(5);
        yield { latency: { p95: 600 + n } };
      }
    },
  },
};
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
useServer({ schema, roots, onConnect: () => after(500).then(() => true) }, server);
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
"""

# Five operations at once: results, an error among them, one that is not valid, several results, and one it does not wait out.
CLIENT_JS = """
const webSocketImpl = require('ws');
const { createClient } = require('graphql-ws');

const client = createClient({ url: process.argv[2], webSocketImpl, lazy: false, keepAlive: 20 });
const all = query => new Promise(done => {
  const results = [];
  const sink = { next: result => results.push(result), error: () => done('error'), complete: () => done(results.length) };
  client.subscribe({ query }, sink);
});
const some = async (query, count) => {
  for await (const _ of client.iterate({ query })) if (--count === 0) return 'enough';
};
Promise.all([
  all('{ latency { p95 } }'),
  all('{ broken }'),
  all('{ nonsense }'),
  all('subscription { latency(times: 5) { p95 } }'),
  some('subscription { latency { p95 } }', 3),
]).then(async said => {
  await client.dispose();
  console.log(JSON.stringify(said));
});
"""

CLOSED_BY_PROTOCOL = [each for each in GRAPHQL if isinstance(each.lines[-1], Closes) and each.lines[-1].code >= 4400]


@pytest.fixture(scope="module")
def packages(npm_install: Callable[..., Path]) -> Path:
    return npm_install("graphql-ws@6", "graphql@16", "ws@8", server=SERVER_JS, client=CLIENT_JS)


def judged(path: Path) -> Judgement:
    with Recording.open(path) as recording:
        return judge(recording, load("graphql-transport-ws"))


async def test_its_client_and_its_server_are_clean(packages: Path, node_server: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "clean.db"
    async with node_server(packages) as about, RecordingProxy(f"ws://127.0.0.1:{about['port']}", path) as proxy:
        client = await asyncio.create_subprocess_exec(
            "node", "client.js", f"{proxy.url}/graphql", cwd=packages, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(client.communicate(), 60)
    assert json.loads(said) == [1, 1, "error", 5, "enough"]
    judgement = judged(path)
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.SATISFIED
    assert judgement.run_counts == {"completed": 3, "failed": 1, "cancelled": 1}


async def misuse(url: str, transcript: Transcript) -> tuple[int | None, str | None]:
    """Say the client's lines of a transcript, each after an answer of the type that stands before it; how it was closed."""
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None, max_queue=None) as connection:
        for line in transcript.lines:
            if isinstance(line, Says) and line.by is CLIENT:
                await connection.send(line.text)
            elif isinstance(line, Says):
                assert json.loads(await connection.recv())["type"] == line.message["type"]
        await connection.wait_closed()
        return connection.close_code, connection.close_reason


@pytest.mark.parametrize("transcript", CLOSED_BY_PROTOCOL, ids=lambda each: each.name)
async def test_its_server_closes_as_the_samples_say(
    transcript: Transcript, packages: Path, node_server: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, end = tmp_path / "misuse.db", transcript.lines[-1]
    assert isinstance(end, Closes)
    async with node_server(packages) as about, RecordingProxy(f"ws://127.0.0.1:{about['port']}", path) as proxy:
        assert await asyncio.wait_for(misuse(f"{proxy.url}/graphql", transcript), 30) == (end.code, end.reason)
    judgement = judged(path)
    assert {finding.rule for finding in judgement.findings} == transcript.violates
    assert "server" not in {finding.blame for finding in judgement.findings}
