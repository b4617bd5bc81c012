"""How much memory a recorder takes for messages that inflate to a thousand times what was sent."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import rawpeers
from relay import Relay, wait_for

pytestmark = pytest.mark.campaign

Start = Callable[..., Relay]
MOST_MEMORY = 200_000_000
LARGE = 63 * 2**20
ANSWER = ("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover",)


def deflated(size: int) -> bytes:
    """A JSON text of this size as it goes over the wire."""
    squeeze = zlib.compressobj(9, wbits=-15)
    return (squeeze.compress(b'"' + b" " * (size - 2) + b'"') + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


def whole(size: int, count: int) -> Iterator[bytes]:
    return iter([rawpeers.frame(1, deflated(size), rsv=4)] * count)


def unfinished(size: int, count: int) -> Iterator[bytes]:
    """Messages in two frames, of which only the first is sent."""
    return iter([rawpeers.frame(1, deflated(size), rsv=4, fin=False)] * count)


def peak_memory(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    ("wire", "size", "count", "connections"),
    [
        (whole, LARGE, 3, 1),
        (whole, 40_000, 6000, 1),
        (unfinished, LARGE, 1, 3),
        pytest.param(whole, LARGE, 16, 1, marks=[pytest.mark.campaign, pytest.mark.timeout(900)]),
        pytest.param(whole, LARGE, 1, 16, marks=[pytest.mark.campaign, pytest.mark.timeout(900)]),
        pytest.param(unfinished, LARGE, 1, 16, marks=[pytest.mark.campaign, pytest.mark.timeout(900)]),
    ],
)
def test_what_inflates_a_thousandfold_is_recorded_within_bounds(
    relay: Start, wire: Callable[[int, int], Iterator[bytes]], size: int, count: int, connections: int
) -> None:
    listener = rawpeers.Listener()
    proxy = relay(listener.port, forked=False)
    bystander, its_server = rawpeers.upgraded(listener, proxy.port, path="/bystander")
    recorder = proxy.recorder()
    data = b"".join(wire(size, count))
    peers = []
    for _ in range(connections):
        client, server = rawpeers.upgraded(listener, proxy.port, answer=ANSWER)
        client.sendall(data)
        peers += [client, server]
    for server in peers[1::2]:
        assert rawpeers.read(server, len(data)) == data, "forwarded as ever"
    small = rawpeers.frame(1, b"small")
    for _ in range(100):
        bystander.sendall(small)
        rawpeers.read(its_server, len(small))
    wait_for(lambda: _frames(proxy.path, "/bystander") == [(100, 500)], "the bystander is recorded", 120)
    if wire is whole:
        wait_for(lambda: _frames(proxy.path, "/ws") == [(count, size * count)] * connections, "all is recorded", 120)
    peak = peak_memory(recorder)
    for sock in (bystander, its_server, listener.sock, *peers):
        sock.close()
    assert proxy.recorder() == recorder, "it has never died"
    summary = proxy.stop()
    assert summary["restarts"] == 0
    if wire is unfinished:
        assert _frames(proxy.path, "/ws") == [(1, size)] * connections
    print(f"\n{count} x {size:,} bytes on {connections} connections, {len(data):,} each on the wire: {peak:,} bytes resident")
    assert peak <= MOST_MEMORY


def _frames(path: Path, request_path: str) -> list[tuple[int, int]]:
    """For each connection with this path: how many data frames it has, and the bytes of their payloads."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT count(*), sum(length(payload)) FROM frame JOIN connection ON connection.id = connection_id"
            " WHERE path = ? AND opcode < 3 GROUP BY connection_id",
            (request_path,),
        ).fetchall()
