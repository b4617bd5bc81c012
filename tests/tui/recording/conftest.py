"""A recording of two connections that take turns, a frame a millisecond."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recordings import begin_run
from wsreplay.model import Connection, Ending
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

FRAMES = 400
MS = 1_000_000


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    path = tmp_path_factory.mktemp("view") / "view.db"
    writer = Writer(path)
    run = begin_run(writer)
    for number in (1, 2):
        writer.insert_connection(Connection(number, run, 0, closed_ns=FRAMES * MS, ending=Ending.CLEAN))
    rows = [(1 + number % 2, number // 2 + 1, number * MS, 1, 1, 1, 10, 0, "x", b"{}") for number in range(FRAMES)]
    writer.add_frames(rows)
    writer.close()
    with Recording.open(path) as reader:
        yield reader
