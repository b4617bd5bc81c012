"""The decoders there are, by name: ours, and those that installed packages add.

A package adds one by an entry point of the group `wsreplay.decoders`, whose name is the decoder's and whose object makes one
when it is called.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from wsreplay.decode.part import Decoder
from wsreplay.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "wsreplay.decoders"
PLAIN = "json"
# Those whose `$` is the message as it came, an object, and whose type is its `type`.
PLAIN_DOCUMENTS = frozenset((PLAIN, "graphql"))

# name: module and class; a module is imported when its decoder is asked for.
_OURS = {
    "actioncable": ("action_cable", "ActionCableDecoder"),
    "graphql": ("graphql", "GraphqlDecoder"),
    "json": ("json", "JsonDecoder"),
    "json-rpc": ("json_rpc", "JsonRpcDecoder"),
    "jupyter": ("jupyter", "JupyterDecoder"),
    "msgpack": ("message_pack", "MessagePackDecoder"),
    "phoenix": ("phoenix", "PhoenixDecoder"),
    "signalr": ("signalr", "SignalrDecoder"),
    "socket.io": ("socket_io", "SocketIoDecoder"),
    "sockjs": ("sockjs", "SockjsDecoder"),
    "sse": ("sse", "SseDecoder"),
    "stomp": ("stomp", "StompDecoder"),
}


# Those that need no look at what is installed, which takes as long as a start.
OUR_DECODERS = tuple(sorted(_OURS))


def decoder_names() -> list[str]:
    """All decoders that can be asked for. Looks through all installed packages: not to be called at a start."""
    return sorted({*_OURS, *(point.name for point in _added())})


@cache
def get_decoder(name: str) -> Decoder:
    """The decoder of that name. Raises UsageError."""
    if name in _OURS:
        module, kind = _OURS[name]
        decoder: Decoder = getattr(import_module(f"wsreplay.decode.{module}"), kind)()
        return decoder
    for point in _added():
        if point.name == name:
            return _load(point)
    close = difflib.get_close_matches(name, decoder_names(), 1)
    hint = f"; did you mean {close[0]}?" if close else f": there are {', '.join(decoder_names())}"
    raise UsageError(f"unknown decoder {name!r}{hint}")


def _added() -> EntryPoints:
    from importlib import metadata

    return metadata.entry_points(group=GROUP)


def _load(point: EntryPoint) -> Decoder:
    try:
        make: Callable[[], Decoder] = point.load()
        return make()
    except Exception as error:  # another package's code: whatever it raises, the user can only be told
        raise UsageError(f"the decoder {point.name!r} of {point.value} cannot be loaded: {error}") from error
