"""Whose a message is, told from the names of its members alone, without a contract: its thread, its run, its call."""

from __future__ import annotations

from typing import Any

import orjson

_IDS = {
    "thread_id": "thread", "threadId": "thread", "conversation_id": "thread", "run_id": "run", "runId": "run",
    "response_id": "run", "tool_call_id": "call", "toolCallId": "call", "call_id": "call", "item_id": "item", "id": "id",
    "messageId": "message", "stepName": "name", "tool_name": "name", "toolName": "name", "toolCallName": "name",
    "agent_name": "agent",
}  # fmt: skip
_ENVELOPES = ("payload", "data", "response", "item")
_LONGEST_DOCUMENT = 256 * 1024


def identifiers(payload: bytes) -> dict[str, str]:
    """What a message says about whose it is: thread, run, call, item, name …; the outermost mention counts."""
    if len(payload) > _LONGEST_DOCUMENT:
        return {}
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    values: dict[str, str] = {}
    if isinstance(document, dict):
        _collect(document, values)
        for name in _ENVELOPES:
            if name in document and isinstance(place := document[name], dict):
                _collect(place, values)
    return values


def _collect(place: dict[str, Any], values: dict[str, str]) -> None:
    for field_name in place.keys() & _IDS.keys():
        value = place[field_name]
        if type(value) is str or type(value) is int:
            name = _IDS[field_name]
            if name not in values and value != "":
                values[name] = str(value)
    if "name" not in values and isinstance(value := place.get("name"), str) and value:
        values["name"] = value
