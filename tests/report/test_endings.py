"""Every report says of an ending what the recording says: who began it, and with which code."""

from __future__ import annotations

import pytest

from tests.report.conftest import CHAT, MS, Traces
from wsreplay.contract import load
from wsreplay.model import Connection, Ending
from wsreplay.report import FORMATS, FileResult, render
from wsreplay.store.reader import Recording
from wsreplay.validator import judge

HOW = "closed by the server (1011, overloaded)"


@pytest.mark.parametrize("format", FORMATS)
def test_a_run_that_the_server_cut_is_said_to_be_so_though_its_user_came_back(traces: Traces, format: str) -> None:
    connections = [
        Connection(
            1, 1, 0, 3_000 * MS, path="/ws", user="u1", status=101, ending=Ending.CLEAN, closed_by="server", close_code=1011,
            close_reason="overloaded",
        ),
        Connection(
            2, 1, 3_500 * MS, 9_000 * MS, path="/ws", user="u1", status=101, ending=Ending.CLEAN, closed_by="client",
            close_code=1000,
        ),
    ]  # fmt: skip
    events = [*CHAT[:3], (4_000, (2, {"type": "connection_ack"}))]
    path = str(traces.write("cut.db", events, connections=connections))
    with Recording.open(path) as recording:
        result = FileResult(path, judge(recording, load("agent-chat")))
    text = " ".join(render(format, [result], width=400).split())
    assert f"the connection was {HOW}; the client reconnected, but the run did not go on" in text
    assert "by the client (1" not in text
    if format in ("text", "html"):
        assert text.count(HOW) > 1  # the timeline says so, too
