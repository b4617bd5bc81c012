"""What each connection is read by is asked again only as long as it can change."""

from __future__ import annotations

import time
from pathlib import Path

from recordings import begin_run
from wsreplay.model import FIN, Connection, Ending
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.decoder_choices import Choices

MANY = 1_000
LATER = 5  # times as fast, at least


def say(writer: Writer, connection_id: int, payload: bytes) -> None:
    writer.add_frames([(connection_id, 1, 1, 1, 1, FIN, len(payload), 0, None, payload)])


def test_a_connection_that_is_open_is_looked_at_again_when_it_says_more(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.db")
    run_id = begin_run(writer)
    writer.insert_connection(Connection(1, run_id, 0, path="/ws", status=101))
    writer.commit()
    choices = Choices()
    with Recording.open(writer.path) as recording:
        connections = [Connection(1, run_id, 0, path="/ws", status=101)]
        assert choices.refresh(recording, connections) == set() and choices.name(1) == "json"
        say(writer, 1, b'{"jsonrpc":"2.0","method":"log"}')
        writer.commit()
        assert choices.refresh(recording, connections) == {1} and choices.name(1) == "json-rpc"
        assert choices.refresh(recording, connections) == set()
    writer.close()


def test_connections_that_have_ended_cost_nothing_any_more(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.db")
    run_id = begin_run(writer)
    for id in range(1, MANY + 1):
        writer.insert_connection(Connection(id, run_id, 0, path="/ws", status=101))
        say(writer, id, b'{"type":"hello"}')
        writer.update_connection(id, closed_ns=9, ending=str(Ending.CLEAN))
    writer.close()
    choices = Choices()
    with Recording.open(writer.path) as recording:
        connections = recording.connections()
        took = []
        for _ in range(2):
            began = time.thread_time()
            assert choices.refresh(recording, connections) == set()
            took.append(time.thread_time() - began)
    assert set(choices.names().values()) == {"json"}
    assert took[1] * LATER < took[0]
