"""Messages are read as a contract says: by its decoder, with types where it says they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from recordings import begin_run, new_recording
from wsreplay.contract import Contract, loads
from wsreplay.contract.decoding import are_hints, choices_of, decoder_for, frame_reading_of, messages_of, reading_of
from wsreplay.decode import TEXT, Part
from wsreplay.errors import UsageError
from wsreplay.model import FIN, Connection, Opcode
from wsreplay.store.reader import Recording
from wsreplay.trace.links import Links

KIND = loads("contract: x\nenvelope: {type: $.kind}")
SOCKETS = loads("contract: x\nenvelope: {type: $.kind, decoder: socket.io}")
SAID = b'{"type":"sent","kind":"begun"}'
EMITTED = b'42["sent",{"kind":"begun"}]'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One connection of plain JSON, one of Socket.IO."""
    with new_recording(tmp_path / "a.db") as writer:
        run = begin_run(writer)
        for id in (1, 2):
            writer.insert_connection(Connection(id, run, 0, path="/ws", status=101))
        for t, (id, type_, payload) in enumerate(((1, "sent", SAID), (2, None, b'0{"sid":"x"}'), (2, None, EMITTED))):
            writer.add_frames([(id, 1 + t // 2, t, 1, Opcode.TEXT, FIN, len(payload) + 2, 0, type_, payload)])
    return tmp_path / "a.db"


@pytest.mark.parametrize(
    ("contract", "types"),
    [
        (None, [("sent",), ("engine.open",), ("sent",)]),
        (loads("contract: x"), [("sent",), ("engine.open",), ("sent",)]),
        (KIND, [("begun",), ("engine.open",), ("begun",)]),
    ],
)
def test_types_stand_where_the_contract_says(contract: Contract | None, types: list[tuple[str]], path: Path) -> None:
    with Recording.open(path) as recording:
        reading = reading_of(recording, contract)
        reading.refresh(recording.connections())
        assert [reading.types(frame) for frame in recording.frames()] == types
        assert [message.type for message in messages_of(recording, contract).messages()] == [kind for kind, in types]


def test_one_decoder_reads_all_connections_where_it_is_named(path: Path) -> None:
    with Recording.open(path) as recording:
        for contract, named, read in ((SOCKETS, None, "socket.io"), (SOCKETS, "phoenix", "phoenix"), (None, "json", "json")):
            choices = choices_of(contract, named)
            choices.refresh(recording, recording.connections())
            assert [choices[id].name for id in (1, 2)] == [read] * 2
            reading = reading_of(recording, contract, named)
            assert [reading.choice(id).name for id in (1, 2) if not reading.refresh(recording.connections())] == [read] * 2
            assert [decoder.name for decoder in messages_of(recording, contract, named).decoders()] == [read]
    for of in (reading_of, messages_of):
        with Recording.open(path) as recording, pytest.raises(UsageError, match="unknown decoder"):
            of(recording, None, "nobodys")


def test_frames_are_read_in_any_order_as_the_contract_says(path: Path) -> None:
    with Recording.open(path) as recording:
        choices = choices_of(KIND)
        choices.refresh(recording, recording.connections())
        links = Links()
        for contract, name in ((KIND, "begun"), (None, "sent")):
            reading = frame_reading_of(choices, links, contract)
            frames = list(recording.frames())
            assert {event.name for frame in reversed(frames) for event in reading.events(frame)} >= {name}


def test_what_was_recorded_of_types_is_a_hint_only_where_the_contract_has_them_there() -> None:
    assert [are_hints(contract) for contract in (None, loads("contract: x"), KIND)] == [True, True, False]
    assert not are_hints(loads("contract: x\nmap: {unpack: $.events}"))


def test_a_decoder_whose_types_stand_elsewhere_writes_as_it_does_else() -> None:
    decoder = decoder_for("socket.io", KIND)
    (part,) = decoder.parse(1, TEXT, EMITTED)
    assert isinstance(part, Part) and part.type == "begun"
    (untyped,) = decoder.parse(1, TEXT, b'42["sent",{}]')
    assert untyped.type == "sent"
    document = decoder_for("socket.io", None).parse(1, TEXT, EMITTED.replace(b"begun", b"ended"))[0].document
    assert decoder.encode(1, TEXT, EMITTED, [document]) == EMITTED.replace(b"begun", b"ended")
    assert (decoder.name, decoder.answer) == ("socket.io", decoder_for("socket.io", None).answer)
