"""What a recording's gaps mean for its judgement."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import NS, Trace

from wsreplay.contract import loads
from wsreplay.model import Connection, Ending, Gap
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.sessions import stitch
from wsreplay.validator import judge
from wsreplay.validator.judge import rare_collection

CONTRACT = loads("contract: x\njson: {text: object}\nrules: [{id: r, existence: b}]")


def two_connections() -> Trace:
    trace = Trace().open(1, "u1").open(2, "u2").s2c("a").s2c("a", connection=2).at(2).s2c("a").s2c("a", connection=2)
    return trace.at(5).close(1).close(2)


def test_what_comes_behind_a_gap_is_inconclusive(tmp_path: Path):
    gaps = Gap(1, 1, 1, "payload cut", 10), Gap(2, 1, 2, "lost", 10)
    trace = Trace().open(1, "u1").open(2, "u2").raw(b'{"type": "a", "x').s2c("a", connection=2).at(5).close(1).close(2)
    with Recording.open(write_whole(tmp_path / "gaps.db", trace, *gaps)) as file:
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
    path = write_whole(tmp_path / "gaps.db", two_connections())
    writer = Writer(path)
    writer.insert_connection(Connection(9, 1, NS, NS, path="/ws", status=502, ending=Ending.REFUSED, error="nothing listens"))
    writer.close()
    with Recording(path) as reader:
        assert judge(reader, CONTRACT).notes[:1] == ("connection 9 was refused with status 502: nothing listens",)
