"""Socket.IO over Engine.IO (protocols 5 over 4, and 4 over 3: https://socket.io/docs/v4/socket-io-protocol).

An Engine.IO message is a digit and data; Socket.IO's packets are messages of kind 4:

    42/admin,12["chat",{…}]      4 message · 2 event · namespace · id of the acknowledgement that is asked for · arguments
    51-["file",{"_placeholder":true,"num":0}]      5 event with attachments: as many binary messages follow

`$` is the event's argument, or the list of its arguments where there is not exactly one. An acknowledgement is named after
its event, `chat:ack`. Housekeeping is named `engine.ping`, `socket.connect` and so on. Attachments of Engine.IO 3 begin with
a byte 4, those of Engine.IO 4 are bare.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from wsreplay.decode import values
from wsreplay.decode.part import TEXT, CannotEncode, Heartbeat, Part, Role, Shortcut

_ENGINE = {b"0": "open", b"1": "close", b"2": "ping", b"3": "pong", b"5": "upgrade", b"6": "noop"}
# Kind, attachments, namespace (before a comma, or alone), id, JSON.
_PACKET = re.compile(
    rb"4([0-6])(?:(?<=[56])([0-9]{1,4})-)?(?:(/[^,\[{]{0,256}),|(/[^,\[{]{0,256})\Z)?([0-9]{1,19})?(.*)", re.DOTALL
)
# The beginning of an event of the main namespace whose arguments begin with an object.
_SIMPLE = re.compile(rb'42\["([ !#-\[\]-~]{1,256})",\{')
_CONNECT, _DISCONNECT, _EVENT, _ACK, _ERROR, _BINARY_EVENT, _BINARY_ACK = range(7)
_NAMES = {_CONNECT: "socket.connect", _DISCONNECT: "socket.disconnect", _ERROR: "socket.connect_error"}
MAIN = "/"


class _Packet(NamedTuple):
    kind: int
    attachments: int
    namespace: str
    id: bytes
    head: bytes  # all before the JSON
    body: values.JsonValue | None


def _only_argument(payload: bytes) -> tuple[str, bytes] | None:
    """The name of an event, and its one argument; of several, what is no JSON."""
    match = _SIMPLE.match(payload)
    if match is None or payload[-2:] != b"}]":
        return None
    return match[1].decode("ascii"), payload[match.end() - 1 : -1]


class SocketIoDecoder:
    """Events, acknowledgements and housekeeping; an attachment alone is a part without a type."""

    name = "socket.io"
    answer = "{request}:ack"
    shortcut = Shortcut((), body=_only_argument)

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if opcode != TEXT:
            return []
        packet = _packet(payload)
        if packet is None:
            return _engine(payload)
        warning = packet.body.warning if packet.body else None
        value = packet.body.value if packet.body else None
        if packet.kind in _NAMES:
            return [Part(_NAMES[packet.kind], value, Role.CONTROL, warning=warning)]
        if not isinstance(value, list):
            return []
        id = f"{packet.namespace}#{packet.id.decode()}" if packet.id else None
        if packet.kind in (_ACK, _BINARY_ACK):
            return [Part(None, _document(value), Role.RESULT, id, packet.attachments, warning)] if id else []
        name = values.text_of(value[0]) if value else None
        if name is None:
            return []
        role = Role.EVENT if id is None else Role.REQUEST
        return [Part(name, _document(value[1:]), role, id, packet.attachments, warning)]

    def with_id(self, payload: bytes, id: str) -> bytes:
        """The same packet with another number of its acknowledgement: what stands behind `#` in an id of ours."""
        packet = _packet(payload)
        if packet is None or not packet.id:
            raise CannotEncode("a packet without a number")
        body = payload[len(packet.head) :]
        return packet.head[: -len(packet.id)] + id.rpartition("#")[2].encode() + body

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """Engine.IO's ping and pong; in protocol 4 the server's, in 3 the client's."""
        if payload == b"2":
            return Heartbeat(b"3")
        return Heartbeat(is_answer=True) if payload == b"3" else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if opcode != TEXT or len(documents) != 1:
            raise CannotEncode("one packet is one document")
        packet = _packet(payload)
        if packet is None and payload[:1] == b"0":
            head, document = b"0", documents[0]
        elif packet is None or packet.body is None:
            raise CannotEncode("a packet without a document")
        else:
            head, document = packet.head, _value(packet.kind, packet.body.value, documents[0])
        try:
            return head + values.write(document)
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _packet(payload: bytes) -> _Packet | None:
    match = _PACKET.fullmatch(payload)
    if match is None:
        return None
    body = values.read(match[6]) if match[6] else None
    if match[6] and body is None:
        return None
    namespace = (match[3] or match[4] or MAIN.encode()).decode("utf-8", "replace").partition("?")[0]
    head = payload[: len(payload) - len(match[6])]
    return _Packet(int(match[1]), int(match[2] or 0), namespace, match[5] or b"", head, body)


def _engine(payload: bytes) -> list[Part]:
    name = _ENGINE.get(payload[:1])
    if name is None:
        return []
    rest = payload[1:]
    if rest in (b"", b"probe"):
        return [Part(f"engine.{name}", rest.decode() or None, Role.CONTROL)]
    read = values.read(rest) if name == "open" else None
    return [Part("engine.open", read.value, Role.CONTROL, warning=read.warning)] if read else []


def _value(kind: int, old: Any, document: Any) -> Any:
    """What stands in a packet, with another document in the place of its own."""
    if kind in _NAMES:
        return document
    if not isinstance(old, list):
        raise CannotEncode("an event without arguments")
    name = [] if kind in (_ACK, _BINARY_ACK) else old[:1]
    if len(old) - len(name) == 1:
        return [*name, document]
    if not isinstance(document, list):
        raise CannotEncode("several arguments are a list")
    return [*name, *document]


def _document(arguments: list[Any]) -> Any:
    return arguments[0] if len(arguments) == 1 else arguments
