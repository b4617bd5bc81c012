"""Sending and receiving at the speed of the kernel, over one connection or a thousand, from either end."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence

_RECEIVE = 2**18


def pump(socks: Sequence[socket.socket], block: bytes, each: int, burst: int) -> None:
    """Send `each` bytes of the repeated block over every socket, in turns of `burst` bytes."""
    view = memoryview(block)
    sent = dict.fromkeys(socks, 0)
    ready = deque(socks)
    with selectors.DefaultSelector() as selector:
        full = 0
        for sock in socks:
            sock.setblocking(False)
        while ready or full:
            for key, _ in selector.select(0 if ready else None) if full else ():
                selector.unregister(key.fileobj)
                ready.append(key.fileobj)  # type: ignore[arg-type]
                full -= 1
            for _ in range(len(ready)):
                sock = ready.popleft()
                start = sent[sock] % len(block)
                try:
                    sent[sock] += sock.send(view[start : start + min(burst, each - sent[sock])])
                except BlockingIOError:
                    selector.register(sock, selectors.EVENT_WRITE)
                    full += 1
                    continue
                if sent[sock] < each:
                    ready.append(sock)
    for sock in socks:
        sock.setblocking(True)


def drain(socks: Sequence[socket.socket], each: int) -> float:
    """Receive `each` bytes over every socket; return the time of the last one. Raises ConnectionError."""
    buffer = bytearray(_RECEIVE)
    left = dict.fromkeys(socks, each)
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        while left:
            for key, _ in selector.select():
                ready: socket.socket = key.fileobj  # type: ignore[assignment]
                size = ready.recv_into(buffer)
                if not size:
                    raise ConnectionError("closed before everything was received")
                left[ready] -= size
                if left[ready] <= 0:
                    del left[ready]
                    selector.unregister(ready)
    return time.perf_counter()


def await_eof(socks: Sequence[socket.socket]) -> None:
    """Read until the other side closes, and close."""
    for sock in socks:
        with sock:
            try:
                while sock.recv(65536):
                    pass
            except ConnectionError:
                pass
