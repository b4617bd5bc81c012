"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification), as LSP, MCP and ACP speak it; and CDP, which omits `jsonrpc`.

`$` is the object. A request and a notification are named by their method, an answer after its request:
`initialize:result`, `initialize:error`. A batch is an array of objects. CDP's ids count per `sessionId`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import Answers, CannotEncode, Part, Role, Shortcut

MOST_PARTS = 10_000


class JsonRpcDecoder:
    """Requests, notifications, answers, and batches of them."""

    name = "json-rpc"
    answer = "{request}:{role}"
    ids = (("id",),)
    shortcut = Shortcut(("method",), answers=Answers("id", "result", "error", scope="sessionId"))

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        if read is None:
            return []
        items = read.value if isinstance(read.value, list) else [read.value]
        if len(items) > MOST_PARTS:
            return []
        parts = [_part(item, read.warning) for item in items]
        return [part for part in parts if part is not None] if None not in parts else []

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        read = values.read(payload)
        if read is None:
            raise CannotEncode("not JSON")
        batch = isinstance(read.value, list)
        if len(documents) != (len(read.value) if batch else 1):
            raise CannotEncode(f"{len(documents)} documents")
        try:
            return values.write(list(documents) if batch else documents[0])
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _part(item: Any, warning: str | None) -> Part | None:
    if not isinstance(item, dict):
        return None
    id = values.text_of(item.get("id"))
    if id is not None and isinstance(item.get("sessionId"), str):
        id = f"{item['sessionId']}/{id}"
    method = item.get("method")
    if isinstance(method, str):
        return Part(method, item, Role.EVENT if id is None else Role.REQUEST, id, warning=warning)
    if "error" in item and (item["error"] is not None or "result" not in item):  # JSON-RPC 1.0 has both in each answer
        return Part(None if id is not None else "error", item, Role.ERROR, id, warning=warning)
    if "result" in item and id is not None:
        return Part(None, item, Role.RESULT, id, warning=warning)
    return None
