"""Rows that are no frames and stand between them: an event that never came, a fault that wsreplay injected."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wsreplay.model import Fault
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.data.evidence import Ghost, known_at, moment

MOST_FAULTS = 10_000  # placed and shown; all are counted


class Injected(NamedTuple):
    """The place of an injected fault: before the frame `before_id`, or after all where that frame does not exist."""

    before_id: int
    fault: Fault


Between = Ghost | Injected


def when(item: Between) -> int:
    """When it stands, ns."""
    return item.fault.t_ns if isinstance(item, Injected) else moment(item.finding)


def _known_at(item: Between) -> int:
    """When it could first be known, ns."""
    return item.fault.t_ns if isinstance(item, Injected) else known_at(item.finding)


def in_order(items: Iterable[Between]) -> list[Between]:
    return sorted(items, key=lambda item: (item.before_id, when(item)))


def among(items: Sequence[Between], ids: Sequence[int], *, known_until: int | None = None) -> tuple[list[int], list[Between]]:
    """Which rows of a view the items take: the view's frames by `ids`, the items between them, both ascending."""
    rows: list[int] = []
    shown: list[Between] = []
    for item in items:
        if known_until is None or _known_at(item) <= known_until:
            rows.append(bisect_left(ids, item.before_id) + len(rows))
            shown.append(item)
    return rows, shown


def injected(reader: Recording) -> list[Injected]:
    """The first faults of a recording in the order of time, each before the first frame that came after it."""
    return [Injected(_before(reader, fault), fault) for fault in reader.faults(limit=MOST_FAULTS)]


def _before(reader: Recording, fault: Fault) -> int:
    at = paging.first_at(reader, fault.t_ns)
    return at if fault.frame_id is None else max(at, fault.frame_id + 1)
