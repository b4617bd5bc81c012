"""Which decoder a connection's messages need: by its subprotocol, its path, or a look at its first messages."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from wsreplay.decode import values
from wsreplay.decode.part import BINARY, TEXT, RawMessage
from wsreplay.decode.registry import PLAIN, get_decoder

LOOKED_AT = 8  # messages
LONGEST_LOOKED_AT = 256 * 2**10  # bytes of one


class Choice(NamedTuple):
    """A decoder's name, and why: the handshake says it, or it was guessed."""

    name: str
    reason: str
    guessed: bool = False

    @property
    def plain(self) -> bool:
        """Whether messages are plain JSON, or nothing that is known."""
        return self.name == PLAIN

    @property
    def text(self) -> str:
        """The name for people, which says where it was guessed."""
        return f"{self.name} (guessed)" if self.guessed else self.name


_SUBPROTOCOLS = {
    "graphql-transport-ws": "graphql", "graphql-ws": "graphql",
    "v1.kernel.websocket.jupyter.org": "jupyter",
    "actioncable-v1-json": "actioncable",
    "mcp": "json-rpc", "jsonrpc": "json-rpc", "jsonrpc-2.0": "json-rpc",
    "v10.stomp": "stomp", "v11.stomp": "stomp", "v12.stomp": "stomp",
    "msgpack": "msgpack",
}  # fmt: skip

# Compiled where something looks like it: most recordings are plain JSON.
_KERNEL_PATH = r"/api/kernels/[^/]+/channels$"


def choose(path: str, subprotocol: str | None, messages: Iterable[RawMessage] = ()) -> Choice:
    """The decoder of a connection; `messages` are its first TEXT and BINARY ones."""
    if subprotocol is not None and (name := _SUBPROTOCOLS.get(subprotocol.lower())) is not None:
        return Choice(name, f"subprotocol {subprotocol}")
    seen = list(_first(messages))
    if (name := _by_path(path)) is not None and (not seen or _reads(name, seen)):
        return Choice(name, f"path {path.partition('?')[0]}", guessed=True)
    for name, fits in _LOOKS:
        if any(fits(message) for message in seen) and _reads(name, seen):
            return Choice(name, "its first messages", guessed=True)
    return Choice(PLAIN, "nothing else fits", guessed=True)


def _first(messages: Iterable[RawMessage]) -> Iterable[RawMessage]:
    return (message for message in islice(messages, LOOKED_AT) if len(message.payload) <= LONGEST_LOOKED_AT)


def _by_path(path: str) -> str | None:
    plain, _, query = path.partition("?")
    if "EIO" in parse_qs(query) or plain.rstrip("/").endswith("/socket.io"):
        return "socket.io"
    if plain.endswith("/channels") and re.search(_KERNEL_PATH, plain):
        return "jupyter"
    if plain.endswith("/cable"):
        return "actioncable"
    if plain.endswith("/websocket") and "vsn" in parse_qs(query):
        return "phoenix"
    return None


def _reads(name: str, messages: list[RawMessage]) -> bool:
    """Whether a decoder makes something of the text among some messages."""
    decoder = get_decoder(name)
    texts = [message for message in messages if message.opcode == TEXT] or messages
    return sum(bool(decoder.parse(*message)) for message in texts) * 2 > len(texts)


def _looks_like_socket_io(message: RawMessage) -> bool:
    if message.opcode != TEXT or not message.payload.startswith((b"0{", b"40", b"42")):
        return False
    return re.match(_SOCKET_IO, message.payload) is not None


# A handshake, a connection, an event: perhaps of a namespace, perhaps with the number of its acknowledgement.
_SOCKET_IO = rb'0\{"sid"|40(?:/[^,\[{]{0,256},)?\{|42(?:/[^,\[{]{0,256},)?[0-9]{0,19}\["'


def _looks_like_signalr(message: RawMessage) -> bool:
    return message.payload.endswith(b"\x1e") and b'"protocol"' in message.payload


def _looks_like_json_rpc(message: RawMessage) -> bool:
    """`jsonrpc`, or a method with parameters and an id as the DevTools protocol has them."""
    value = _json(message)
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict) or "type" in first:
        return False
    if first.get("jsonrpc") == "2.0":
        return True
    return isinstance(first.get("method"), str) and isinstance(first.get("id"), int) and set(first) <= _CDP


_CDP = {"id", "method", "params", "sessionId"}


def _looks_like_phoenix(message: RawMessage) -> bool:
    value = _json(message)
    if isinstance(value, list):
        return len(value) == 5 and isinstance(value[2], str) and isinstance(value[3], str) and isinstance(value[4], dict)
    return isinstance(value, dict) and {"topic", "event", "payload", "ref"} <= set(value)


def _looks_like_jupyter(message: RawMessage) -> bool:
    value = _json(message)
    header = value.get("header") if isinstance(value, dict) else None
    return isinstance(header, dict) and isinstance(header.get("msg_type"), str)


def _looks_like_action_cable(message: RawMessage) -> bool:
    value = _json(message)
    return isinstance(value, dict) and isinstance(value.get("identifier"), str) and value["identifier"].startswith("{")


def _looks_like_sockjs(message: RawMessage) -> bool:
    return message.opcode == TEXT and (message.payload in (b"o", b"h") or message.payload.startswith(b'a["'))


def _looks_like_stomp(message: RawMessage) -> bool:
    return message.payload.startswith((b"CONNECT\n", b"STOMP\n", b"CONNECTED\n", b"CONNECT\r\n", b"CONNECTED\r\n"))


def _looks_like_sse(message: RawMessage) -> bool:
    begins = message.payload.startswith((b"data:", b"event:", b"id:", b"retry:"))
    # A comment keeps a stream open before its first event; a message of IRC begins so, too, and ends with its line.
    is_comment = message.payload.startswith(b":") and message.payload.endswith((b"\n\n", b"\r\n\r\n"))
    return (begins or is_comment) and message.direction == 1 and message.opcode == TEXT


def _looks_like_message_pack(message: RawMessage) -> bool:
    if message.opcode != BINARY or message.payload[:1] in (b"{", b"["):
        return False
    parts = get_decoder("msgpack").parse(*message)
    return bool(parts) and parts[0].type is not None


@lru_cache(maxsize=LOOKED_AT)
def _json(message: RawMessage) -> Any:
    """Its value, which several of the looks ask for."""
    read = values.read(message.payload) if message.opcode == TEXT else None
    return read.value if read is not None else None


_LOOKS: tuple[tuple[str, Callable[[RawMessage], bool]], ...] = (
    ("socket.io", _looks_like_socket_io),
    ("signalr", _looks_like_signalr),
    ("stomp", _looks_like_stomp),
    ("sockjs", _looks_like_sockjs),
    ("sse", _looks_like_sse),
    ("json-rpc", _looks_like_json_rpc),
    ("phoenix", _looks_like_phoenix),
    ("jupyter", _looks_like_jupyter),
    ("actioncable", _looks_like_action_cable),
    ("msgpack", _looks_like_message_pack),
)
