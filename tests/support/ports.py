"""Ports to name before anybody listens on them."""

from __future__ import annotations

import contextlib
import random
import socket


def unused(count: int = 1) -> list[int]:
    """Ports on which nobody listens, of those that a system gives to nobody who asks for any, as other tests do meanwhile."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in random.SystemRandom().sample(range(20_000, 30_000), 1000):
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
            if len(found) == count:
                return found
    raise AssertionError("no port is free")


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
