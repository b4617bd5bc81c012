from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import msgspec
import rawpeers

from recordings import checked
from wsreplay.recorder.protocol import Hello, Record, RecordKind
from wsreplay.recorder.recorder import Recorder

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def hello(path: Path, started_at: str = "2026-11-20T10:00:00Z", **changes: object) -> Hello:
    return Hello(str(path), "ws://u", "ws://l", started_at, "1", "00" * 32, **changes)  # type: ignore[arg-type]


def take(
    recorder: Recorder, kind: RecordKind, body: bytes = b"", connection: int = 1, direction: int = 0, t_ns: int = 5
) -> None:
    recorder.apply(Record(kind, direction, connection, t_ns, body))


def commit(recorder: Recorder) -> None:
    recorder.flush()
    recorder.writer.commit()


def opened(recorder: Recorder, connection: int = 1, *answer: str) -> None:
    take(recorder, RecordKind.OPEN, b"127.0.0.1:2\n" + rawpeers.request(f"/{connection}"), connection)
    take(recorder, RecordKind.ACCEPT, rawpeers.accept(*answer), connection)


def test_a_run_after_a_crash_of_both_ends_what_was_open(tmp_path: Path) -> None:
    first = Recorder(hello(tmp_path / "a.db"))
    opened(first)
    data = rawpeers.frame(1, b"whole") + rawpeers.frame(1, b"frag", fin=False) + b"\x81"
    take(first, RecordKind.CHUNK, data, t_ns=7_000_000_000)
    commit(first)
    take(first, RecordKind.CHUNK, b"never committed")
    first.writer.abandon()
    second = Recorder(hello(tmp_path / "a.db", "2026-11-20T10:00:03Z"))
    assert (second.run_id, second.first_connection) == (2, 2)
    assert second.start_ns == 7_000_000_000, "three seconds later by the clock, but the first run has reached seven"
    opened(second, 2)
    commit(second)
    second.writer.abandon()
    third = Recorder(hello(tmp_path / "a.db", "2026-11-20T11:00:00Z"))
    assert third.start_ns == 3_600_000_000_000
    third.end(clean=True)
    third.writer.commit()
    third.writer.close()
    recorded = checked(tmp_path / "a.db")
    assert [str(connection.ending) for connection in recorded.connections] == ["truncated", "truncated"]
    assert [frame.payload for frame in recorded.stream(1, 0).frames] == [b"whole", b"frag"]
    assert recorded.stream(1, 0).tail == b"\x81"
    assert [(gap.reason, gap.bytes) for gap in recorded.gaps] == [("unfinished", 1)]


def test_sealed_tails_are_given_up_when_their_key_is_gone(tmp_path: Path) -> None:
    first = Recorder(hello(tmp_path / "a.db", redact=["$.password"]))
    opened(first)
    take(first, RecordKind.CHUNK, rawpeers.frame(1, b'{"password": "x"', fin=False))
    commit(first)
    first.writer.abandon()
    with sqlite3.connect(tmp_path / "a.db") as db:
        ((sealed,),) = db.execute("SELECT bytes FROM tail")
    db.close()
    assert len(sealed) == len(rawpeers.frame(1, b'{"password": "x"', fin=False))
    assert sealed != rawpeers.frame(1, b'{"password": "x"', fin=False)
    second = Recorder(hello(tmp_path / "a.db"))
    second.end(clean=True)
    second.writer.commit()
    second.writer.close()
    recorded = checked(tmp_path / "a.db")
    assert recorded.frames == 0
    assert [(gap.reason, gap.bytes) for gap in recorded.gaps] == [("withheld: unfinished, and its key is gone", len(sealed))]


def test_the_window_reaches_over_messages_that_were_not_compressed(tmp_path: Path) -> None:
    squeeze = zlib.compressobj(wbits=-15)

    def compressed(text: bytes) -> bytes:
        return rawpeers.frame(1, (squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)

    phrase = b"the quick brown fox jumps over the lazy dog"
    before = [compressed(phrase), *[rawpeers.frame(2, bytes([n]) * 20_000) for n in range(5)], rawpeers.frame(9, b"ping")]
    recorder = Recorder(hello(tmp_path / "a.db"))
    opened(recorder, 1, DEFLATE)
    take(recorder, RecordKind.CHUNK, b"".join(before))
    commit(recorder)
    recorder.writer.abandon()
    recorder = Recorder(hello(tmp_path / "a.db", run_id=1))
    again = compressed(phrase)
    assert len(again) < 20, "it refers to what came before"
    take(recorder, RecordKind.CHUNK, again)
    recorder.end(clean=True)
    recorder.writer.commit()
    recorder.writer.close()
    recorded = checked(tmp_path / "a.db")
    assert recorded.stream(1, 0).frames[-1].payload == phrase
    assert recorded.gaps == []


def test_a_lost_window_is_a_gap_and_told_once(tmp_path: Path) -> None:
    squeeze = zlib.compressobj(wbits=-15)

    def compressed(text: bytes) -> bytes:
        return rawpeers.frame(1, (squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)

    recorder = Recorder(hello(tmp_path / "a.db", max_payload=200))
    opened(recorder, 1, DEFLATE)
    take(recorder, RecordKind.CHUNK, compressed(b"more than is kept " * 100))
    for _ in range(3):
        commit(recorder)
        recorder.writer.abandon()
        recorder = Recorder(hello(tmp_path / "a.db", run_id=1, max_payload=200))
        take(recorder, RecordKind.CHUNK, compressed(b"short") + rawpeers.frame(1, b"as it is"))
    recorder.end(clean=True)
    recorder.writer.commit()
    recorder.writer.close()
    recorded = checked(tmp_path / "a.db")
    assert [frame.payload for frame in recorded.stream(1, 0).frames[1:]] == [b"", b"as it is"] * 3
    reasons = [gap.reason for gap in recorded.gaps]
    assert reasons.count("cannot be inflated from here: cut payloads do not hold the compression window") == 1
    assert str(recorded.connections[0].ending) == "truncated"
    assert recorded.connections[0].error is None, "the peers did nothing wrong"


def test_other_connections_do_not_delay_the_search(tmp_path: Path) -> None:
    recorder = Recorder(hello(tmp_path / "a.db"))
    for connection in (1, 2, 3):
        opened(recorder, connection)
    for number in range(300):
        take(recorder, RecordKind.CHUNK, rawpeers.frame(1, b"%d" % number), 1 + number % 2)
    commit(recorder)
    recorder.writer.abandon()
    recorder = Recorder(hello(tmp_path / "a.db", run_id=1))
    assert recorder.open_connections == 3
    for connection in (1, 2, 3):
        take(recorder, RecordKind.CHUNK, rawpeers.frame(1, b"again"), connection)
        take(recorder, RecordKind.CLOSE, msgspec.json.encode({"by": "client"}), connection)
    recorder.end(clean=True)
    recorder.writer.commit()
    recorder.writer.close()
    recorded = checked(tmp_path / "a.db")
    assert [len(recorded.stream(connection, 0).frames) for connection in (1, 2, 3)] == [151, 151, 1]
