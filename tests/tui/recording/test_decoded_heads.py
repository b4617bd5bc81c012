from __future__ import annotations

from pathlib import Path

import pytest

from tests.decode.conftest import EXAMPLES
from wsreplay.model import FIN, Connection
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.decoder_choices import Choices
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.trace.links import Links
from wsreplay.tui.recording.decoded_heads import decode_heads
from wsreplay.tui.recording.summary import name, summary


def shown(path: Path, decoder: str | None, *messages: tuple[int, int, bytes], linked: bool = False) -> list[tuple[str, str]]:
    """Name and summary of each message's row."""
    writer = Writer(path)
    run = writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="", options={})
    writer.insert_connection(Connection(1, run, 0))
    rows = [
        (1, number, number, direction, opcode, FIN, 9, 0, None, payload)
        for number, (direction, opcode, payload) in enumerate(messages, 1)
    ]
    writer.add_frames(rows)
    writer.close()
    with Recording.open(path) as reader:
        choices = Choices(decoder)
        choices.refresh(reader, reader.connections())
        reading = FrameReading(choices, Links())
        if linked:
            reading.link(reader, len(messages))
        heads = decode_heads(reader, reading, paging.heads(reader, range(1, len(messages) + 1)))
        return [(name(head), summary(head)) for head in heads]


@pytest.mark.parametrize("decoder", sorted(EXAMPLES))
def test_each_decoder_names_its_messages(decoder: str, tmp_path: Path) -> None:
    names = [named for named, _ in shown(tmp_path / "a.db", decoder, *EXAMPLES[decoder])]
    unnamed = [name for name in names if name in ("text", "binary")]  # at most one, of a type that nobody gave
    assert len(unnamed) < min(2, len(names))


def test_several_events_are_one_row_with_their_number(tmp_path: Path) -> None:
    (row,) = shown(tmp_path / "a.db", None, (1, 1, b'[{"type":"a","n":1},{"type":"b"},{"type":"c"}]'))
    assert row[0] == "a ×3" and '"n":1' in row[1]


@pytest.mark.parametrize(("linked", "named"), [(False, "result #7"), (True, "m:result")])
def test_an_answer_is_named_after_its_request_once_that_is_known(linked: bool, named: str, tmp_path: Path) -> None:
    request, answer = b'{"jsonrpc":"2.0","id":7,"method":"m"}', b'{"jsonrpc":"2.0","id":7,"result":1}'
    asked, answered = shown(tmp_path / "a.db", None, (0, 1, request), (1, 1, answer), linked=linked)
    assert (asked[0], answered[0]) == ("m", named)


def test_a_payload_longer_than_a_preview_is_read(tmp_path: Path) -> None:
    long = b'42["chat",{"text":"' + b"x" * 2_000 + b'"}]'
    rows = shown(tmp_path / "a.db", "socket.io", (1, 1, long))
    assert rows[0][0] == "chat"


def test_bytes_that_nothing_reads_are_hex_with_their_text(tmp_path: Path) -> None:
    rows = shown(tmp_path / "a.db", None, (1, 2, b"\x0a\x05hello\xff"), (1, 2, b"0"))
    assert [text for _, text in rows] == ["0a 05 68 65 6c 6c 6f ff  |..hello.|", "30  |0|"]
