"""Odd heads, and what parsers that others wrote make of them: nothing that one of them takes for a WebSocket goes unseen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from oddheads import ANSWER, KEY, odd_answer, odd_request
from websockets.client import ClientProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from wsreplay.wire.http import RequestHead, RequestStream, ResponseHead, ResponseStream

# What Node's own parser makes of each line of its input, in hexadecimal: the heads that it sees (whether it takes them for an
# upgrade, and for one to WebSocket; their method or status), and whether it gives up.
NODE = """
const {HTTPParser, methods} = process.binding('http_parser');
const kind = HTTPParser[process.argv[1]];
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const seen = [], parser = new HTTPParser();
  parser.initialize(kind, {});
  parser[HTTPParser.kOnHeaders] = () => {};
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, url, status, text, upgrade) => {
    const named = (headers || []).filter((name, at) => at % 2 == 0).map(name => name.toLowerCase());
    const to = named.map((name, at) => name === 'upgrade' ? headers[2 * at + 1] : '').join().toLowerCase();
    const asks = kind === HTTPParser.RESPONSE || to.includes('websocket') || named.includes('sec-websocket-key');
    seen.push([upgrade, upgrade && asks, kind === HTTPParser.REQUEST ? methods[method] : status]);
    return upgrade ? 2 : 0;
  };
  const result = parser.execute(Buffer.from(line, 'hex'));
  console.log(JSON.stringify([seen, result instanceof Error]));
});
"""
COUNTS = [2_000, pytest.param(100_000, marks=(pytest.mark.campaign, pytest.mark.timeout(900)))]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


def node(kind: str, heads: Sequence[bytes]) -> Iterator[tuple[list[Any], bool]]:
    done = subprocess.run(
        ["node", "--no-deprecation", "-e", NODE, kind], input="\n".join(head.hex() for head in heads),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        seen, gave_up = json.loads(line)
        yield seen, gave_up


def requests_of(data: bytes, random: Random) -> tuple[RequestStream, list[RequestHead]]:
    """What we make of it, in pieces; the bytes stay the same."""
    stream, pieces = RequestStream(), []
    cut = random.randrange(len(data) + 1)
    for part in (data[:cut], data[cut:]):
        pieces += stream.feed(part)
    assert b"".join(piece.raw for piece in pieces) + stream.take_rest() == data
    return stream, [piece for piece in pieces if isinstance(piece, RequestHead)]


@needs_node
@pytest.mark.parametrize("count", COUNTS)
def test_requests_that_node_takes_are_seen_alike_or_given_up(count: int):
    random = Random(count)
    requests = [odd_request(random) for _ in range(count)]
    upgrades = 0
    for data, (seen, gave_up) in zip(requests, node("REQUEST", requests), strict=True):
        stream, heads = requests_of(data, random)
        upgrades += any(websocket for _, websocket, _ in seen)
        for number, (upgrade, websocket, method) in enumerate(seen):
            if number < len(heads):
                assert heads[number].method.decode() == method, data
                assert heads[number].upgrade or not websocket or method == "CONNECT", data
                if upgrade or heads[number].upgrade:
                    break
            else:
                assert stream.opaque, data
                break
        else:
            assert gave_up or stream.opaque or len(heads) == len(seen), data
    assert upgrades > count / 20, "there were some"


@pytest.mark.parametrize("count", COUNTS)
def test_requests_that_websockets_takes_are_seen_or_given_up(count: int):
    random = Random(count)
    taken = 0
    for _ in range(count):
        data = odd_request(random)
        server = ServerProtocol()
        server.receive_data(data)
        requests = [event for event in server.events_received() if isinstance(event, Request)]
        if not requests or server.accept(requests[0]).status_code != 101:
            continue
        taken += 1
        stream, heads = requests_of(data, random)
        assert heads[0].upgrade if heads else stream.opaque and not stream.no_websocket, data
    assert taken > count / 50, "there were some"


@needs_node
@pytest.mark.parametrize("count", COUNTS)
def test_answers_that_clients_take_are_seen_or_given_up(count: int):
    random = Random(count)
    answers = [odd_answer(random) for _ in range(count)]
    taken = 0
    for data, (seen, _) in zip(answers, node("RESPONSE", answers), strict=True):
        stream = ResponseStream()
        stream.expect(b"GET", True)
        cut = random.randrange(len(data) + 1)
        pieces = stream.feed(data[:cut]) + stream.feed(data[cut:])
        assert b"".join(piece.raw for piece in pieces) + stream.take_rest() == data
        upgraded = bool(seen and seen[0] == [True, True, 101]) or _websockets_takes(data)
        taken += upgraded
        if upgraded:
            assert stream.opaque or (isinstance(pieces[0], ResponseHead) and pieces[0].switched), data
    assert taken > count / 20, "there were some"


def _websockets_takes(answer: bytes) -> bool:
    client = ClientProtocol(parse_uri("ws://a/ws"))
    client.key = KEY.decode()
    client.send_request(client.connect())
    client.receive_data(answer)
    return client.state.name == "OPEN"


def test_the_answer_that_is_changed_is_one_that_clients_take():
    assert _websockets_takes(ANSWER)
