"""The least a proxy can do: uvloop passes bytes from one socket to the other. Records nothing.

    python -m benchmarks.bare_relay UPSTREAM_PORT      prints its port
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One side of a connection; the client's dials the upstream."""

    def __init__(self, upstream: int = 0, other: Side | None = None) -> None:
        self._upstream, self._other = upstream, other
        self.transport: asyncio.Transport
        self._early: list[bytes] = []
        self._dialing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._upstream:
            self._dialing = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        _, other = await loop.create_connection(lambda: Side(other=self), "127.0.0.1", self._upstream)
        self._other = other
        for data in self._early:
            other.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
        else:
            self._other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._other is not None:
            self._other.transport.close()

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.resume_reading()


async def main(upstream: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Side(upstream), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
