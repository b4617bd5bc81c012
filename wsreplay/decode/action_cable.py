"""Rails' Action Cable, subprotocol `actioncable-v1-json` (https://docs.anycable.io/misc/action_cable_protocol).

`$` is the message with `identifier` and `data`, which are JSON in a string, read. A client's message is named by its
`$.data.action`, a broadcast by its `$.message.type`, each `message` where there is none; the rest by the protocol's own
words: `welcome`, `ping`, `subscribe`, `confirm_subscription`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Heartbeat, Part, Role, Shortcut

_NESTED = ("identifier", "data")  # JSON in a string


class ActionCableDecoder:
    """Commands, broadcasts and housekeeping."""

    name = "actioncable"
    answer = ""
    shortcut = Shortcut(("message", "type"), without=("type", "command"), needed=("identifier",), opened=_NESTED)

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        message = read.value if read else None
        if read is None or not isinstance(message, dict):
            return []
        opened = {**message, **{name: _open(message[name]) for name in _NESTED if name in message}}
        kind, command = message.get("type"), message.get("command")
        if isinstance(kind, str):
            return [Part(kind, opened, Role.CONTROL, warning=read.warning)]
        if command == "message":
            return [Part(_name(opened.get("data"), "action"), opened, warning=read.warning)]
        if isinstance(command, str):
            return [Part(command, opened, Role.CONTROL, warning=read.warning)]
        if "identifier" in message and "message" in message:
            return [Part(_name(message["message"], "type"), opened, warning=read.warning)]
        return []

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """The server's, which nobody answers."""
        return Heartbeat() if payload.startswith(b'{"type":"ping"') else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        read = values.read(payload)
        if read is None or not isinstance(read.value, dict) or len(documents) != 1 or not isinstance(documents[0], dict):
            raise CannotEncode("one message is one document")
        document = dict(documents[0])
        try:
            for name in _NESTED:
                if isinstance(read.value.get(name), str) and not isinstance(document.get(name), str):
                    document[name] = values.write(document.get(name)).decode()
            return values.write(document)
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _open(value: Any) -> Any:
    read = values.read(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else None
    return read.value if read is not None and isinstance(read.value, dict) else value


def _name(value: Any, key: str) -> str:
    name = value.get(key) if isinstance(value, dict) else None
    return name if isinstance(name, str) else "message"
