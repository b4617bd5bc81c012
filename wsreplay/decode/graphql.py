"""GraphQL over WebSocket: `graphql-transport-ws` (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) and the
legacy `graphql-ws` of subscriptions-transport-ws.

`$` is the message. Types are the protocol's own; what shares an operation's `id` belongs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Part, Role

_CONTROL = frozenset(
    ("connection_init", "connection_ack", "connection_error", "connection_terminate", "ping", "pong", "ka")
)


class GraphqlDecoder:
    """Both protocols: their messages are told apart by their types."""

    name = "graphql"
    answer = ""

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        message = read.value if read else None
        if read is None or not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return []
        kind, id = message["type"], message.get("id")
        role = Role.CONTROL if kind in _CONTROL else Role.EVENT
        return [Part(kind, message, role, id if isinstance(id, str) else None, warning=read.warning)]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if len(documents) != 1:
            raise CannotEncode(f"{len(documents)} documents")
        try:
            return values.write(documents[0])
        except ValueError as error:
            raise CannotEncode(str(error)) from error
