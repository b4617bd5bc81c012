"""AG-UI's own packages from npm: what they send is clean, and their verifier refuses what the contract finds fault with."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tools.samples.protocols import AG_UI
from tools.samples.transcript import SERVER, Resets, Says, Transcript
from wsreplay.contract import load
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.validator import Verdict, judge

pytestmark = pytest.mark.campaign

PACKAGES = ("@ag-ui/core@1.0.0", "@ag-ui/encoder@1.0.0", "@ag-ui/client@1.0.0", "ws@8")

# Answers each RunAgentInput with a run in which every type of event there is but RUN_ERROR occurs, and a second one with that.
SERVER_JS = """
const { WebSocketServer } = require('ws');
const { EventType: T } = require('@ag-ui/core');
const { EventSchemas, RunAgentInputSchema } = require('@ag-ui/core/schemas');
const { EventEncoder } = require('@ag-ui/encoder');

const bodies = [
  [
    { type: T.STATE_SNAPSHOT, snapshot: { findings: [] } },
    { type: T.STEP_STARTED, stepName: 'investigate' },
    { type: T.REASONING_START, messageId: 'thought' },
    { type: T.REASONING_MESSAGE_START, messageId: 'thought', role: 'reasoning' },
    { type: T.REASONING_MESSAGE_CONTENT, messageId: 'thought', delta: 'The traces should tell.' },
    { type: T.REASONING_MESSAGE_END, messageId: 'thought' },
    { type: T.REASONING_ENCRYPTED_VALUE, subtype: 'message', entityId: 'thought', encryptedValue: 'AAEC' },
    { type: T.REASONING_END, messageId: 'thought' },
    { type: T.REASONING_MESSAGE_CHUNK, messageId: 'second thought', delta: 'Or the logs.' },
    { type: T.TOOL_CALL_START, toolCallId: 'call', toolCallName: 'search' },
    { type: T.TEXT_MESSAGE_START, messageId: 'answer', role: 'assistant' },
    { type: T.TOOL_CALL_ARGS, toolCallId: 'call', delta: '{}' },
    { type: T.TEXT_MESSAGE_CONTENT, messageId: 'answer', delta: 'It waits' },
    { type: T.TOOL_CALL_END, toolCallId: 'call' },
    { type: T.TOOL_CALL_RESULT, messageId: 'result', toolCallId: 'call', content: '412 spans', role: 'tool' },
    { type: T.TEXT_MESSAGE_END, messageId: 'answer' },
    { type: T.TOOL_CALL_CHUNK, toolCallId: 'short call', toolCallName: 'search', delta: '{}' },
    { type: T.TEXT_MESSAGE_CHUNK, messageId: 'short answer', role: 'assistant', delta: 'For the database.' },
    { type: T.SUBAGENT_STARTED, subagentRunId: 'sub', name: 'researcher' },
    { type: T.STEP_STARTED, stepName: 'investigate', subagentRunId: 'sub' },
    { type: T.STEP_FINISHED, stepName: 'investigate', subagentRunId: 'sub' },
    { type: T.SUBAGENT_FINISHED, subagentRunId: 'sub' },
    { type: T.SUBAGENT_STARTED, subagentRunId: 'failing sub', name: 'researcher' },
    { type: T.SUBAGENT_ERROR, subagentRunId: 'failing sub', message: 'no sources' },
    { type: T.ACTIVITY_SNAPSHOT, messageId: 'plan', activityType: 'PLAN', content: { steps: [] } },
    { type: T.ACTIVITY_DELTA, messageId: 'plan', activityType: 'PLAN', patch: [{ op: 'add', path: '/steps/-', value: 1 }] },
    { type: T.STATE_DELTA, delta: [{ op: 'add', path: '/findings/-', value: 'database' }] },
    { type: T.MESSAGES_SNAPSHOT, messages: [{ id: 'answer', role: 'assistant', content: 'It waits' }] },
    { type: T.RAW, event: { vendor: 'any' } },
    { type: T.CUSTOM, name: 'predicted', value: 1 },
    { type: T.STEP_FINISHED, stepName: 'investigate' },
  ],
  [{ type: T.TEXT_MESSAGE_START, messageId: 'lost', role: 'assistant' }],
];

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port, types: Object.values(T) })));
server.on('connection', socket => {
  let turn = 0;
  socket.on('message', data => {
    const { threadId, runId } = RunAgentInputSchema.parse(JSON.parse(data));
    const last = turn ? { type: T.RUN_ERROR, message: 'overloaded' } : { type: T.RUN_FINISHED, threadId, runId };
    const encoder = new EventEncoder();
    for (const event of [{ type: T.RUN_STARTED, threadId, runId }, ...bodies[turn], last])
      socket.send(encoder.encodeSSE({ ...EventSchemas.parse(event), timestamp: Date.now() }).slice('data: '.length).trim());
    turn += 1;
  });
});
"""

# Reads lists of events, one a line; says of each what the verifier has against it, or null.
VERIFIER_JS = """
const { EventSchemas } = require('@ag-ui/core/schemas');
const { verifyEvents } = require('@ag-ui/client');
const { from, lastValueFrom, toArray } = require('rxjs');

(async () => {
  for (const line of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) {
    const events = JSON.parse(line).map(event => EventSchemas.parse(event));
    const verified = lastValueFrom(from(events).pipe(verifyEvents(false), toArray()));
    console.log(JSON.stringify(await verified.then(() => null, error => error.message)));
  }
})();
"""


@pytest.fixture(scope="module")
def packages(npm_install: Callable[..., Path]) -> Path:
    """A folder with AG-UI's packages and the two scripts."""
    return npm_install(*PACKAGES, server=SERVER_JS, verifier=VERIFIER_JS)


def run_input(run: str) -> str:
    message = {"id": f"question-of-{run}", "role": "user", "content": "Why is the checkout slow?"}
    return json.dumps(
        {"threadId": "t1", "runId": run, "state": {}, "messages": [message], "tools": [], "context": [], "forwardedProps": {}}
    )


async def ask(url: str) -> list[str]:
    """Two runs over one connection; the types of the events received."""
    types: list[str] = []
    async with connect(url, proxy=None) as connection:
        for run, last in (("r1", "RUN_FINISHED"), ("r2", "RUN_ERROR")):
            await connection.send(run_input(run))
            while last not in types:
                types.append(json.loads(await connection.recv())["type"])
    return types


async def test_every_event_that_ag_ui_can_send_is_known_and_clean(
    packages: Path, node_server: Callable[[Path], Any], tmp_path: Path
) -> None:
    path = tmp_path / "ag-ui.db"
    async with node_server(packages) as about, RecordingProxy(f"ws://127.0.0.1:{about['port']}", path) as proxy:
        types = await asyncio.wait_for(ask(proxy.url), 30)
    assert set(types) == set(about["types"])
    with Recording.open(path) as recording:
        judgement = judge(recording, load("ag-ui"))
    assert judgement.findings == ()
    assert (judgement.verdict, judgement.run_counts) == (Verdict.SATISFIED, {"completed": 1, "failed": 1})


def events_of(transcript: Transcript) -> list[dict[str, Any]]:
    return [line.message for line in transcript.lines if isinstance(line, Says) and line.by is SERVER]


def test_the_verifier_of_ag_ui_agrees_with_the_contract_about_the_samples(packages: Path) -> None:
    """But for streams that are cut off: the verifier knows no end of a stream."""
    whole = [each for each in AG_UI if not any(isinstance(line, Resets) for line in each.lines)]
    lists = "\n".join(json.dumps(events_of(each)) for each in whole)
    done = subprocess.run(["node", "verifier.js"], cwd=packages, input=lists, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    objections = dict(zip((each.name for each in whole), map(json.loads, done.stdout.splitlines()), strict=True))
    assert {name for name, objection in objections.items() if objection} == {each.name for each in whole if each.violates}
    assert "TEXT_MESSAGE" in objections["unfinished-text"] or "text message" in objections["unfinished-text"]
