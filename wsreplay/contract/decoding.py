"""Decoders as a contract has them: it says where types stand, and which lists are events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from wsreplay.contract.model import Contract, Envelope, Key
from wsreplay.contract.paths import Path
from wsreplay.decode import PLAIN, TEXT, Decoder, Heartbeat, Part, get_decoder, heartbeat_of, values
from wsreplay.decode.json import JsonDecoder
from wsreplay.store.reader import Recording
from wsreplay.trace import jsonpath
from wsreplay.trace.decoder_choices import Choices
from wsreplay.trace.filter.context import KeyReader, PathReader
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.trace.links import Links
from wsreplay.trace.reading import DecoderOf, MessageReading, Reading

TOP_TYPE = ("type",)


def reading_of(recording: Recording, contract: Contract | None = None, decoder: str | None = None) -> Reading:
    """A recording's events as a contract names their types: by this decoder, the contract's, or what each connection shows
    to need. Raises UsageError."""
    return Reading(recording, *_how(contract, decoder), hints=are_hints(contract))


def messages_of(recording: Recording, contract: Contract | None = None, decoder: str | None = None) -> MessageReading:
    """The same for whoever goes through all messages once."""
    return MessageReading(recording, *_how(contract, decoder), hints=are_hints(contract))


def frame_reading_of(choices: Choices, links: Links, contract: Contract | None = None) -> FrameReading:
    """The same for whoever reads frames in any order; `choices` are made by `choices_of`."""
    return FrameReading(choices, links, decoders_of(contract), hints=are_hints(contract))


def choices_of(contract: Contract | None = None, decoder: str | None = None) -> Choices:
    """Which decoder each connection is read by: this one, the contract's, or what it shows to need. Raises UsageError."""
    return Choices(_how(contract, decoder)[0])


def decoders_of(contract: Contract | None) -> DecoderOf:
    """Decoders by their names, as a contract has them. Can be pickled."""
    return partial(decoder_for, contract=contract)


def _how(contract: Contract | None, decoder: str | None) -> tuple[str | None, DecoderOf]:
    named = decoder or (contract.envelope.decoder if contract is not None else None)
    return named, decoders_of(contract)


def key_readers(contract: Contract | None) -> dict[str, KeyReader]:
    """What reads `thread` and `run` for filters, as far as the contract says where messages name them."""
    keys = {} if contract is None else contract.keys
    readers = {name: PathReader(tuple(_paths_of(keys[name]))) for name in ("thread", "run") if name in keys}
    return {name: reader for name, reader in readers.items() if reader.paths}


def _paths_of(key: Key) -> Iterator[jsonpath.Path]:
    """Where a key stands by paths of its own: what it takes from another key is that one's."""
    return (source.steps for source in key.sources if isinstance(source, Path))


def are_hints(contract: Contract | None) -> bool:
    """Whether the types that were recorded, those at the top of a message, are the contract's."""
    return contract is None or (contract.envelope.type.steps == TOP_TYPE and not contract.envelope.unpack)


def decoder_for(name: str, contract: Contract | None) -> Decoder:
    """The decoder of that name, reading types and lists of events where the contract says. Raises UsageError."""
    if contract is None:
        return get_decoder(name)
    return _decoder(name, contract.envelope, contract.has_number_types)


@lru_cache(maxsize=64)
def _decoder(name: str, envelope: Envelope, numbers: bool) -> Decoder:
    if name == PLAIN:
        return JsonDecoder(envelope.type.find, [path.find for path in envelope.unpack], numbers=numbers)
    decoder = get_decoder(name)
    return decoder if envelope.type.steps == TOP_TYPE else TypedDecoder(decoder, envelope)


class TypedDecoder:
    """Another decoder, whose types are what stands at a contract's path; its own where nothing does."""

    def __init__(self, decoder: Decoder, envelope: Envelope) -> None:
        self._decoder, self._path = decoder, envelope.type
        self.name, self.answer = decoder.name, decoder.answer

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        """The other decoder's parts, with the types of the contract."""
        return [self._typed(part) for part in self._decoder.parse(direction, opcode, payload)]

    def _typed(self, part: Part) -> Part:
        kind = values.text_of(self._path.find(part.document))
        return part if kind is None else part._replace(type=kind)

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """As the other decoder."""
        return heartbeat_of(self._decoder, direction, TEXT, payload)

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        """As the other decoder."""
        return self._decoder.encode(direction, opcode, payload, documents)
