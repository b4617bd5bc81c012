"""JSON-RPC 2.0 (https://www.jsonrpc.org/specification), as LSP, MCP and ACP speak it; and CDP, which omits `jsonrpc`.

`$` is the object. A request and a notification are named by their method, an answer after its request:
`initialize:result`, `initialize:error`. A batch is an array of objects. CDP's ids count per `sessionId`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Part, Role, Shortcut

MOST_PARTS = 10_000


class _Head(msgspec.Struct):
    """What tells requests and answers apart; the rest is skipped."""

    id: Any = None
    method: Any = None
    sessionId: Any = None  # as CDP spells it
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_read_head = msgspec.json.Decoder(_Head).decode


class JsonRpcDecoder:
    """Requests, notifications, answers, and batches of them."""

    name = "json-rpc"
    answer = "{request}:{role}"
    ids = (("id",),)
    shortcut = Shortcut(("method",), without=("id",))

    def glance(self, payload: bytes) -> Part | None:
        """A request or an answer to one, without its document; None for all else. Raises ValueError or RecursionError."""
        head = _read_head(payload)
        if head.id.__class__ not in (int, str) or head.sessionId is not None:
            return None
        id = str(head.id)
        if head.method.__class__ is str:
            return Part(head.method, None, Role.REQUEST, id)
        if head.error is not msgspec.UNSET:
            return Part(None, None, Role.ERROR, id)
        return Part(None, None, Role.RESULT, id) if head.result is not msgspec.UNSET else None

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
    if "error" in item:
        return Part(None if id is not None else "error", item, Role.ERROR, id, warning=warning)
    if "result" in item and id is not None:
        return Part(None, item, Role.RESULT, id, warning=warning)
    return None
