"""A frame says the same whichever were read before it."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest

from tests.decode.conftest import EXAMPLES
from tests.trace.test_links import choices_of
from tests.trace.test_reading import ANSWER, ASK, Said, recorded, text
from wsreplay.model import FIN
from wsreplay.store.reader import Recording
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.trace.links import Links
from wsreplay.trace.reading import Reading

PACKET = (1, 1, FIN, b'452-["files",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
STORIES: dict[str, list[Said]] = {
    **{name: [(*message[:2], FIN, message[2]) for message in messages] for name, messages in EXAMPLES.items()},
    "socket.io": [
        text('0{"sid":"x"}'), PACKET, (1, 2, FIN, b"a"), (1, 2, FIN, b"b"), text('421["c",{}]', 0), text('431["ok"]'),
    ],
    "socket.io, interrupted": [PACKET, (1, 2, FIN, b"a"), text('421["c",{}]', 0), text('431["ok"]'), PACKET, text("2")],
}


def linked(recording: Recording, decoder: str | None = None) -> FrameReading:
    reading = FrameReading(choices_of(recording, decoder), Links())
    reading.link(recording, recording.last_id())
    reading.read_from(recording)
    return reading


def in_pieces(said: Said) -> list[Said]:
    """The same message in three frames."""
    direction, opcode, flags, payload = said
    third = len(payload) // 3
    first, second, last = payload[:third], payload[third : 2 * third], payload[2 * third :]
    return [(direction, opcode, 0, first), (direction, 0, 0, second), (direction, 0, flags, last)]


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "in pieces"])
@pytest.mark.parametrize("decoder", sorted(STORIES))
def test_in_any_order_it_is_what_it_is_from_the_beginning(decoder: str, pieces: bool, tmp_path: Path) -> None:
    story = [piece for said in STORIES[decoder] for piece in (in_pieces(said) if pieces and decoder != "json" else [said])]
    with recorded(tmp_path / "a.db", story) as recording:
        decoder = decoder.partition(",")[0]
        before = Reading(recording, decoder)
        before.refresh(recording.connections())
        frames = list(recording.frames())
        wanted = {frame.id: (before.types(frame), before.documents(frame)) for frame in frames}
        reading = linked(recording, decoder)
        random.Random(1).shuffle(frames)
        assert {frame.id: (reading.types(frame), reading.documents(frame)) for frame in frames} == wanted


def test_an_answer_knows_its_request(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK, ANSWER]) as recording:
        (event,) = linked(recording).events(recording.frame(2))
        assert (event.name, event.request, event.id) == ("initialize:result", 1, "1")
        (event,) = FrameReading(choices_of(recording), Links()).events(recording.frame(2))
        assert (event.name, event.request) == ("result #1", None)


def test_it_can_be_handed_to_another_process(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", STORIES["socket.io"]) as recording:
        reading = pickle.loads(pickle.dumps(linked(recording)))
        assert reading.types(recording.frame(4)) == ("files",)
        assert reading.documents(recording.frame(4)) == ()  # nobody has said where the frames before it are
        reading.read_from(recording)
        assert len(reading.documents(recording.frame(4))) == 1
