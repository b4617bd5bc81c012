"""Random and mutated streams on both legs, split anywhere: the relay forwards the same bytes, all are accounted for."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from loops import LOOPS
from rawpeers import Listener, accept, frame, read, request, upgraded
from relay import Relay

from recordings import checked
from wsreplay.wire.http import RequestStream

ROUNDS = 25 * int(os.environ.get("WSREPLAY_EXAMPLES", "1"))


def valid(random: Random, masked: bool) -> bytes:
    out = b""
    for _ in range(random.randint(1, 12)):
        size = random.choice((0, 1, 125, 126, 300, 70_000))
        mask = random.randbytes(4) if masked else None
        out += frame(random.choice((1, 2, 9, 10, 0)), random.randbytes(size), fin=random.random() < 0.8, mask=mask)
    return out


def mutated(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(changed))
        match random.randrange(4):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                del changed[at : at + random.randint(1, 20)]
            case 2:
                changed[at:at] = random.randbytes(random.randint(1, 20))
            case _:
                changed[at:at] = changed[: random.randint(1, 200)]
        if not changed:
            return b"\0"
    return bytes(changed)


def stream(random: Random, masked: bool) -> bytes:
    match random.randrange(3):
        case 0:
            return random.randbytes(random.randint(0, 5000))
        case 1:
            return valid(random, masked)
        case _:
            return mutated(random, valid(random, masked))


def send(sock: socket.socket, data: bytes, random: Random) -> None:
    at = 0
    while at < len(data):
        size = random.choice((1, 2, 7, 100, 5000, 100_000))
        sock.sendall(data[at : at + size])
        at += size
    sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("loop", LOOPS)
def test_any_bytes_pass_and_are_accounted_for(loop: str, listener: Listener, relay: Callable[..., Relay]) -> None:
    proxy = relay(loop=loop, max_payload=100_000)
    sent: list[tuple[bytes, bytes]] = []
    for seed in range(ROUNDS):
        random = Random(seed)
        answer = ("Sec-WebSocket-Extensions: permessage-deflate",) if seed % 2 else ()
        client, server = upgraded(listener, proxy.port, path=f"/{seed}", answer=answer)
        streams = stream(random, True), stream(random, False)
        senders = [
            threading.Thread(target=send, args=(sock, data, Random(seed + 1)))
            for sock, data in zip((client, server), streams, strict=True)
        ]
        for sender in senders:
            sender.start()
        with ThreadPoolExecutor(2) as hearers:
            heard = list(hearers.map(_all, (server, client)))
        assert heard == list(streams), seed
        for sender in senders:
            sender.join()
        client.close()
        server.close()
        sent.append(streams)
    summary = proxy.stop()
    assert summary["restarts"] == 0, "the recorder never died"
    recorded = checked(proxy.path)
    lost = [gap for gap in recorded.gaps if gap.reason.startswith(("unfinished", "the frame at byte"))]
    missing = {(gap.connection_id, gap.direction): gap.bytes for gap in lost}
    for connection, streams in zip(recorded.connections, sent, strict=True):
        for direction, data in enumerate(streams):
            held = recorded.stream(connection.id, direction)
            assert held.end + missing.get((connection.id, direction), 0) == len(data)
            assert data[held.end :].startswith(held.tail)


def _all(sock: socket.socket) -> bytes:
    data = b""
    while part := sock.recv(2**20):
        data += part
    return data


def _behind_an_upgrade(question: bytes) -> int:
    """How many bytes wait for the answer to an opening handshake."""
    requests = RequestStream()
    requests.feed(question)
    return requests.held if requests.paused else 0


@pytest.mark.parametrize("loop", LOOPS)
def test_any_request_and_any_answer_pass(loop: str, listener: Listener, relay: Callable[..., Relay]) -> None:
    """As long as it is none that is changed on purpose, a head passes as it came; nothing hangs, nothing dies."""
    proxy = relay(loop=loop, keep_host=True)
    for seed in range(ROUNDS):
        random = Random(seed)
        question = request(f"/{seed}") if seed % 3 == 0 else b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
        answer = accept() if seed % 3 == 0 else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        if seed % 2:
            question = mutated(random, question)
        answer = mutated(random, answer)
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.settimeout(60)
            send(client, question, random)
            at_once = len(question) - _behind_an_upgrade(question)
            with listener.take() as server:
                assert read(server, at_once) == question[:at_once], seed
                send(server, answer, random)
                assert _all(client) == answer, seed
                assert read(server, len(question) - at_once) == question[at_once:], seed
    proxy.stop()
    checked(proxy.path)
