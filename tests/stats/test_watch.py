"""A recording is counted alike whether it is looked at once or while it grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsreplay.model import Ending
from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.statistics import collect
from wsreplay.validator.durations import tally_spans
from wsreplay.validator.findings import SpanRecord
from wsreplay.validator.judge import judge
from wsreplay.validator.select import select_contracts

SAMPLES = sorted((Path(__file__).parents[2] / "recordings" / "samples").glob("*.db"))


@pytest.mark.parametrize("path", SAMPLES[::6], ids=lambda path: path.stem)
def test_it_counts_what_statistics_and_verdict_count(path: Path) -> None:
    with RecordingWatch(path) as watch:
        assert watch.look() is False
        counts = watch.totals
    with Recording.open(path) as recording:
        contract = select_contracts(recording)[0]
        statistics, judgement = collect(recording), judge(recording, contract)
        assert {name: group.count for name, group in statistics.types.items()} == summed(counts)
        assert counts.frame_total == recording.last_id()
        assert counts.findings.total() == sum(finding.caused_by is None for finding in judgement.findings)
        assert {key: group.states for key, group in counts.spans.items()} == {
            key: group.states for key, group in tally_spans(recording, contract).items()
        }
        assert counts.runs.total() == sum(judgement.run_counts.values())


def summed(counts: RecordingTotals) -> dict[str, int]:
    types: dict[str, int] = {}
    for (_, name), number in counts.events.items():
        types[name] = types.get(name, 0) + number
    return types


def written_again(sample: Path, path: Path) -> Iterator[None]:
    """A sample is written once more, as a recorder writes it; after each row whoever iterates may look. It ends closed."""
    writer = Writer(path)
    with Recording.open(sample) as recording:
        (run,), connections, frames = recording.runs(), recording.connections(), list(recording.frames())
    run_id = writer.insert_run(
        started_at=run.started_at, start_ns=run.start_ns, upstream="", listen="", version="0", options={}
    )
    rows: list[tuple[int, int, Any]] = [(frame.t_ns, 1, frame) for frame in frames]
    rows += [(connection.opened_ns, 0, connection) for connection in connections]
    rows += [(connection.closed_ns, 2, connection) for connection in connections if connection.closed_ns is not None]
    for t_ns, kind, row in sorted(rows, key=lambda row: row[:2]):
        if kind == 0:
            writer.insert_connection(row._replace(ending=Ending.OPEN, closed_ns=None, closed_by=None, close_code=None))
        elif kind == 1:
            writer.add_frames([row[1:]])
        else:
            writer.update_connection(
                row.id, closed_ns=row.closed_ns, ending=str(row.ending), closed_by=row.closed_by, close_code=row.close_code
            )
        writer.update_run(run_id, reached_ns=t_ns)
        writer.commit()
        yield
    ended = run.reached_ns if run.ended_ns is None else run.ended_ns
    writer.update_run(run_id, reached_ns=ended, ended_ns=ended)
    writer.close()


@pytest.mark.parametrize("name", ["dropped-connection", "parallel-tools", "missing-event"])
def test_many_looks_count_what_one_look_counts(name: str, tmp_path: Path) -> None:
    """Looked at after each frame, as far as the recorder has come."""
    sample, path, ended = next(file for file in SAMPLES if file.stem == name), tmp_path / "growing.db", list[SpanRecord]()
    with RecordingWatch(sample) as whole:
        whole.look()
        expected = whole.totals
    held = lock.acquire(path)
    writing = written_again(sample, path)
    next(writing)
    with RecordingWatch(path, on_end=lambda record, root: ended.append(record)) as watch:
        assert watch.look() is True
        for _ in writing:
            assert watch.look() is True
            assert watch.totals.live == 1
        held.release()
        assert watch.look() is False
        counts = watch.totals
    assert (counts.frames, counts.events, counts.findings) == (expected.frames, expected.events, expected.findings)
    assert (counts.runs, counts.connections) == (expected.runs, expected.connections)
    closed = sum(group.states.total() for group in counts.spans.values())
    assert len(ended) == closed + counts.open_spans.total()
    assert counts.seconds.total() == counts.event_total
