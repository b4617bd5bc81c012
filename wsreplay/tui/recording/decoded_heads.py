"""Frames of a list as their decoders read them."""

from __future__ import annotations

from collections.abc import Sequence

from wsreplay.decode import Event, values
from wsreplay.decode.json import may_be_lines
from wsreplay.display import hex_text
from wsreplay.model import FIN, Frame, Opcode
from wsreplay.store.paging import PREVIEW_BYTES, Head
from wsreplay.store.reader import Recording
from wsreplay.trace.frame_reading import FrameReading

LONGEST_READ = 64 * 2**10  # bytes of a payload that is read for its row


def decode_heads(reader: Recording, reading: FrameReading, heads: Sequence[Head]) -> list[Head]:
    """The same with the type and the document of the events that each holds, and how many those are.

    Raises the errors of the RecordingError family.
    """
    wanted = [head for head in heads if _is_unread(head, reading)]
    longer = [head.id for head in wanted if PREVIEW_BYTES < head.size <= LONGEST_READ]
    payloads = {frame.id: frame.payload for frame in reader.frames_by_id(longer)} if longer else {}
    reading.read_from(reader)
    decoded = {head.id: _decoded(head, reading, payloads.get(head.id, head.preview)) for head in wanted}
    return [decoded.get(head.id, head) for head in heads]


def _is_unread(head: Head, reading: FrameReading) -> bool:
    """Whether what the recorder noted does not tell what a message says."""
    if head.opcode > Opcode.BINARY or not head.flags & FIN or head.size > LONGEST_READ:
        return False
    return head.type is None or reading.is_decoded(head.connection_id) or may_be_lines(head.preview)


def _decoded(head: Head, reading: FrameReading, payload: bytes) -> Head:
    frame = Frame(
        head.id, head.connection_id, head.seq, head.t_ns, head.direction, head.opcode, head.flags, head.wire_length, 0,
        head.type, payload,
    )  # fmt: skip
    named = [event for event in reading.events(frame) if event.name]
    if not named:
        return head._replace(type=None) if reading.is_decoded(head.connection_id) else head
    document = b"  ".join(map(document_text, named))
    return head._replace(type=named[0].name, opcode=Opcode.TEXT, preview=document[:PREVIEW_BYTES], events=len(named))


def document_text(event: Event) -> bytes:
    """An event's document as JSON; empty where it has none."""
    return b"" if event.document is None else values.write(event.document, unknown=hex_text)
