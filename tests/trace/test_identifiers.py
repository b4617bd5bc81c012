from __future__ import annotations

import orjson

from wsreplay.trace.identifiers import identifiers


def test_the_outermost_mention_counts() -> None:
    payload = orjson.dumps({"run_id": 7, "payload": {"run_id": "8", "tool_name": "x", "thread_id": ""}, "data": []})
    assert identifiers(payload) == {"run": "7", "name": "x"}


def test_what_is_no_object_says_nothing() -> None:
    assert identifiers(b"{") == identifiers(b"[]") == identifiers(b"[" * 300_000) == {}
