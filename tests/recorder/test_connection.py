from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import rawpeers

from recordings import checked
from wsreplay.recorder.protocol import Closing, Hello, Record, RecordKind
from wsreplay.recorder.recorder import Recorder

LIMIT = 100_000
HUGE = 3_000_000


class Sink:
    """A recorder with one connection, which commits behind each chunk."""

    def __init__(self, path: Path, **hello: object) -> None:
        self._hello = Hello(str(path), "ws://u", "ws://l", "2026-11-20T10:00:00Z", "1", "00" * 32, max_payload=LIMIT, **hello)
        self.recorder = Recorder(self._hello)
        self._hello = msgspec.structs.replace(self._hello, run_id=self.recorder.run_id)
        self.take(RecordKind.OPEN, b"127.0.0.1:2\n" + rawpeers.request("/x"))
        self.take(RecordKind.ACCEPT, rawpeers.accept())

    def take(self, kind: RecordKind, body: bytes, direction: int = 0) -> None:
        self.recorder.apply(Record(kind, direction, 1, 1, body))
        self.recorder.flush()
        self.recorder.writer.commit()

    def die(self) -> None:
        self.recorder.writer.abandon()
        self.recorder = Recorder(self._hello)

    def close(self) -> None:
        self.take(RecordKind.CLOSE, msgspec.json.encode(Closing("client")))
        self.recorder.end(clean=True)
        self.recorder.writer.commit()
        self.recorder.writer.close()

    def tail_bytes(self) -> int:
        return self.recorder.writer.query("SELECT coalesce(sum(length(bytes)), 0) FROM tail")[0][0]  # type: ignore[no-any-return]


def pieces(data: bytes, size: int = 50_000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("dies", [False, True])
def test_of_a_frame_over_the_limit_only_the_head_is_ever_written(tmp_path: Path, dies: bool) -> None:
    sink = Sink(tmp_path / "a.db")
    payload = b"0123456789" * (HUGE // 10)
    sent = rawpeers.frame(1, b"before") + rawpeers.frame(2, payload) + rawpeers.frame(1, b"behind")
    for number, piece in enumerate(pieces(sent)):
        sink.take(RecordKind.CHUNK, piece)
        assert sink.tail_bytes() <= LIMIT + 14
        if dies and number % 9 == 8:
            sink.die()
    sink.close()
    assert (tmp_path / "a.db").stat().st_size < 5 * LIMIT + 200_000
    recorded = checked(tmp_path / "a.db")
    stream = recorded.stream(1, 0)
    assert [frame.payload for frame in stream.frames] == [b"before", payload[:LIMIT], b"behind"]
    assert (stream.end, stream.tail) == (len(sent), b"")
    assert [(gap.reason, gap.bytes, gap.after_frame_id) for gap in recorded.gaps] == [("payload cut", HUGE - LIMIT, 2)]
    assert str(recorded.connections[0].ending) == "dropped"


@pytest.mark.parametrize("dies", [False, True])
def test_a_message_over_the_limit_in_fragments_goes_on_where_it_was(tmp_path: Path, dies: bool) -> None:
    sink = Sink(tmp_path / "a.db")
    parts = [rawpeers.frame(0 if number else 1, b"x" * 30_000, fin=number == 9) for number in range(10)]
    for part in parts:
        for piece in pieces(part, 20_000):
            sink.take(RecordKind.CHUNK, piece)
            if dies:
                sink.die()
    sink.take(RecordKind.CHUNK, rawpeers.frame(1, b"behind"))
    sink.close()
    recorded = checked(tmp_path / "a.db")
    sizes = [len(frame.payload) for frame in recorded.stream(1, 0).frames]
    assert sizes == [30_000] * 3 + [10_000] + [0] * 6 + [6]
    assert sum(gap.bytes for gap in recorded.gaps if gap.reason == "payload cut") == 200_000
    assert str(recorded.connections[0].ending) == "dropped", "the restored scanner knows that a message is in progress"


def test_what_comes_behind_a_long_control_frame_inside_a_message_is_kept_again(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "a.db")
    ping = rawpeers.frame(9, b"p" * HUGE)
    sink.take(RecordKind.CHUNK, rawpeers.frame(1, b"frag", fin=False) + ping[:-5])
    sink.take(RecordKind.CHUNK, ping[-5:] + rawpeers.frame(0, b"ment", fin=False))
    sink.die()
    sink.take(RecordKind.CHUNK, rawpeers.frame(0, b"ed"))
    sink.close()
    frames = checked(tmp_path / "a.db").stream(1, 0).frames
    assert [(frame.opcode, len(frame.payload)) for frame in frames] == [(1, 4), (9, LIMIT), (0, 4), (0, 2)]


def test_a_frame_that_never_ends_leaves_its_bytes(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "a.db")
    whole, half = rawpeers.frame(1, b"whole", fin=False), rawpeers.frame(0, b"never whole")[:9]
    sink.take(RecordKind.CHUNK, whole + half[:4])
    sink.take(RecordKind.CHUNK, half[4:])
    sink.close()
    recorded = checked(tmp_path / "a.db")
    assert [frame.payload for frame in recorded.stream(1, 0).frames] == [b"whole"]
    assert recorded.stream(1, 0).tail == half
    assert [(gap.reason, gap.bytes) for gap in recorded.gaps] == [("unfinished", len(half))]


def test_what_is_malformed_stays_raw_up_to_the_limit(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "a.db")
    nonsense = b"\x82\xff" + b"\xff" * 8 + b"n" * HUGE
    for number, piece in enumerate(pieces(nonsense)):
        sink.take(RecordKind.CHUNK, piece)
        if number == 20:
            sink.die()
    sink.close()
    recorded = checked(tmp_path / "a.db")
    assert recorded.stream(1, 0).tail == nonsense[:LIMIT]
    assert recorded.gaps[0].bytes == len(nonsense)
    assert "64 bits" in recorded.gaps[0].reason
    connection = recorded.connections[0]
    assert str(connection.ending) == "malformed"
    assert connection.error is not None
    assert connection.error.startswith("client: the frame at byte 0 has a length of 64 bits")


def test_a_close_frame_inside_an_unfinished_message_counts(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "a.db")
    sink.take(RecordKind.CHUNK, rawpeers.frame(1, b"never finished", fin=False) + rawpeers.frame(8, b"\x03\xe9gone"))
    sink.take(RecordKind.CHUNK, rawpeers.frame(8, b"\x03\xe9", mask=None), 1)
    sink.close()
    connection = checked(tmp_path / "a.db").connections[0]
    assert (str(connection.ending), connection.close_code) == ("clean", 1001)
