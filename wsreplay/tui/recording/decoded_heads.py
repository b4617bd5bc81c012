"""Frames of a list as their decoders read them: a page begins anywhere, so an answer is named by its id, not by its request."""

from __future__ import annotations

from collections.abc import Sequence

from wsreplay.decode import PLAIN_DOCUMENTS, Part, get_decoder, values
from wsreplay.display import hex_text
from wsreplay.model import FIN, Opcode
from wsreplay.store.paging import PREVIEW_BYTES, Head
from wsreplay.store.reader import Recording
from wsreplay.trace.choices import Choices

LONGEST_READ = 64 * 2**10  # bytes of a payload that is read for its row


def decode_heads(reader: Recording, choices: Choices, heads: Sequence[Head]) -> list[Head]:
    """The same with the type and the document of the event that each holds; `name ×3` where it holds several.

    Raises the errors of the RecordingError family.
    """
    wanted = [head for head in heads if _is_unread(head, choices)]
    longer = [head.id for head in wanted if PREVIEW_BYTES < head.size <= LONGEST_READ]
    payloads = {frame.id: frame.payload for frame in reader.frames_by_id(longer)} if longer else {}
    read = {head.id: _decoded(head, choices, payloads.get(head.id, head.preview)) for head in wanted}
    return [read.get(head.id, head) for head in heads]


def _is_unread(head: Head, choices: Choices) -> bool:
    """Whether what the recorder noted does not tell what a message says."""
    if head.opcode not in (Opcode.TEXT, Opcode.BINARY) or not head.flags & FIN or head.size > LONGEST_READ:
        return False
    name = choices.name(head.connection_id)
    return name is not None and (head.type is None or name not in PLAIN_DOCUMENTS)


def _decoded(head: Head, choices: Choices, payload: bytes) -> Head:
    name = choices.name(head.connection_id)
    parts = get_decoder(name).parse(head.direction, head.opcode, payload) if name is not None else []
    named = [part for part in parts if part.type is not None or part.id is not None]
    if not named:
        return head
    several = f" ×{len(named)}" if len(named) > 1 else ""
    document = b"  ".join(map(_said, named)) if len(named) > 1 else _said(named[0])
    return head._replace(type=named[0].name + several, opcode=Opcode.TEXT, preview=document[:PREVIEW_BYTES])


def _said(part: Part) -> bytes:
    return b"" if part.document is None else values.write(part.document, unknown=hex_text)
