"""Rows that are no frames and stand between them: what never came, a fault that wsreplay injected, a note left at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsreplay.model import Fault, Mark
from wsreplay.store import paging
from wsreplay.store.reader import Recording
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


PlacedRow = FaultRow | NoteRow
ExtraRow = GhostRow | PlacedRow


def when(item: ExtraRow) -> int:
    """When it stands, ns."""
    return moment(item.finding) if isinstance(item, GhostRow) else item[1].t_ns


def known_since(item: ExtraRow) -> int:
    """When it could first be known, ns."""
    return known_at(item.finding) if isinstance(item, GhostRow) else item[1].t_ns


def in_order(items: Iterable[ExtraRow]) -> list[ExtraRow]:
    return sorted(items, key=lambda item: (item.before_id, when(item)))


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
