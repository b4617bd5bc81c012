"""Each connection has a decoder, each frame its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings import begin_run
from wsreplay.errors import UsageError
from wsreplay.formats.import_file import import_file
from wsreplay.model import FIN, Connection, Frame
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace import filter as filters
from wsreplay.trace.reading import MessageReading, Reading

CASES = Path(__file__).parents[1] / "decode" / "cases"

Said = tuple[int, int, int, bytes]
"""Direction, opcode, flags, payload."""


def text(payload: str, direction: int = 1) -> Said:
    return direction, 1, FIN, payload.encode()


@contextmanager
def recorded(path: Path, *connections: list[Said], handshake: tuple[str, str | None] = ("/ws", None)) -> Iterator[Recording]:
    """A recording of some connections, each with its messages, one connection after the other."""
    writer = Writer(path)
    run_id = begin_run(writer)
    for id, frames in enumerate(connections, 1):
        writer.insert_connection(Connection(id, run_id, 0, path=handshake[0], subprotocol=handshake[1], status=101))
        writer.add_frames(
            (id, seq, seq, direction, opcode, flags, len(payload), 0, None, payload)
            for seq, (direction, opcode, flags, payload) in enumerate(frames, 1)
        )
    writer.close()
    with Recording.open(path) as recording:
        yield recording


def read(recording: Recording, decoder: str | None = None) -> tuple[Reading, list[tuple[str, ...]]]:
    reading = Reading(recording, decoder)
    reading.refresh(recording.connections())
    return reading, [reading.types(frame) for frame in recording.frames()]


ASK = text('{"jsonrpc":"2.0","id":1,"method":"initialize"}', 0)
ANSWER = text('{"jsonrpc":"2.0","id":1,"result":{}}')


def test_each_connection_has_its_own_decoder(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [text('0{"sid":"x"}'), text('42["agent_started",{}]')], [ASK, ANSWER]) as recording:
        reading, types = read(recording)
        assert [reading.choice(id).name for id in (1, 2)] == ["socket.io", "json-rpc"]
        assert types == [("engine.open",), ("agent_started",), ("initialize",), ("initialize:result",)]


def test_answers_do_not_cross_connections(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK], [text('{"jsonrpc":"2.0","method":"x"}'), ANSWER]) as recording:
        assert read(recording)[1][-1] == ("result #1",)


def test_the_named_decoder_reads_everything(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [text('["1","1","room:a","say",{}]')]) as recording:
        assert read(recording, "json")[1] == [()]
        reading, types = read(recording, "phoenix")
        assert types == [("say",)]
        assert (reading.choice(1).name, reading.choice(1).reason) == ("phoenix", "as asked")
        with pytest.raises(UsageError, match="unknown decoder 'phenix'; did you mean phoenix"):
            Reading(recording, "phenix")


def test_a_message_in_fragments_is_read_at_its_last_frame(tmp_path: Path) -> None:
    frames = [(1, 1, 0, b'{"type":'), (1, 9, FIN, b"ping"), (1, 0, 0, b'"agent_'), (1, 0, FIN, b'started"}')]
    with recorded(tmp_path / "a.db", frames) as recording:
        assert read(recording)[1] == [(), (), (), ("agent_started",)]


def test_a_frame_that_is_asked_for_twice_is_read_once(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK, ANSWER]) as recording:
        reading = Reading(recording)
        reading.refresh(recording.connections())
        for frame in recording.frames():
            assert reading.types(frame) == reading.types(frame)


def test_a_connection_that_has_said_too_little_is_looked_at_again(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK, ANSWER]) as recording:
        reading = Reading(recording)
        empty = Connection(9, 1, 0, status=101)
        reading.refresh([empty])
        assert (reading.choice(9).name, reading.choice(9).guessed) == ("json", True)
        reading.refresh([*recording.connections(), empty])
        assert reading.choice(1).name == "json-rpc"


def test_what_says_more_is_read_by_another_decoder_from_then_on(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.db")
    connection = Connection(1, begin_run(writer), 0, path="/ws", status=101)
    writer.insert_connection(connection)
    writer.add_frames([(1, 1, 1, 0, 9, FIN, 5, 0, None, b"hello")])
    writer.commit()
    with Recording.open(tmp_path / "a.db") as recording:
        reading = Reading(recording)
        reading.refresh([connection])
        assert (reading.choice(1).name, [reading.types(frame) for frame in recording.frames()]) == ("json", [()])
        writer.add_frames([(1, 2, 2, *ASK[:3], len(ASK[3]), 5, None, ASK[3])])
        writer.commit()
        reading.refresh([connection])
        assert (reading.choice(1).name, [reading.types(frame) for frame in recording.frames()]) == (
            "json-rpc", [(), ("initialize",)],
        )  # fmt: skip
    writer.close()


def test_large_first_messages_are_left_out_of_the_look(tmp_path: Path) -> None:
    large = text('{"jsonrpc":"2.0","method":"' + "x" * 2**20 + '"}')
    with recorded(tmp_path / "a.db", [large, ASK]) as recording:
        assert read(recording)[0].choice(1).name == "json-rpc"


QUESTIONS = ("type:agent_*", "!type:agent_*", "type:a*", '$.thread_id="t"', "thread:t", "!thread:t", "type:a dir:s2c")
plain = st.sampled_from(['{"type":"agent_started","thread_id":"t"}', '{"type":"b"}', '[{"type":"agent_a"},{"type":"b"}]', "x"])
packets = st.sampled_from(['42["agent_started",{"thread_id":"t"}]', '42["b",{}]', "2", "x"])


@settings(max_examples=20)
@given(one=st.lists(plain, max_size=4), other=st.lists(packets, max_size=4), question=st.sampled_from(QUESTIONS))
def test_the_condition_for_the_store_lets_every_match_through(
    tmp_path_factory: pytest.TempPathFactory, one: list[str], other: list[str], question: str
) -> None:
    from wsreplay.store import paging

    path = tmp_path_factory.mktemp("reading") / "a.db"
    with recorded(path, [text(words) for words in one], [text('0{"sid":"x"}'), *map(text, other)]) as recording:
        reading = Reading(recording)
        reading.refresh(recording.connections())
        context = filters.Context.of(recording, reader=reading)
        chosen = filters.parse(question)
        matches = chosen.predicate(context)

        def ids(frames: Iterator[Frame]) -> list[int]:
            return [frame.id for frame in frames if matches(frame)]

        everything = ids(recording.frames())
        assert ids(paging.frames_where(recording, 1, recording.last_id(), chosen.where(context))) == everything


@pytest.mark.parametrize(
    ("case", "types"),
    [
        ("socketio", ["engine.open", *["socket.connect"] * 2, "chat", "agent_started", "engine.ping", "engine.pong"]),
        ("rpc", ["initialize", "initialize:result"]),
        ("signalr", ["handshake", "handshake:result", "Send", "ping"]),
        ("phoenix", ["phx_join", "phx_reply", "new_msg"]),
        ("batch", ["agent_started", "agent_thinking"]),
        ("json_in_binary_frames", ["chat", "agent_started", "agent_thinking", "tool_executing", "agent_completed"]),
        ("lone_surrogate", ["agent_started", "agent_thinking", "agent_comp\ud83d"]),
    ],
)
def test_the_events_of_a_protocol_are_named(tmp_path: Path, case: str, types: list[str]) -> None:
    with (CASES / f"{case}.jsonl").open("rb") as source:
        import_file(source, tmp_path / "a.db")
    with Recording.open(tmp_path / "a.db") as recording:
        assert [name for names in read(recording)[1] for name in names] == types


def test_each_event_of_a_recording_is_a_message(tmp_path: Path) -> None:
    """One that is its message as it stands keeps its frame; what is no event is there as it was sent."""
    batch = text('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]', 0)
    ping, close = (1, 9, FIN, b"?"), (0, 8, FIN, b"\x03\xe8")
    with recorded(tmp_path / "a.db", [ASK, ANSWER, batch, ping, close], [text('{"type":"x"}'), text("plain")]) as recording:
        reading = MessageReading(recording)
        assert reading.untold() == {1, 2}
        assert [decoder.name for decoder in reading.decoders()] == ["json", "json-rpc"]
        events = [(event.connection_id, event.direction, event.opcode, event.type) for event in reading.messages()]
        assert events == [
            (1, 0, 1, "initialize"), (1, 1, 1, "initialize:result"), (1, 0, 1, "a"), (1, 0, 1, "b"), (1, 1, 9, None),
            (1, 0, 8, None), (2, 1, 1, "x"), (2, 1, 1, None),
        ]  # fmt: skip
        documents = [json.loads(event.payload) for event in reading.messages([1]) if event.opcode == 1]
        assert [document.get("id") for document in documents] == [1, 1, None, None]
        assert {event.connection_id for event in reading.messages([2])} == {2}


def test_heartbeats_of_a_protocol_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    beats = [text('0{"sid":"x"}'), text("2"), text("3", 0), text('42["agent_started",{}]')]
    with recorded(tmp_path / "a.db", beats, [text('{"type":"ping"}'), text('{"type":"x"}')]) as recording:
        reading = MessageReading(recording)
        assert [event.type for event in reading.messages(heartbeats=False)] == ["engine.open", "agent_started", "ping", "x"]
        assert len(list(reading.messages())) == 6


def test_what_is_decoded_is_what_the_recorder_has_not_named(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [text('{"type":"a"}')], [ASK, ANSWER]) as recording:
        connections = recording.connections()
        for hints, decoded in ((True, {2}), (False, {1, 2})):
            reading = Reading(recording, hints=hints)
            reading.refresh(connections)
            assert reading.decoded == decoded
            assert {connection.id for connection in connections if reading.is_decoded(connection.id)} == decoded


def test_an_event_is_as_large_as_the_messages_that_were_sent_for_it(tmp_path: Path) -> None:
    spaced = text('{ "jsonrpc": "2.0", "id": 1, "method": "a" }', 0)
    batch = '[{"jsonrpc":"2.0","method":"long_name"}, {"jsonrpc":"2.0","method":"b"}]'
    with recorded(tmp_path / "a.db", [spaced, text(batch)]) as recording:
        (first, size), *rest = MessageReading(recording, "json-rpc").sized_messages()
    assert (first.type, size) == ("a", len(spaced[3]))
    assert [event.type for event, _ in rest] == ["long_name", "b"]
    assert sum(share for _, share in rest) == len(batch)
    assert rest[0][1] > rest[1][1]


def test_attachments_count_to_the_size_of_their_event(tmp_path: Path) -> None:
    sent = [text('0{"sid":"x"}'), text('451-["upload", {"_placeholder":true,"num":0}]'), (1, 2, FIN, bytes(1000))]
    with recorded(tmp_path / "a.db", sent) as recording:
        sizes = {event.type: size for event, size in MessageReading(recording, "socket.io").sized_messages()}
    assert sizes["upload"] == len(sent[1][3]) + 1000
