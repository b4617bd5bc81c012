"""Records in, rows out, with deaths of the recorder at any moment: in one process, so that many can be tried."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rawpeers
from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings import checked
from wsreplay.recorder.protocol import Closing, FaultNote, Hello, Record, RecordKind
from wsreplay.recorder.recorder import Recorder
from wsreplay.store.reader import Recording

MASKED = rawpeers.MASK
# Thousands of small files, none of which needs to reach a disk.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


def hello(path: Path, **changes: Any) -> Hello:
    return msgspec.structs.replace(
        Hello(str(path), "ws://u:p@example.org", "ws://127.0.0.1:1", "2026-11-20T10:00:00Z", "1", "00" * 32), **changes
    )


class Deaths:
    """A recorder that dies between two records, or between two commits, and is started again as the relay would do it."""

    def __init__(self, hello: Hello) -> None:
        self._hello = hello
        self.recorder = Recorder(hello)
        self._hello = msgspec.structs.replace(hello, run_id=self.recorder.run_id)
        self._records: list[Record] = []

    def apply(self, record: Record) -> None:
        self._records.append(record)
        self.recorder.apply(record)

    def meet(self, fate: str) -> None:
        """What happens behind a record: `go` on, `commit`, `die`."""
        if fate == "commit":
            self.commit()
        elif fate == "die":
            self.die()

    def commit(self) -> None:
        self.recorder.flush()
        self.recorder.writer.commit()

    def die(self) -> None:
        self.recorder.writer.abandon()
        self.recorder = Recorder(self._hello)
        for record in self._records[self.recorder.processed :]:
            self.recorder.apply(record)

    def close(self) -> None:
        self.recorder.end(clean=True)
        self.recorder.writer.commit()
        self.recorder.writer.close()


@dataclass(frozen=True)
class Sent:
    """A frame to send; `text` is repeated into its payload."""

    opcode: int
    text: bytes
    times: int
    fin: bool
    rsv: int
    compress: bool


frames = st.builds(
    Sent,
    opcode=st.sampled_from((0, 0, 1, 1, 1, 2, 8, 9, 10, 3, 11)),
    text=st.sampled_from((b"", b"a", b'{"type":"x","secret":"hush"}', b"\xff\x00", b"longer than it seems ")),
    times=st.sampled_from((1, 1, 1, 7, 40)),
    fin=st.sampled_from((True, True, False)),
    rsv=st.sampled_from((0, 0, 0, 0, 4, 2)),
    compress=st.booleans(),
)
legal = st.builds(
    Sent, opcode=st.sampled_from((1, 2)), text=st.binary(max_size=30), times=st.sampled_from((1, 5)), fin=st.just(True),
    rsv=st.just(0), compress=st.booleans(),
)  # fmt: skip


def stream(sent: list[Sent], direction: int, deflate: bool) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    out = b""
    for one in sent:
        payload, rsv = one.text * one.times, one.rsv
        if deflate and one.compress and one.fin and one.opcode in (1, 2):
            payload, rsv = (squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4], 4
        out += rawpeers.frame(one.opcode, payload, fin=one.fin, rsv=rsv, mask=None if direction else MASKED)
    return out


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        if at < len(data):
            yield data[at : at + size]
        at += size
    if at < len(data):
        yield data[at:]


def session(streams: tuple[bytes, bytes], sizes: list[int], extensions: str, *, close: bool) -> list[Record]:
    """The records of one connection; the chunks of both directions take turns."""
    accept = rawpeers.accept(*([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []))
    opening = Record(RecordKind.OPEN, 0, 1, 1, b"127.0.0.1:2\n" + rawpeers.request("/x"))
    records = [opening, Record(RecordKind.ACCEPT, 0, 1, 2, accept)]
    chunks = [list(cut(data, sizes)) for data in streams]
    for number in range(max(map(len, chunks), default=0)):
        records += [Record(RecordKind.CHUNK, direction, 1, 10 + number, of_one[number])
                    for direction, of_one in enumerate(chunks) if number < len(of_one)]  # fmt: skip
    if close:
        records.append(Record(RecordKind.CLOSE, 0, 1, 10_000, msgspec.json.encode(Closing("client"))))
    return records


def content(path: Path) -> dict[str, list[Any]]:
    checked(path)
    with Recording.open(path) as recording:
        return {
            "frames": list(recording.frames()),
            "gaps": [gap for gap in recording.gaps() if gap.bytes],
            "connections": recording.connections(),
            "tails": [tail[:3] + tail[4:] for tail in recording.tails()],
        }


def recorded(records: list[Record], fates: list[str], **changes: Any) -> dict[str, list[Any]]:
    """What a recording holds of these records; after each comes a fate: `go` on, `commit`, `die`."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "a.db"
        recorder = Deaths(hello(path, **changes))
        for number, record in enumerate(records):
            recorder.apply(record)
            recorder.meet(fates[number % len(fates)] if fates else "go")
        recorder.close()
        return content(path)


fates = st.lists(st.sampled_from(("go", "go", "commit", "commit", "die")), max_size=30)
sizes = st.lists(st.integers(1, 200), max_size=30)


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(frames, max_size=12), st.lists(frames, max_size=12), sizes, fates, st.booleans())
def test_deaths_change_nothing(
    client: list[Sent], server: list[Sent], sizes: list[int], fates: list[str], close: bool
) -> None:
    records = session((stream(client, 0, False), stream(server, 1, False)), sizes, "", close=close)
    assert recorded(records, fates) == recorded(records, [])


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(legal, max_size=20), st.lists(legal, max_size=20), sizes, fates, st.sampled_from((
    "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
)))  # fmt: skip
def test_deaths_change_nothing_where_messages_are_compressed(
    client: list[Sent], server: list[Sent], sizes: list[int], fates: list[str], extensions: str
) -> None:
    if "no_context" in extensions:
        client, server = client[:1], server[:1]
    records = session((stream(client, 0, True), stream(server, 1, True)), sizes, extensions, close=True)
    assert recorded(records, fates) == recorded(records, [])


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(frames, max_size=10), sizes, fates, st.booleans())
def test_deaths_change_nothing_where_messages_are_over_the_limit(
    client: list[Sent], sizes: list[int], fates: list[str], close: bool
) -> None:
    records = session((stream(client, 0, False), b""), sizes, "", close=close)
    one, other = recorded(records, fates, max_payload=125), recorded(records, [], max_payload=125)
    # Of a frame over the limit that never ended, more may be there raw.
    one.pop("tails"), other.pop("tails")
    assert one == other


def test_a_long_close_frame_inside_an_unfinished_message_may_be_committed_piece_by_piece() -> None:
    """Behind the limit only a note of how far the stream came is kept; what is kept again begins at that very offset."""
    client = rawpeers.frame(1, b"", fin=False) + 2 * rawpeers.frame(8, b"longer than it seems " * 40)
    records = session((client, b""), [50] * 40, "", close=True)
    expected = recorded(records, [], max_payload=125)
    assert recorded(records, ["commit"], max_payload=125) == expected
    assert recorded(records, ["commit", "die"], max_payload=125) == expected
    assert [(frame.opcode, len(frame.payload)) for frame in expected["frames"]] == [(1, 0), (8, 125), (8, 125)]


@pytest.mark.parametrize("dies", [False, True])
def test_a_fault_stands_at_the_last_frame_of_its_own_connection(tmp_path: Path, dies: bool) -> None:
    path = tmp_path / "a.db"
    recorder = Deaths(hello(path))
    accept = rawpeers.accept()
    for connection_id in (1, 2, 3):
        recorder.apply(Record(RecordKind.OPEN, 0, connection_id, 1, b"127.0.0.1:2\n" + rawpeers.request("/x")))
        recorder.apply(Record(RecordKind.ACCEPT, 0, connection_id, 2, accept))
    for connection_id in (1, 2):
        recorder.apply(Record(RecordKind.CHUNK, 1, connection_id, 3, rawpeers.frame(1, b"said", mask=None)))
    recorder.commit()
    if dies:
        recorder.die()
    note = msgspec.json.encode(FaultNote("latency", "100 ms"))
    for connection_id in (1, 2, 3, 0):
        recorder.apply(Record(RecordKind.FAULT, 1, connection_id, 4, note))
    recorder.close()
    with Recording.open(path) as recording:
        own = {frame.connection_id: frame.id for frame in recording.frames()}
        faults = [(fault.connection_id, fault.frame_id) for fault in recording.faults()]
    assert faults == [(1, own[1]), (2, own[2]), (3, None), (None, None)]


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(frames, max_size=12), st.lists(frames, max_size=12), sizes)
def test_whole_equals_byte_by_byte(client: list[Sent], server: list[Sent], sizes: list[int]) -> None:
    streams = stream(client, 0, True), stream(server, 1, True)
    for number, data in enumerate(streams):
        only = (data, b"") if number == 0 else (b"", data)
        whole, split, single = (
            recorded(session(only, how, "permessage-deflate", close=True), []) for how in ([], sizes, [1] * len(data))
        )
        assert whole["gaps"] == split["gaps"] == single["gaps"]
        without_times = [[frame._replace(t_ns=0) for frame in one["frames"]] for one in (whole, split, single)]
        assert without_times[0] == without_times[1] == without_times[2]


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=600), st.binary(max_size=600), sizes, fates, st.booleans())
def test_nothing_a_peer_sends_stops_the_recorder(
    client: bytes, server: bytes, sizes: list[int], fates: list[str], deflate: bool
) -> None:
    records = session((client, server), sizes, "permessage-deflate" if deflate else "", close=True)
    result = recorded(records, fates, max_payload=200)
    assert [connection.status for connection in result["connections"]] == [101]


@pytest.mark.parametrize("status", ["9" * 20, "9" * 5000, "1000", "99", "²²²", "-10", "1_0", "+10", ""])
def test_a_status_that_has_not_three_digits_is_none(status: str, tmp_path: Path) -> None:
    recorder = Recorder(hello(tmp_path / "a.db"))
    recorder.apply(Record(RecordKind.OPEN, 0, 1, 1, b"127.0.0.1:2\n" + rawpeers.request("/")))
    recorder.apply(Record(RecordKind.ACCEPT, 0, 1, 2, f"HTTP/1.1 {status} Fine\r\n\r\n".encode("latin-1")))
    recorder.end(clean=True)
    recorder.writer.close()
    assert [connection.status for connection in checked(tmp_path / "a.db").connections] == [0]


TEXTS = (
    '{"password": "hush-hush", "n": 1}', '{"n": 2}', "no JSON: hush-hush", '{"password": ["hush-hush"]}',
    '{"a": "\\u0068", "password": "hush-hush", "password": 1}',
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.sampled_from(TEXTS), max_size=8), st.booleans(), sizes, fates, st.booleans())
def test_no_death_lets_a_redacted_field_into_the_file(
    texts: list[str], fragmented: bool, sizes: list[int], fates: list[str], close: bool
) -> None:
    data = b""
    for text in texts:
        raw = text.encode()
        if fragmented:
            data += rawpeers.frame(1, raw[:9], fin=False, mask=None) + rawpeers.frame(0, raw[9:], mask=None)
        else:
            data += rawpeers.frame(1, raw, mask=None)
    data += rawpeers.frame(1, b'{"password": "hush-hush"', fin=False, mask=None) + b"\x00\x30hush-hush"
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "a.db"
        recorder = Deaths(hello(path, redact=["$.password"]))
        for number, record in enumerate(session((b"", data), sizes, "", close=close)):
            recorder.apply(record)
            recorder.meet(fates[number % len(fates)] if fates else "commit")
            assert not any(b"hush-hush" in file.read_bytes() for file in Path(folder).iterdir())
        recorder.close()
        assert b"hush-hush" not in path.read_bytes()
        with Recording.open(path) as recording:
            messages = [message.payload for message in recording.messages()]
            assert len(messages) == len(texts)
            withheld = sum("hush" in text and "password" not in text for text in texts)
            assert sum("be redacted" in gap.reason for gap in recording.gaps()) == withheld
            assert any(gap.reason == "withheld: unfinished" for gap in recording.gaps())
