"""Traffic of real implementations, recorded through the proxy: graphql-ws 6.4.2 from npm, server and client."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged_traces import said

from wsreplay.contract import load
from wsreplay.formats.jsonl_import import import_lines
from wsreplay.store.reader import Recording
from wsreplay.validator import Judgement, Verdict, judge

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def judged(request: pytest.FixtureRequest, tmp_path: Path) -> Judgement:
    with (SAMPLES / f"{request.param}.jsonl").open("rb") as lines:
        import_lines(lines, tmp_path / "sample.db")
    with Recording.open(tmp_path / "sample.db") as recording:
        return judge(recording, load("graphql-transport-ws"))


@pytest.mark.parametrize("judged", ["graphql-ws-healthy"], indirect=True)
def test_what_graphql_ws_says_to_itself_is_clean(judged: Judgement) -> None:
    assert said(judged) == []
    assert (judged.verdict, judged.events, judged.sessions) == (Verdict.SATISFIED, 99, 3)
    assert judged.run_counts == {"cancelled": 3, "completed": 12, "failed": 3}


@pytest.mark.parametrize("judged", ["graphql-ws-misuse"], indirect=True)
def test_a_client_that_misuses_it_is_blamed_and_the_server_is_not(judged: Judgement) -> None:
    assert said(judged) == [
        "init-first: connection_init never came; subscribe came without it",
        "ack-before-subscribe: connection_ack never came; subscribe came without it",
        "one-init: connection_init came 2 times, at most 1 expected",
        "unknown: unknown type foo",
    ]
    assert {finding.blame for finding in judged.findings} == {"client"}
