"""A recording of two connections that take turns, a frame a millisecond."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recordings import begin_run
from wsreplay.model import Connection, Ending, Fault
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import FaultRow
from wsreplay.validator.findings import Finding, Severity, Verdict

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


def finding(at: int, **values: object) -> Finding:
    facts = {"kind": "missing", "at_ns": at * MS, "decided_at": at * MS} | values
    return Finding("r", Verdict.VIOLATED, Severity.ERROR, f"at {at}", **facts)


def placed_items(places: list[int], *, known_after: int = 0) -> list[GhostRow | FaultRow]:
    """Ghosts and faults before the frames after these places; a ghost gets known so many ms after it was due."""
    return [
        FaultRow(place + 1, Fault(place, place * MS, None, None, None, "drop", "")) if number % 3 == 2 else
        GhostRow(place + 1, finding(place, decided_at=(place + known_after) * MS)) for number, place in enumerate(places)
    ]  # fmt: skip
