"""What a frame alone does not tell is gathered once, and goes on as a recording grows."""

from __future__ import annotations

import pickle
from pathlib import Path

from tests.trace.test_reading import ANSWER, ASK, recorded, text
from wsreplay.decode import get_decoder
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices
from wsreplay.trace.links import Link, Links


def choices_of(recording: Recording, decoder: str | None = None) -> Choices:
    choices = Choices(decoder)
    choices.refresh(recording, recording.connections())
    return choices


def test_an_answer_has_the_name_and_the_frame_of_its_request(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK, text('{"jsonrpc":"2.0","method":"log"}'), ANSWER]) as recording:
        links = Links()
        links.read_on(recording, choices_of(recording), get_decoder, 3)
        assert links.get(3) == Link(("initialize:result",), 3, 1)
        assert len(links) == 1 and links.get(1) is links.get(2) is None


def test_it_goes_on_where_it_was_left_in_another_process(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [ASK, ANSWER]) as recording:
        links = Links()
        links.read_on(recording, choices_of(recording), get_decoder, 1)
        assert links.until == 1 and not len(links)
        links = pickle.loads(pickle.dumps(links))
        links.read_on(recording, choices_of(recording), get_decoder, 2)
        assert links.get(2) == Link(("initialize:result",), 2, 1)


def test_plain_json_has_none(tmp_path: Path) -> None:
    with recorded(tmp_path / "a.db", [text('{"type":"a"}')] * 3) as recording:
        links = Links()
        links.read_on(recording, choices_of(recording), get_decoder, 3)
        assert links.until == 3 and not len(links)


def test_what_needs_several_frames_says_where_it_begins(tmp_path: Path) -> None:
    packet = text('451-["file",{"_placeholder":true,"num":0}]')
    pieces = [(1, 1, 0, b'42["chat"'), (1, 0, 1, b",{}]")]
    with recorded(tmp_path / "a.db", [text('0{"sid":"x"}'), packet, (1, 2, 1, b"bytes"), *pieces]) as recording:
        links = Links()
        links.read_on(recording, choices_of(recording), get_decoder, 5)
        assert [links.get(id) for id in (2, 3, 4, 5)] == [None, Link(("file",), 2, 0), None, Link(("chat",), 4, 0)]
