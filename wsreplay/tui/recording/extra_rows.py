"""Rows that are no frames and stand between them.

What never came, a fault that wsreplay injected, a note left at a time; and of a frame with several events each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsreplay.decode import Event
from wsreplay.model import FIN, Fault, Frame, Mark
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.tui.recording.decoded_heads import document_text
from wsreplay.tui.recording.evidence import GhostRow, known_at, moment

MOST_FAULTS = 10_000  # placed and shown; all are counted
MOST_NOTES = 1_000


class FaultRow(NamedTuple):
    """The place of an injected fault: before the frame `before_id`, or after all where that frame does not exist."""

    before_id: int
    fault: Fault


class NoteRow(NamedTuple):
    """The place of a mark that is on no frame: before the frame `before_id`, or after all where that frame does not exist."""

    before_id: int
    mark: Mark


class EventRow(NamedTuple):
    """One of the events of a frame, which stand below it: before the frame `before_id`."""

    before_id: int
    frame: Frame
    event: Event


class OwedRow(NamedTuple):
    """What ends an open span and is still due: it stands at the end of what has come. Times in ns; `at_ns` is now."""

    span_id: str
    start_frame: int
    name: str
    types: tuple[str, ...]
    until_ns: int
    at_ns: int


PlacedRow = FaultRow | NoteRow
InsertedRow = GhostRow | PlacedRow | EventRow
"""What stands between two frames."""
ExtraRow = InsertedRow | OwedRow


def when(item: ExtraRow) -> int:
    """When it stands, ns."""
    if isinstance(item, OwedRow):
        return item.until_ns
    return moment(item.finding) if isinstance(item, GhostRow) else item[1].t_ns


def known_since(item: InsertedRow) -> int:
    """When it could first be known, ns."""
    return known_at(item.finding) if isinstance(item, GhostRow) else item[1].t_ns


def in_order(items: Iterable[InsertedRow]) -> list[InsertedRow]:
    return sorted(items, key=lambda item: (item.before_id, not isinstance(item, EventRow), when(item)))


def event_rows(reader: Recording, reading: FrameReading, frame_id: int) -> tuple[EventRow, ...]:
    """The events of a frame. Raises the errors of the RecordingError family."""
    frame = reader.frame(frame_id)
    reading.read_from(reader)
    return tuple(EventRow(frame_id + 1, frame, event) for event in reading.events(frame) if event.name)


def place_rows(reader: Recording) -> list[PlacedRow]:
    """The first faults and notes of a recording, each before the first frame that came after it."""
    notes = [mark for mark in reader.marks() if mark.frame_id is None][:MOST_NOTES]
    return [
        *(FaultRow(_before(reader, fault), fault) for fault in reader.faults(limit=MOST_FAULTS)),
        *(NoteRow(paging.first_at(reader, mark.t_ns), mark) for mark in notes),
    ]


def _before(reader: Recording, fault: Fault) -> int:
    at = paging.first_at(reader, fault.t_ns)
    return at if fault.frame_id is None else max(at, fault.frame_id + 1)


def is_same(first: ExtraRow, second: ExtraRow) -> bool:
    """The same finding, fault or note, wherever it stands by now and whatever the note says."""
    if isinstance(first, NoteRow) and isinstance(second, NoteRow):
        return first.mark.t_ns == second.mark.t_ns
    if isinstance(first, EventRow) and isinstance(second, EventRow):
        return first.event.number == second.event.number
    return first[:2] == second[:2] if isinstance(first, OwedRow) else first[1] == second[1]


def said(ghost: GhostRow) -> tuple[int, str]:
    """(severity, rule) of a ghost, as a filter asks for them."""
    return ("info", "warning", "error").index(ghost.finding.severity), ghost.finding.rule


def extra_id(number: int) -> int:
    """The id that one of these rows has for a filter: none that a frame has."""
    return -1 - number


def as_frame(item: InsertedRow, number: int) -> Frame:
    """A ghost as the frame it should have been, a fault or a note as one without a type, for a filter to judge."""
    if isinstance(item, NoteRow):
        return Frame(extra_id(number), 0, 0, item.mark.t_ns, 1, 1, 1, 0, 0, None, item.mark.note.encode())
    if isinstance(item, EventRow):
        document = document_text(item.event)
        return item.frame._replace(id=extra_id(number), opcode=1, flags=FIN, type=item.event.name, payload=document)
    if isinstance(item, FaultRow):
        fault = item.fault
        connection, direction = fault.connection_id or 0, fault.direction or 0
        return Frame(extra_id(number), connection, 0, fault.t_ns, direction, 1, 1, 0, 0, None, b"{}")
    finding = item.finding
    expected = finding.expected[0] if finding.expected else None
    connection = finding.connection or 0
    return Frame(extra_id(number), connection, 0, finding.at_ns or 0, 1, 1, 1, 0, 0, expected, b"{}")
