"""Events that have something to show."""

from __future__ import annotations

from typing import Any

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads

CONTRACT = loads("""
contract: x
envelope: {type: $.type, sent: $.at, id: $.id}
keys: {run: [$.run, $.payload.run]}
needs: {event: a, any: [$.text, $.payload.text], severity: warning}
""")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"id": "m1", "at": 1.0, "run": "r"},
        {"text": "Hello"},
        {"payload": {"text": "Hello"}},
        {"text": "", "payload": {"text": "Hello"}},
        {"payload": {"thought": "Hello"}},
        {"payload": {"items": [1]}},
        {"text": "", "progress": 0},
        {"payload": None},
        {"payload": "Hello"},
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_an_event_shows_something_or_needs_no_text(values: dict[str, Any], inline: bool) -> None:
    assert said(Trace().open().s2c("a", **values).close().judge(CONTRACT, inline)) == []


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"text": ""}, "$.text"),
        ({"text": None}, "$.text"),
        ({"payload": {}}, "$.payload.text"),
        ({"payload": {"text": ""}}, "$.payload.text"),
        ({"payload": {"run": "r", "items": []}}, "$.payload.text"),
        ({"id": "m1", "at": 1.0, "run": "r", "payload": {"text": None}}, "$.payload.text"),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_an_event_with_an_empty_place_does_not(values: dict[str, Any], place: str, inline: bool) -> None:
    judgement = Trace().open().s2c("a", **values).s2c("b", **values).close().judge(CONTRACT, inline)
    assert said(judgement) == [f"needs: a has nothing to show: {place} is empty, and so is everything else"]
