"""Which rows are no frames."""

from __future__ import annotations

from collections.abc import Sequence

from tests.tui.recording.conftest import FRAMES, MS, placed_items
from wsreplay.tui.recording.extra_rows import when
from wsreplay.tui.recording.view import View


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
