from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

Make = Callable[..., Writer]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (paging.BY_RANGE, (5, 50)), (paging.TIME_OF, (7,)), (paging.FIRST_OF, (1,)), (paging.LAST_OF, (1,)),
        (paging.PIECE_OF, (1, 10, 20)), (paging.by_ids(3), (1, 5, 9)),
    ],
)  # fmt: skip
def test_no_page_reads_the_whole_table_or_sorts_it(tmp_path: Path, make: Make, sql: str, parameters: tuple[int, ...]) -> None:
    make(frames=200).close()
    with Recording.open(tmp_path / "a.db") as recording:
        plan = [row[3] for row in recording.query(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert plan
    assert all(step.startswith("SEARCH frame USING") for step in plan), plan


@pytest.mark.parametrize("closed", [True, False])
def test_pages_are_the_same_with_and_without_the_index(tmp_path: Path, make: Make, closed: bool) -> None:
    writer = make(frames=200)
    if closed:
        writer.close()
    with Recording.open(tmp_path / "a.db") as recording:
        assert paging.is_indexed(recording) is closed
        ids = [id for piece in paging.ids_in_pieces(recording, [1], step=7) for id in piece]
        assert ids == list(range(1, 200, 2))
        assert [head.id for head in paging.heads(recording, ids[3:6])] == [7, 9, 11]
        assert paging.bounds(recording) == (1, 200)
        assert paging.frame_counts(recording, [1, 2]) == {1: 100, 2: 100}
        assert [paging.first_at(recording, t_ns) for t_ns in (0, 99, 10**9)] == [1, 100, 201]
    if not closed:
        writer.close()
