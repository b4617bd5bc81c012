"""The WebSocket server behind all alternatives: one process for one measurement.

    python -m benchmarks.backend MODE CONNECTIONS FRAMES SIZE BURST

Prints its port, waits for all connections, then streams to them, swallows what they send and says so, or echoes.
"""

from __future__ import annotations

import socket
import sys

from benchmarks import load, streams


def serve(mode: str, connections: int, frames: int, size: int, burst: int) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        socks = [_accept(listener) for _ in range(connections)]
    if mode == "stream":
        streams.pump(socks, load.block(size, masked=False), frames * load.frame_length(size, masked=False), burst)
    elif mode == "sink":
        streams.drain(socks, frames * load.frame_length(size, masked=True))
        for sock in socks:
            sock.sendall(load.frame(b"done", masked=False))
    else:
        _echo(socks[0], size)
    streams.await_eof(socks)


def _accept(listener: socket.socket) -> socket.socket:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    load.grant_websocket(sock)
    return sock


def _echo(sock: socket.socket, size: int) -> None:
    """Answer every frame of the client with one of the same size."""
    answer = load.frame(load.event(1, size), masked=False)
    asked = load.frame_length(size, masked=True)
    got = 0
    while data := sock.recv(65536):
        got += len(data)
        while got >= asked:
            got -= asked
            sock.sendall(answer)


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:6]))
