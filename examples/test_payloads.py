"""What goes through must come out as it was, however large or strange."""

from __future__ import annotations

import json

from wsreplay.testing import ChatClient, Recordings


async def test_megabytes_come_through(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        client: ChatClient = await chat(tap.url, "large")
        tap.assert_valid()
        largest = max(tap.messages(), key=lambda message: len(message.payload))
        assert len(largest.payload) > 1_000_000
        assert largest.payload.decode() in {event.raw for event in client.received}


async def test_text_of_all_kinds_comes_through(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        client: ChatClient = await chat(tap.url, "unicode")
        tap.assert_valid()
        sent = [json.loads(message.payload) for message in tap.messages() if message.type == "partial_result"]
        assert "Grüße, мир, 世界, שלום, 🧑‍🚀" in sent[0]["payload"]["content"]
        assert sent == [event.event for event in client.received if event.type == "partial_result"]


async def test_broken_messages_are_named_with_their_frames(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "broken-json")
        broken = [finding for finding in tap.findings() if finding.rule == "json"]
        assert len(broken) == 5
        assert tap.recording.frame(broken[0].frames[0]).payload.startswith(b'{"type": "partial_result"')
