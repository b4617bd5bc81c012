"""Paths that are typed."""

from __future__ import annotations

import pytest
from textual.widgets import Input


@pytest.mark.parametrize("way", ["down enter e enter", "c tab", "down enter D tab"])
@pytest.mark.parametrize("text", ["~nobody-here/x.jsonl", "x" * 300 + ".jsonl"])
async def test_a_path_that_cannot_be_is_refused_where_it_is_typed(stage, chat_recording, way, text):
    async with stage(chat_recording) as on:
        await on.press(*way.split())
        prompt = on.app.screen
        prompt.query_one(Input).value = text
        await on.press("enter")
        assert on.app.screen is prompt
        assert any(word in on.text() for word in ("without ~", "File name too long"))
