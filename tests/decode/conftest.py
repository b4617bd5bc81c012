"""Messages of each protocol, as its peers send them: (direction, opcode, payload)."""

from __future__ import annotations

import msgspec

from wsreplay.decode import BINARY, TEXT, Event, Linker, RawMessage, get_decoder

C2S, S2C = 0, 1


def client(payload: str | bytes) -> RawMessage:
    return _message(C2S, payload)


def server(payload: str | bytes) -> RawMessage:
    return _message(S2C, payload)


def _message(direction: int, payload: str | bytes) -> RawMessage:
    if isinstance(payload, str):
        return RawMessage(direction, TEXT, payload.encode("utf-8", "surrogatepass"))
    return RawMessage(direction, BINARY, payload)


def link(name: str, *messages: RawMessage) -> list[Event]:
    """All events of a connection; its messages are frames 1, 2, 3…"""
    linker = Linker(get_decoder(name))
    events = [event for frame, message in enumerate(messages, 1) for event in linker.feed(frame, *message)]
    return events + linker.finish()


def types(name: str, *messages: RawMessage) -> list[str | None]:
    return [event.type for event in link(name, *messages)]


def message_pack(*records: list[object]) -> bytes:
    """SignalR's records: each behind its length, which is below 128 here."""
    packed = [msgspec.msgpack.encode(record) for record in records]
    return b"".join(bytes([len(record)]) + record for record in packed)


def jupyter_v1(channel: str, *segments: bytes) -> bytes:
    """A message as jupyter_server's `serialize_msg_to_ws_v1` lays it out."""
    pieces = [channel.encode(), *segments]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(pieces)


EXAMPLES: dict[str, list[RawMessage]] = {
    "actioncable": [
        server('{"type":"welcome"}'),
        client('{"command":"subscribe","identifier":"{\\"channel\\":\\"ChatChannel\\"}"}'),
        client('{"command":"message","identifier":"{\\"channel\\":\\"ChatChannel\\"}","data":"{\\"action\\":\\"speak\\",\\"n\\":1}"}'),
        server('{"identifier":"{\\"channel\\":\\"ChatChannel\\"}","message":{"type":"agent_started"}}'),
    ],
    "graphql": [
        client('{"type":"connection_init"}'),
        client('{"id":"1","type":"subscribe","payload":{"query":"subscription { a }"}}'),
        server('{"id":"1","type":"next","payload":{"data":{"a":1}}}'),
    ],
    "json": [
        client('{"type": "chat", "thread_id": "t"}'),
        server('[{"type": "a"}, {"type": "b"}]'),
        server('{"type": "a"}\n{"type": "b"}\n'),
        server(b'{"type": "in a binary message"}'),
    ],
    "json-rpc": [
        client('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'),
        server('{"jsonrpc":"2.0","id":1,"result":{}}'),
        client('[{"jsonrpc":"2.0","id":2,"method":"a"},{"jsonrpc":"2.0","method":"b"}]'),
    ],
    "jupyter": [
        client('{"channel":"shell","header":{"msg_id":"m1","msg_type":"execute_request"},"parent_header":{},"content":{}}'),
        server(jupyter_v1("shell", b'{"msg_id":"m2","msg_type":"execute_reply"}', b'{"msg_id":"m1"}', b"{}", b"{}", b"raw")),
    ],
    "msgpack": [client(msgspec.msgpack.encode({"type": "chat", "blob": b"\x00\x01"}))],
    "phoenix": [
        client('["1","1","room:a","phx_join",{}]'),
        server('["1","1","room:a","phx_reply",{"status":"ok","response":{}}]'),
        server('{"topic":"room:a","event":"new_msg","payload":{"n":1},"ref":null}'),
    ],
    "signalr": [
        client('{"protocol":"json","version":1}\x1e'),
        client('{"type":1,"invocationId":"1","target":"Send","arguments":["a"]}\x1e{"type":6}\x1e'),
        server('{"type":3,"invocationId":"1","result":null}\x1e'),
    ],
    "socket.io": [
        server('0{"sid":"x","pingInterval":25000}'),
        client('42/admin,7["chat",{"thread_id":"t"}]'),
        server('43/admin,7["ok",2]'),
        server('451-["file",{"_placeholder":true,"num":0}]'),
    ],
    "sockjs": [server("o"), client('["{\\"type\\":\\"chat\\"}"]'), server('a["{\\"type\\":\\"agent_started\\"}","plain"]')],
    "sse": [
        client('{"message":"Why?"}'),
        server(": still here\n\n"),
        server('event: agent_started\nid: 1\ndata: {"thread_id":"t"}\n\n'),
        server('data: {"type":"token",\ndata: "text":"a"}\n\n'),
        server("data: [DONE]\n\n"),
    ],
    "stomp": [
        client("CONNECT\naccept-version:1.2\n\n\x00"),
        client("SEND\ndestination:/app/chat\nreceipt:r1\ncontent-length:15\n\n{\"type\":\"chat\"}\x00"),
        server("RECEIPT\nreceipt-id:r1\n\n\x00"),
        server("MESSAGE\ndestination:/topic/a\n\nplain words\x00"),
    ],
}  # fmt: skip
