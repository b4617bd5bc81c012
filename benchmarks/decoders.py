"""`python -m benchmarks.decoders`: what it costs to judge the same conversation in other protocols, beside plain JSON.

One run, one table: the same events, each protocol's way of writing them, judged from memory, in CPU time. Rounds alternate;
the best speed is told, and the median of how the ways compare within each round.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from benchmarks.table import Table, count, ratio
from benchmarks.validator_trace import USERS, messages
from wsreplay.contract import Contract, load, loads
from wsreplay.model import Connection, Ending, Row, lane_of
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator import Engine

GOAL = "≤ 1.5"
_IDS = ("thread_id", "run_id", "tool_call_id", "tool_name", "user_id")
_TEXTS = ("text", "message", "content", "thought", "delta")
_CALLS = """
contract: calls
envelope: {{type: $.type{decoder}}}
keys: {{call: [$.id]}}
known: ["*"]
rules:
  - {{id: answered, response: ["c2s:ask", "s2c:ask:result"], by: call}}
  - {{id: asked, precedence: ["c2s:ask", "s2c:ask:result"], by: call}}
"""


class Way(NamedTuple):
    """One way of writing the conversation."""

    name: str
    decoder: str
    rows: list[Row]
    contract: Contract
    beside: str  # the way that it is compared with
    packed: int = 1  # events of each message


def _chat(events: int, write: Callable[[int, dict[str, Any]], bytes]) -> list[Row]:
    return [
        (number, t_ns, lane_of(connection, direction, 1), write(number, orjson.loads(payload)))
        for number, (connection, t_ns, direction, payload, _) in enumerate(messages(events), 1)
    ]


def _calls(events: int, *, is_rpc: bool) -> Iterator[Row]:
    text = {"name": "search", "arguments": {"query": "What do the figures say?", "limit": 10}, "more": "words " * 20}
    for number in range(1, events + 1):
        direction, id = 1 - number % 2, (number + 1) // 2
        kind = "ask:result" if direction else "ask"
        body: dict[str, Any] = {"result": text} if direction else {"params": text}
        if is_rpc:
            value = {"jsonrpc": "2.0", "id": id, **({} if direction else {"method": "ask"}), **body}
        else:
            value = {"type": kind, "id": id, **body}
        yield number, 1_000_000 + number * 1_000, lane_of(1, direction, 1), orjson.dumps(value)


def _packed(rows: list[Row], size: int) -> Iterator[Row]:
    """Requests, then their answers, `size` to an array."""
    for begin in range(0, len(rows) - 2 * size + 1, 2 * size):
        for direction in (0, 1):
            group = rows[begin + direction : begin + 2 * size : 2]
            number, t_ns = rows[begin + direction * size][:2]
            yield number, t_ns, group[0][2], b"[" + b",".join(payload for _, _, _, payload in group) + b"]"


def _mapped(decoder: str, above: str) -> Contract:
    """agent-chat, whose fields stand in a part of the document."""
    places = {name: f"{above}.{name}" for name in (*_IDS, *_TEXTS)}
    fields = ", ".join(f"{name}: '{path}'" for name, path in places.items())
    envelope = f"sent: '{above}.timestamp', seq: '{above}.seq', id: '{above}.message_id'"
    return loads(f"extends: agent-chat\nenvelope: {{decoder: {decoder}, {envelope}}}\nmap: {{fields: {{{fields}}}}}\n")


def ways(events: int) -> list[Way]:
    """All ways, plain JSON first."""
    plain = load("agent-chat")
    cable = orjson.dumps({"channel": "ChatChannel"}).decode()

    def rpc(_number: int, value: dict[str, Any]) -> bytes:
        return orjson.dumps({"jsonrpc": "2.0", "method": value["type"], "params": value})

    def phoenix(number: int, value: dict[str, Any]) -> bytes:
        return orjson.dumps({"topic": "room", "event": value["type"], "ref": None, "payload": value})

    def action_cable(_number: int, value: dict[str, Any]) -> bytes:
        return orjson.dumps({"identifier": cable, "message": value})

    def signalr(_number: int, value: dict[str, Any]) -> bytes:
        return orjson.dumps({"type": 1, "target": value["type"], "arguments": [value]}) + b"\x1e"

    def socket_io(_number: int, value: dict[str, Any]) -> bytes:
        return b"42" + orjson.dumps([value["type"], value])

    asked = list(_calls(events, is_rpc=False))
    calls, rpc_calls = loads(_CALLS.format(decoder="")), loads(_CALLS.format(decoder=", decoder: json-rpc"))
    json = "json"
    return [
        Way(json, json, _chat(events, lambda _, value: orjson.dumps(value)), plain, json),
        Way("json, arrays of one", json, _chat(events, lambda _, value: orjson.dumps([value])), plain, json),
        Way("json-rpc, notifications", "json-rpc", _chat(events, rpc), _mapped("json-rpc", "$.params"), json),
        Way("socket.io", "socket.io", _chat(events, socket_io), plain.read_by("socket.io"), json),
        Way("phoenix", "phoenix", _chat(events, phoenix), _mapped("phoenix", "$.payload"), json),
        Way("actioncable", "actioncable", _chat(events, action_cable), _mapped("actioncable", "$.message"), json),
        Way("signalr", "signalr", _chat(events, signalr), _mapped("signalr", "$.arguments[0]"), json),
        Way("json, requests", json, asked, calls, "json, requests"),
        Way("json, requests, arrays of five", json, list(_packed(asked, 5)), calls, "json, requests", 5),
        Way("json-rpc, requests", "json-rpc", list(_calls(events, is_rpc=True)), rpc_calls, "json, requests"),
    ]


def judge(way: Way) -> float:
    """Seconds of CPU time that it takes: what else the machine does must not count."""
    connections = [
        Connection(id, 1, 0, path="/ws", status=101, user=f"user-{id - 1}", ending=Ending.OPEN) for id in range(1, USERS + 1)
    ]
    engine = Engine(way.contract)
    engine.set_decoders({connection.id: way.decoder for connection in connections})
    engine.expect(lifecycle(connections, stitch(connections)))
    gc.collect()
    gc.disable()  # as judging files does
    began = time.process_time()
    engine.run(way.rows)
    took = time.process_time() - began
    gc.enable()
    judgement = engine.judgement()
    events = len(way.rows) * way.packed
    if judgement.events != events or judgement.findings:
        raise SystemExit(f"{way.name}: {judgement.events} of {events} events, {len(judgement.findings)} findings")
    return took


def measure(events: int, rounds: int) -> Table:
    """The best speed of each way, and the median of how its time compares in each round."""
    all_ways = ways(events)
    times: dict[str, list[float]] = {way.name: [] for way in all_ways}
    for _ in range(rounds):
        for way in all_ways:
            times[way.name].append(judge(way))
    rows = []
    for way in all_ways:
        ratios = [seconds / beside for seconds, beside in zip(times[way.name], times[way.beside], strict=True)]
        goal = "" if way.name == way.beside else GOAL
        rows.append([way.name, count(events / min(times[way.name])), ratio(statistics.median(ratios), goal)])
    return Table("Judging other protocols, from memory", ["", "events/CPU s", "CPU time, beside plain JSON"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoders", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    print(measure(arguments.events, arguments.rounds).text())


if __name__ == "__main__":
    main()
