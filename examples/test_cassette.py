"""The backend is played from `cassettes/`: this test needs none, and finds out what the client makes of every answer.

Recorded by the first run, while a backend was there; `pytest --wsreplay-record=all` records it anew, and
`--wsreplay-record=none`, for CI, refuses to record.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from wsreplay.testing import ChatClient, Recordings

BACKEND = os.environ.get("BACKEND", "ws://backend.invalid/ws")


async def test_a_client_without_a_backend(wsreplay: Recordings, token_for: Callable[[str], str]) -> None:
    async with wsreplay.proxy(BACKEND, cassette="checkout") as tap:
        async with ChatClient(tap.url, token=token_for("alice")) as client:
            # The client chooses its ids anew: what is played speaks of this thread, not of the recorded one.
            await client.send({"type": "chat", "thread_id": f"thread-{os.getpid()}", "message": "Why is the checkout slow?"})
            answer = await client.wait_for("agent_completed")
            assert answer["thread_id"] == f"thread-{os.getpid()}"
            assert answer["payload"]["content"] == "Analysis complete: Why is the checkout slow?"
            await client.wait_for("final_report")
        tap.assert_valid()
