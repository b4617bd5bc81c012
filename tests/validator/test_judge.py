"""What a recording's gaps mean for its judgement."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from growing_files import Growing
from judged_traces import NS, Trace

from wsreplay.contract import loads
from wsreplay.model import Connection, Ending, Gap
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.sessions import stitch
from wsreplay.validator import judge
from wsreplay.validator.judge import cut_frames, losses, rare_collection, refusals

CONTRACT = loads("contract: x\njson: {text: object}\nrules: [{id: r, existence: b}]")


def recording(folder: Path, trace: Trace, *gaps: Gap) -> Path:
    file = Growing(folder / "gaps.db")
    for step in file.steps(trace):
        file.write(step)
    for gap in gaps:
        file.writer.add_gap(*gap)
    file.end(round((trace.now + 1) * NS))
    return folder / "gaps.db"


def two_connections() -> Trace:
    trace = Trace().open(1, "u1").open(2, "u2").s2c("a").s2c("a", connection=2).at(2).s2c("a").s2c("a", connection=2)
    return trace.at(5).close(1).close(2)


@pytest.mark.parametrize(
    ("reason", "cut", "lost"),
    [
        ("payload cut", True, False),
        ("withheld: no JSON", True, False),
        ("withheld: no JSON text", True, False),
        ("unfinished", False, False),
        ("withheld: unfinished", False, False),
        ("withheld: undecodable", False, True),
        ("frames lost", False, True),
    ],
)
def test_a_gap_is_a_cut_payload_or_missing_frames_or_nothing(tmp_path: Path, reason: str, cut: bool, lost: bool):
    gaps = [Gap(1, 1, 3, reason, 10)]
    assert cut_frames(gaps) == ({3} if cut else set())
    with Recording.open(recording(tmp_path, two_connections())) as file:
        assert losses(file, gaps, file.connections()) == ({1: 2 * NS} if lost else {})


def test_frames_are_missing_since_the_first_gap_of_a_connection(tmp_path: Path):
    gaps = [Gap(1, 1, 3, "lost", 1), Gap(1, 0, 1, "lost", 1), Gap(2, 1, 4, "lost", 1), Gap(9, 1, 1, "lost", 1)]
    with Recording.open(recording(tmp_path, two_connections())) as file:
        connections = file.connections()
        assert losses(file, gaps, connections) == {1: 0, 2: 2_010_000_000}
        assert losses(file, gaps[2:], connections[:1]) == {}
        assert losses(file, [Gap(1, 1, 0, "lost", 1)], connections) == {1: 0}, "before any frame: since it opened"


def test_what_comes_behind_a_gap_is_inconclusive(tmp_path: Path):
    gaps = Gap(1, 1, 1, "payload cut", 10), Gap(2, 1, 2, "lost", 10)
    trace = Trace().open(1, "u1").open(2, "u2").raw(b'{"type": "a", "x').s2c("a", connection=2).at(5).close(1).close(2)
    with Recording.open(recording(tmp_path, trace, *gaps)) as file:
        found = judge(file, CONTRACT)
        alone = judge(file, CONTRACT, sessions=stitch(file.connections())[:1])
    assert [(finding.rule, finding.connection, finding.verdict) for finding in found.findings] == [
        ("json", 1, "inconclusive"), ("r", 1, "inconclusive"), ("r", 2, "inconclusive"),
    ]  # fmt: skip
    assert (alone.sessions, {finding.connection for finding in alone.findings}) == (1, {1})


def test_python_looks_for_cycles_as_often_as_before_when_all_is_judged():
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collection():
        assert gc.get_threshold()[0] > before[0]
        raise KeyError
    assert gc.get_threshold() == before
    first, second = rare_collection(), rare_collection()  # of two threads, say: the one that began first ends first
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] > before[0]
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_connections_that_were_refused_are_told_of(tmp_path: Path) -> None:
    """No rule judges them, and yet nobody was served: many are counted."""
    connections = [
        Connection(number, 1, number * NS, number * NS, path="/ws", status=502, ending=Ending.REFUSED, error="nothing listens")
        for number in range(1, 8)
    ]
    assert refusals(connections)[0] == "connection 1 was refused with status 502: nothing listens"
    assert refusals(connections)[-1] == "and 2 more connections likewise"
    assert refusals(connections, {7}) == ["connection 7 was refused with status 502: nothing listens"]
    path = recording(tmp_path, two_connections())
    writer = Writer(path)
    writer.insert_connection(connections[0]._replace(id=9))
    writer.close()
    with Recording(path) as reader:
        assert judge(reader, CONTRACT).notes[:1] == ("connection 9 was refused with status 502: nothing listens",)
