"""The messages of one connection without what a redactor hides, read by the decoder that they show to need.

A decoder is chosen as when a recording is looked at, with every message anew as long as too few have come to be sure. What no
decoder reads, and what cannot be written again, is withheld.
"""

from __future__ import annotations

from wsreplay.decode import TEXT, CannotEncode, Choice, Decoder, Part, RawMessage, choose, get_decoder
from wsreplay.decode.detect import LOOKED_AT
from wsreplay.trace.payload_secrets import FIRST_MESSAGES
from wsreplay.trace.redaction import Redactor


class MessageRedactor:
    """Takes a connection's messages in their order."""

    def __init__(self, redactor: Redactor, path: str = "/", subprotocol: str | None = None) -> None:
        self._redactor, self._path, self._subprotocol = redactor, path, subprotocol
        # The first messages, and what they are read by; no more of them once that is sure.
        self._seen: list[RawMessage] = []
        self._choice: Choice | None = None
        # How many messages the client has sent.
        self._sent = 0

    def accept(self, subprotocol: str | None) -> None:
        """The server has chosen a subprotocol."""
        self._subprotocol = subprotocol

    def hide(self, message: RawMessage) -> bytes | None:
        """A whole message without its secrets; None where it must be withheld."""
        is_first = message.direction == 0 and self._sent < FIRST_MESSAGES
        self._sent += message.direction == 0
        decoder = self._decoder(message)
        parts = decoder.parse(*message)
        if self._redactor.fields:
            shown = self._without_fields(message, decoder, parts)
            if shown is None:
                return None
            message = message._replace(payload=shown)
        return self._without_looks(message, decoder, parts, is_first=is_first)

    def _decoder(self, message: RawMessage) -> Decoder:
        if self._choice is None or (self._choice.guessed and len(self._seen) < LOOKED_AT):
            self._seen.append(message)
            self._choice = choose(self._path, self._subprotocol, self._seen)
        return get_decoder(self._choice.name)

    def _without_fields(self, message: RawMessage, decoder: Decoder, parts: list[Part]) -> bytes | None:
        redactor, payload = self._redactor, message.payload
        is_plain = decoder.name == "json" and len(parts) <= 1 and message.opcode == TEXT
        if is_plain or not parts or redactor.hides_everything:
            return redactor.payload(payload) if message.opcode == TEXT else None
        documents = [part.document for part in parts]
        try:
            hidden = [redactor.hide_fields(document) for document in documents]
            if not any(hidden) and not redactor.may_be_hidden(payload):
                return payload
            return decoder.encode(message.direction, message.opcode, payload, documents)
        except (CannotEncode, TypeError):  # the latter: a value that JSON does not have is to be hidden
            return None

    def _without_looks(
        self, message: RawMessage, decoder: Decoder, parts: list[Part], *, is_first: bool
    ) -> bytes | None:
        looks, payload = self._redactor.looks, message.payload
        if looks is None:
            return payload
        if not parts or _is_text(payload):
            return looks.hide(payload, is_first=is_first)
        documents = [part.document for part in decoder.parse(*message)]
        shown = [looks.hide_in(document, is_first=is_first) for document in documents]
        if any(new is not old for new, old in zip(shown, documents, strict=True)):
            try:
                payload = decoder.encode(message.direction, message.opcode, payload, shown)
            except CannotEncode:
                return None
        return None if looks.has_shape(payload) else payload


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
