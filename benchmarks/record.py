"""wsreplay as it is measured: the relay in this process, its recorder beside it.

    python -m benchmarks.record UPSTREAM_PORT FILE      prints its port; ends at SIGTERM
"""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from wsreplay.proxy.session import RecordingProxy


async def main(upstream: int, path: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with RecordingProxy(f"ws://127.0.0.1:{upstream}", path) as proxy:
        print(proxy.port, flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
