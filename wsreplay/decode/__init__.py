"""What messages say: a decoder a protocol, chosen once per connection.

    message ─▶ Decoder.parse ─▶ parts ─▶ Linker ─▶ events

A decoder does no I/O and keeps no state; what needs a memory, such as the request of an answer, is the linker's.
"""

from wsreplay.decode.detect import Choice, choose
from wsreplay.decode.link import Event, Linker
from wsreplay.decode.part import (
    BINARY,
    TEXT,
    Answers,
    CannotEncode,
    Decoder,
    Heartbeat,
    Part,
    RawMessage,
    Role,
    Shortcut,
    heartbeat_of,
)
from wsreplay.decode.registry import OUR_DECODERS, PLAIN, PLAIN_DOCUMENTS, decoder_names, get_decoder

__all__ = [
    "BINARY",
    "OUR_DECODERS",
    "PLAIN",
    "PLAIN_DOCUMENTS",
    "TEXT",
    "Answers",
    "CannotEncode",
    "Choice",
    "Decoder",
    "Event",
    "Heartbeat",
    "Linker",
    "Part",
    "RawMessage",
    "Role",
    "Shortcut",
    "choose",
    "decoder_names",
    "get_decoder",
    "heartbeat_of",
]
