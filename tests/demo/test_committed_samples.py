"""The recordings in recordings/samples/: they are all there, their contracts say of them what the tables promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.samples.samples import SAMPLES, Sample, file_of
from tools.samples.transcript import Transcript
from wsreplay.contract import load
from wsreplay.model import Ending
from wsreplay.store.reader import Recording
from wsreplay.validator import Finding, Judgement, Severity, Verdict, judge

FOLDER = Path(__file__).parents[2] / "recordings" / "samples"
LARGEST = 60_000  # bytes
# Absolute paths as they are on Linux, macOS and Windows; a bearer token that is not redacted; an e-mail address.
PRIVATE = re.compile(rb"/(?:home|Users|root|tmp|var|private|mnt|opt|srv)/|[A-Z]:\\\\|eyJ[\w-]{8,}\.|[\w.]+@[\w-]+\.[a-z]{2,}")
DEMO_USERS = {None, "alice", "alice-neighbour"}


def name_of(sample: Sample) -> str:
    return file_of(sample, Path()).with_suffix("").as_posix()


each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=name_of)


def judged(sample: Sample) -> Judgement:
    with Recording.open(file_of(sample, FOLDER)) as recording:
        return judge(recording, load(sample.contract if isinstance(sample, Transcript) else "agent-chat"))


def roots(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings if finding.caused_by is None}


def test_the_folder_holds_the_samples_of_the_tables_and_nothing_else() -> None:
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == {file_of(sample, FOLDER) for sample in SAMPLES}


def test_each_contract_has_good_and_bad_samples() -> None:
    for contract in ("ag-ui", "graphql-transport-ws", "openai-realtime", "openai-responses"):
        names = {each.name: each.violates for each in SAMPLES if isinstance(each, Transcript) and each.contract == contract}
        good = {name for name, violates in names.items() if not violates}
        assert good == {name for name in names if name.startswith("good")}
        assert 0 < len(good) < len(names)


@each_sample
def test_the_contract_finds_what_the_table_promises(sample: Sample) -> None:
    judgement = judged(sample)
    consequences = frozenset() if isinstance(sample, Transcript) else sample.follows
    assert sample.violates <= roots(judgement.findings) <= sample.violates | consequences
    errors = [finding for finding in judgement.findings if finding.severity is Severity.ERROR]
    assert judgement.verdict is (Verdict.VIOLATED if errors else Verdict.SATISFIED)


@each_sample
def test_a_sample_is_whole_small_and_tells_nothing_of_where_it_was_made(sample: Sample) -> None:
    path = file_of(sample, FOLDER)
    content = path.read_bytes()
    assert len(content) <= LARGEST
    assert PRIVATE.findall(content) == []
    with Recording.open(path) as recording:
        connections, runs = recording.connections(), recording.runs()
        assert recording.gaps() == []
    assert {connection.ending for connection in connections} <= {Ending.CLEAN, Ending.DROPPED}
    assert {connection.user for connection in connections} <= DEMO_USERS
    assert [run.ended_ns is not None and "127.0.0.1" in run.upstream for run in runs] == [True]
