"""Which rows are no frames."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.tui.recording.conftest import FRAMES, MS
from wsreplay.model import Fault
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import FaultRow, when
from wsreplay.tui.recording.view import View
from wsreplay.validator.findings import Finding, Severity, Verdict


class CountedIds(Sequence[int]):
    """Ids that count how often one of them is looked at."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids
        self.looks = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place):
        self.looks += 1
        return self._ids[place]


def finding(at: int, **values: object) -> Finding:
    facts = {"kind": "missing", "at_ns": at * MS, "decided_at": at * MS} | values
    return Finding("r", Verdict.VIOLATED, Severity.ERROR, f"at {at}", **facts)


ids = st.sets(st.integers(1, FRAMES), max_size=60).map(sorted) | st.just(range(1, FRAMES + 1))

places = st.lists(st.integers(0, FRAMES + 5), max_size=12).map(sorted)


def placed_items(places: list[int], *, known_after: int = 0) -> list[GhostRow | FaultRow]:
    """Ghosts and faults before the frames after these places; a ghost gets known so many ms after it was due."""
    return [
        FaultRow(place + 1, Fault(place, place * MS, None, None, None, "drop", "")) if number % 3 == 2 else
        GhostRow(place + 1, finding(place, decided_at=(place + known_after) * MS)) for number, place in enumerate(places)
    ]  # fmt: skip


def test_moving_the_horizon_looks_at_no_item_that_stays(reader, monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr("wsreplay.tui.recording.extra_rows.known_since", lambda item: asked.append(item) or when(item))
    items = placed_items(sorted(number % FRAMES for number in range(3000)))
    ids = CountedIds(range(1, FRAMES))
    view = View(reader, ids, items)
    view.set_horizon(0)
    ids.looks = 0
    for at in range(100):
        view.set_horizon(at * MS)
    assert len(asked) == len(items) and ids.looks < 100 * 2 * FRAMES.bit_length()
    grown = CountedIds(range(1, FRAMES + 1))
    view.set_ids(grown)
    assert grown.looks < 100  # only what stood at the end is placed anew
