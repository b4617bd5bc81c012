"""GraphQL over WebSocket: `graphql-transport-ws` (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) and the
legacy `graphql-ws` of subscriptions-transport-ws.

`$` is the message. Types are the protocol's own; what shares an operation's `id` belongs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Heartbeat, Part, Role

_LONGEST_HEARTBEAT = 2**10  # bytes
_CONTROL = frozenset(
    ("connection_init", "connection_ack", "connection_error", "connection_terminate", "ping", "pong", "ka")
)


class GraphqlDecoder:
    """Both protocols: their messages are told apart by their types."""

    name = "graphql"
    answer = ""
    ids = (("id",),)

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        message = read.value if read else None
        if read is None or not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return []
        kind, id = message["type"], message.get("id")
        role = Role.CONTROL if kind in _CONTROL else Role.EVENT
        return [Part(kind, message, role, id if isinstance(id, str) else None, warning=read.warning)]

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """A pong may come unasked, and need not."""
        read = values.read(payload) if len(payload) < _LONGEST_HEARTBEAT else None
        message = read.value if read is not None and isinstance(read.value, dict) else {}
        kind = message.get("type")
        if kind == "ping":
            return Heartbeat(values.write({**message, "type": "pong"}))
        return Heartbeat(is_answer=kind == "pong") if kind in ("pong", "ka") else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if len(documents) != 1:
            raise CannotEncode(f"{len(documents)} documents")
        try:
            return values.write(documents[0])
        except ValueError as error:
            raise CannotEncode(str(error)) from error
