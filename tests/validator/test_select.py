"""Which contract a recording is judged by where nobody names one: every committed sample by its own protocol's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from recordings import write_messages
from wsreplay.contract import builtin_names, load
from wsreplay.model import Connection
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.validator.select import await_contracts, select_common_contract, select_contract, select_contracts

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def name_of_fitting(path: Path) -> str | None:
    with Recording.open(path) as recording:
        found = select_contract(recording)
        assert select_contracts(recording) == [found or load("none")]
    return found.name if found else None


@pytest.fixture
def recorded(tmp_path):
    """`recorded(*events, subprotocol=…)` is a recording of these (direction, type) on one connection."""

    def write(*events: tuple[int, str], subprotocol: str | None = None) -> Path:
        writer = Writer(tmp_path / "made.db")
        run = writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="", options={})
        writer.insert_connection(Connection(1, run, 0, subprotocol=subprotocol))
        rows = [(1, number, number, direction, 1, 1, 9, 0, type_, b"{}") for number, (direction, type_) in enumerate(events, 1)]
        writer.add_frames(rows)
        writer.close()
        return tmp_path / "made.db"

    return write


@pytest.mark.parametrize("name", builtin_names())
def test_every_sample_fits_the_contract_of_its_own_protocol(name):
    paths = sorted(SAMPLES.glob("*.db" if name == "agent-chat" else f"{name}/*.db"))
    assert paths and {name_of_fitting(path) for path in paths} == {name}


def test_one_event_of_agent_chat_is_enough_whatever_else_was_recorded(recorded):
    path = recorded((1, "RUN_STARTED"), (1, "RUN_FINISHED"), (1, "agent_started"), subprotocol="graphql-transport-ws")
    assert name_of_fitting(path) == "agent-chat"


@pytest.mark.parametrize(
    ("types", "name"),
    [
        (("RUN_STARTED", "session.created", "conversation.item.created"), "openai-realtime"),
        (("session.created", "RUN_STARTED", "RUN_FINISHED"), "ag-ui"),
    ],
)
def test_of_several_protocols_it_is_the_one_that_knows_the_most_types(recorded, types, name):
    assert name_of_fitting(recorded(*((1, type_) for type_ in types))) == name


def test_what_several_protocols_know_decides_nothing(recorded):
    assert name_of_fitting(recorded((1, "connection_ack"), (0, "ping"), (1, "pong"))) is None


def test_a_contract_for_a_subprotocol_judges_only_where_it_was_negotiated(recorded):
    assert name_of_fitting(recorded((0, "connection_init"), (0, "subscribe"))) is None


def test_a_subprotocol_is_enough_where_nothing_was_said(recorded):
    assert name_of_fitting(recorded(subprotocol="graphql-transport-ws")) == "graphql-transport-ws"


def test_a_recording_that_grows_is_waited_for_until_it_shows_its_protocol(recorded):
    path = recorded((1, "connection_ack"))
    held = lock.acquire(path)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(await_contracts, path)
        try:
            assert not wait([waiting], 0.3).done
            with closing(Writer(path)) as writer:
                writer.add_frames([(1, 2, 2, 1, 1, 1, 9, 0, "RUN_STARTED", b"{}")])
            assert [one.name for one in waiting.result(30)] == ["ag-ui"]
        finally:
            held.release()


def test_a_recording_that_ends_without_showing_its_protocol_fits_none(recorded):
    assert [one.name for one in await_contracts(recorded((1, "connection_ack")))] == ["none"]


@pytest.mark.parametrize(
    ("events", "name"),
    [
        ([(0, "chat"), (1, "answer")], None),  # the server speaks otherwise
        ([(0, "chat")], "agent-chat"),
        ([(1, "response.created"), (1, "response.completed")], "openai-responses"),
        ([(1, "response.created"), (1, "response.done")], None),  # the Realtime API, or another
        ([(1, "session.created"), (1, "response.created")], "openai-realtime"),
    ],
)
def test_a_few_words_in_common_are_not_enough(recorded, events, name):
    assert name_of_fitting(recorded(*events)) == name


def test_a_name_always_wins(recorded):
    with Recording.open(recorded((1, "agent_started"))) as recording:
        assert [one.name for one in select_contracts(recording, ["ag-ui", "openai-realtime"])] == ["ag-ui", "openai-realtime"]


def test_a_decoder_that_is_named_tells_the_types(tmp_path):
    """What it is about shows in no type that was recorded, and by no look at the messages."""
    events = [{"method": "agent_started", "params": {}}, {"method": "agent_completed", "params": {}, "type": "RUN_STARTED"}]
    path = tmp_path / "made.db"
    write_messages(path, [(1, 1, json.dumps(event).encode()) for event in events])
    with Recording.open(path) as recording:
        assert [contract.name for contract in select_contracts(recording)] == ["ag-ui"]
        (contract,) = select_contracts(recording, decoder="json-rpc")
        assert (contract.name, contract.envelope.decoder) == ("agent-chat", "json-rpc")
    assert [contract.envelope.decoder for contract in await_contracts(path, ["ag-ui"], "json-rpc")] == ["json-rpc"]


def test_recordings_that_are_compared_have_the_first_contract_that_fits_any(recorded):
    with (
        Recording.open(SAMPLES / "ag-ui" / "good.db") as ag_ui,
        Recording.open(SAMPLES / "healthy.db") as chat,
        Recording.open(recorded((1, "x"))) as other,
    ):
        some = ((other, ag_ui, chat), (chat, ag_ui), (other,), ())
        names = [select_common_contract(*recordings).name for recordings in some]
    assert names == ["ag-ui", "agent-chat", "agent-chat", "agent-chat"]
