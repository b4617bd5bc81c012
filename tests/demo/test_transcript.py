from __future__ import annotations

import json
from pathlib import Path

from tools.samples.transcript import SERVER, Resets, Transcript, Waits, client, close, record, server
from wsreplay.model import Ending, Opcode
from wsreplay.store.reader import Recording

TALK = (client(type="ping", n=1), server(type="pong"), client(type="ping", n=2), server(type="news"), server(type="pong"))


def sent(recording: Recording) -> list[tuple[int, dict[str, object]]]:
    return [(one.direction, json.loads(one.payload)) for one in recording.messages() if one.opcode == Opcode.TEXT]


async def test_a_transcript_is_what_goes_over_the_wire_in_its_order(tmp_path: Path) -> None:
    transcript = Transcript("any", "talk", "", (*TALK, close(4401, "go away", by=SERVER)), path="/x?y=1", subprotocol="chat.v1")
    await record(transcript, tmp_path / "talk.db")
    with Recording.open(tmp_path / "talk.db") as recording:
        (connection,) = recording.connections()
        assert sent(recording) == [(line.by, line.message) for line in TALK]
    assert (connection.path, connection.subprotocol) == ("/x?y=1", "chat.v1")
    assert (connection.ending, connection.closed_by, connection.close_code, connection.close_reason) == (
        Ending.CLEAN, "server", 4401, "go away"
    )  # fmt: skip


async def test_a_reset_ends_a_transcript_without_a_close_frame(tmp_path: Path) -> None:
    await record(Transcript("any", "cut", "", (*TALK, Waits(0.2), Resets())), tmp_path / "cut.db")
    with Recording.open(tmp_path / "cut.db") as recording:
        (connection,) = recording.connections()
        assert len(sent(recording)) == len(TALK)
    assert (connection.ending, connection.closed_by) == (Ending.DROPPED, "server")
    assert connection.closed_ns is not None
    assert connection.closed_ns - connection.opened_ns >= 200_000_000
