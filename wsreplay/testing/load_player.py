"""A process that plays users for Locust, records them and judges what it has recorded.

Locust runs on gevent, this on asyncio: they are two processes, and talk in lines of JSON.

    → {"id": 7, "number": 3, "facts": {"token": "…"}}                 play the session of user 3
    ← {"id": 7, "seconds": 1.2, "times": [["connect", 0.01]], "problems": ["session 1: expected …"]}
    → (end of input)                                                  stop, and judge
    ← {"recording": "load.db", "sessions": 40, "verdict": "violated", "undecided": [],
       "broken": [["tool", "tool_completed never came …", 2]]}

How long messages were on their way is not judged: under load much of that is this machine's own delay.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import orjson

from wsreplay.contract import Contract, load
from wsreplay.contract.rules.latency import Latency
from wsreplay.errors import EXIT_NOT_JUDGED, WsreplayError
from wsreplay.replay.client import ClientOptions, Load, ReplayClient
from wsreplay.replay.credentials import HandshakeOverrides
from wsreplay.replay.player import Pace
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Verdict
from wsreplay.validator.judge import judge
from wsreplay.validator.select import select_common_contract

_LONGEST_LINE = 1 << 20


class LoadPlan(msgspec.Struct, frozen=True):
    """What is played: a recording, to a backend, recorded into `output`. `speed` 0 is as fast as it goes; a message may be
    `timeout_s` late before the session goes on without it."""

    recording: str
    to: str
    output: str
    contract: str | None = None
    speed: float = 1.0
    timeout_s: float = 10.0
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    values: dict[str, str] = {}
    facts: list[str] = []  # the names of what is known of each user


async def play(plan: LoadPlan) -> None:
    """Play what stdin asks for, until it ends."""
    path, output = Path(plan.recording), Path(plan.output)
    with Recording.open(path) as recording:
        contract = load(plan.contract) if plan.contract else select_common_contract(recording)
    presented = HandshakeOverrides(tuple(plan.headers.items()), tuple(plan.query.items()), tuple(plan.values.items()))
    known = Load(1, rows=[dict.fromkeys(plan.facts, "")])
    options = ClientOptions(pace=Pace(plan.speed or inf, timeout_s=plan.timeout_s), presented=presented, load=known)
    lines = await _lines_of_stdin()
    async with ReplayClient(path, plan.to, output, contract, options) as client:
        watching = asyncio.create_task(client.watch_ourselves())
        async with asyncio.TaskGroup() as group:
            while line := await lines.readline():
                group.create_task(_play_one(client, orjson.loads(line)))
        watching.cancel()
    _say({"recording": str(output), **_verdict(path, output, contract)})


async def _lines_of_stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _play_one(client: ReplayClient, asked: dict[str, Any]) -> None:
    times: list[tuple[str, float]] = []
    begun = time.monotonic()
    connections = await client.play_user(asked["number"], asked["facts"], lambda name, seconds: times.append((name, seconds)))
    problems = [str(mismatch) for played in connections for mismatch in played.mismatches]
    if not problems and not all(played.complete for played in connections):
        problems = ["a connection ended before its script did"]
    _say({"id": asked["id"], "seconds": time.monotonic() - begun, "times": times, "problems": problems})


def _verdict(before: Path, after: Path, contract: Contract) -> dict[str, Any]:
    """What is to be said of the load: the rules that it broke and the recording did not, each with one message, and how often;
    and the rules that are undecided."""
    contract = replace(contract, rules=tuple(rule for rule in contract.rules if not isinstance(rule, Latency)))
    with Recording.open(before) as recorded, Recording.open(after) as played:
        known = {finding.fingerprint for finding in judge(recorded, contract).findings}
        judgement = judge(played, contract)
    findings = [
        finding
        for finding in judgement.findings
        if finding.verdict is Verdict.VIOLATED and finding.caused_by is None and finding.fingerprint not in known
    ]
    messages = {finding.rule: finding.message for finding in reversed(findings)}
    counts = Counter(finding.rule for finding in findings)
    undecided = [rule.id for rule in judgement.rules if rule.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)]
    return {
        "sessions": judgement.sessions,
        "verdict": str(Verdict.VIOLATED if findings else Verdict.INCONCLUSIVE if undecided else Verdict.SATISFIED),
        "undecided": undecided,
        "broken": [(rule, messages[rule], count) for rule, count in counts.items()],
    }


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    """The entry point; the plan is the one argument."""
    try:
        asyncio.run(play(msgspec.json.decode(sys.argv[1], type=LoadPlan)))
    except WsreplayError as error:
        _say({"error": str(error)})
        return error.exit_code
    except BrokenPipeError:  # nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NOT_JUDGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
