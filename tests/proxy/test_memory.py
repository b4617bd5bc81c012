"""What the relay keeps while its recorder is far behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from loops import LOOPS
from rawpeers import Listener, read, upgraded
from relay import Relay, wait_for

from recordings import checked
from wsreplay.proxy.recorder_client import KEEP_BYTES

pytestmark = pytest.mark.campaign

CONNECTIONS = 400
HEAD = b"\x82\x7f" + (2**40).to_bytes(8, "big")  # of one frame that does not end


def resident(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def send_what_goes(sockets: list[socket.socket]) -> int:
    """Send until nothing more is taken for half a second."""
    sent, last = 0, time.monotonic()
    while time.monotonic() - last < 0.5:
        for sock in sockets:
            with contextlib.suppress(BlockingIOError):
                sent += sock.send(bytes(2**18))
                last = time.monotonic()
    return sent


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("loop", LOOPS)
def test_many_connections_keep_no_more_than_one(loop: str, listener: Listener, relay: Callable[..., Relay]) -> None:
    """Each chunk that waits is kept once, and none is read beyond what may be kept."""
    proxy = relay(loop=loop, max_payload=1000, forked=False)
    pairs = [upgraded(listener, proxy.port) for _ in range(CONNECTIONS)]
    servers = [server for _, server in pairs]
    before = resident(proxy.process.pid)
    recorder = proxy.recorder()
    os.kill(recorder, signal.SIGSTOP)
    for server in servers:
        server.sendall(HEAD)
        server.setblocking(False)
    sent = send_what_goes(servers)
    grown = resident(proxy.process.pid) - before
    os.kill(recorder, signal.SIGCONT)
    assert sent > KEEP_BYTES, "more came than may be kept"
    assert grown < KEEP_BYTES + 24 * 2**20
    client, server = pairs[0]
    client.settimeout(60)
    assert read(client, 10) == HEAD, "it goes on"
    for client, server in pairs:
        client.close()
        server.close()
    wait_for(lambda: proxy.process.poll() is None)
    proxy.stop()
    assert len(checked(proxy.path).connections) == CONNECTIONS
