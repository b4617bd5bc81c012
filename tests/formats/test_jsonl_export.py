"""Export, import, export: nothing is lost on the way, and a bad line is named by its number."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from example_count import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import default_wire_length, export
from wsreplay.formats.jsonl_import import import_lines
from wsreplay.model import FIN, MASKED, Connection, Ending
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.redaction import PREFIX

HEADER = b'{"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z", "upstream": "ws://x"}'

texts = st.text(max_size=12)
payloads = st.one_of(
    st.binary(max_size=40), texts.map(str.encode),
    st.sampled_from([b'{"type":"agent_started"}', b'{"type": 5}', b'{"type":"a","type":"b"}', b"", b"\xff\xfe"]),
)  # fmt: skip
times = st.integers(0, 10**18)


@st.composite
def recordings(draw: st.DrawFn) -> dict[str, Any]:
    """Rows of a recording that was closed."""
    connections = draw(st.integers(1, 3))
    rows = []
    moments = sorted(draw(st.lists(times, min_size=2, max_size=14)))
    for seq, t_ns in enumerate(moments, 1):
        flags = draw(st.integers(0, 31))
        rows.append((draw(st.integers(1, connections)), seq, t_ns, draw(st.integers(0, 1)), draw(st.integers(0, 15)), flags,
                     draw(payloads), draw(st.one_of(st.none(), texts))))  # fmt: skip
    end = st.tuples(st.sampled_from(Ending), st.none() | texts, st.none() | st.integers(1000, 4999))
    ends = draw(st.lists(end, min_size=connections, max_size=connections))
    notes = draw(st.lists(st.tuples(times, texts), max_size=2))
    return {"frames": rows, "ends": ends, "marks": notes, "first": moments[0], "last": moments[-1]}


def write(path: Path, plan: dict[str, Any]) -> None:
    writer = Writer(path)
    started_at = "2026-11-20T10:00:00Z"
    run = writer.insert_run(started_at=started_at, start_ns=0, upstream="ws://x", listen="ws://y", version="1", options={})
    writer.update_run(run, ended_ns=plan["last"], reached_ns=plan["last"])
    for id, (ending, reason, code) in enumerate(plan["ends"], 1):
        writer.insert_connection(
            Connection(
                id, run, plan["first"], plan["last"], peer="127.0.0.1:1", path="/ws", request_headers=(("A", "b"), ("A", "c")),
                status=101, user="u", ending=ending if ending is not Ending.OPEN else Ending.CLEAN, close_code=code,
                close_reason=reason, closed_by="server",
            )
        )  # fmt: skip
    seqs = {id: itertools.count(1) for id in range(1, 4)}
    offsets: dict[tuple[int, int], int] = {}
    for connection, _, t_ns, direction, opcode, flags, payload, kind in plan["frames"]:
        length = default_wire_length(len(payload), bool(flags & MASKED)) + (flags & FIN)
        offset = offsets.get((connection, direction), 0)
        offsets[connection, direction] = offset + length
        writer.add_frames([(connection, next(seqs[connection]), t_ns, direction, opcode, flags, length, offset, kind, payload)])
    for t_ns, note in plan["marks"]:
        writer.add_mark(t_ns, note)
    writer.add_gap(1, 0, 1, "payload cut", 5)
    writer.add_hold(1, 2)
    writer.add_fault(3, "latency", "100ms", 1, 1, 1)
    writer.close()


def exported(path: Path) -> list[bytes]:
    with Recording.open(path) as recording:
        return list(export(recording))


def everything(path: Path) -> list[Any]:
    with Recording.open(path) as recording:
        return [recording.runs(), recording.connections(), list(recording.frames()), recording.gaps(), recording.holds(),
                recording.marks(), recording.faults()]  # fmt: skip


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(recordings())
def test_import_of_an_export_gives_the_same_recording(plan: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.db"), Path(folder, "b.db")
        write(first, plan)
        import_lines(exported(first), second)
        assert everything(second) == everything(first)
        assert exported(second) == exported(first)


def imported(tmp_path: Path, *lines: bytes) -> Path:
    path = tmp_path / "imported.db"
    path.unlink(missing_ok=True)
    import_lines([HEADER, *lines], path, source="x.jsonl")
    return path


OPEN = b'{"connection": 1, "t": 0.0, "open": {"path": "/ws", "headers": {}, "subprotocol": null, "user": "u1"}}'


def test_the_smallest_lines_are_enough(tmp_path: Path) -> None:
    path = imported(
        tmp_path,
        OPEN,
        b'{"connection": 1, "t": 0.010, "dir": "s2c", "opcode": "text", "data": "{\\"type\\":\\"agent_started\\"}"}',
        b"",
        b'{"connection": 1, "t": 0.020, "dir": "c2s", "opcode": "binary", "base64": "AAEC"}',
        b'{"connection": 1, "t": 9.0, "close": {"by": "server", "code": 1000, "reason": ""}}',
    )
    with Recording.open(path) as recording:
        (connection,) = recording.connections()
        assert (connection.user, connection.status) == ("u1", 101)
        assert (connection.ending, connection.closed_ns) == (Ending.CLEAN, 9 * 10**9)
        first, second = recording.frames()
        assert (first.type, first.t_ns, first.flags, first.wire_length) == ("agent_started", 10_000_000, FIN, 26)
        assert (second.payload, second.flags, second.wire_length, second.offset) == (b"\0\1\2", FIN | MASKED, 9, 0)


def test_a_connection_without_a_close_is_truncated_at_the_last_time(tmp_path: Path) -> None:
    path = imported(tmp_path, OPEN, b'{"connection": 1, "t": 2.5, "dir": "s2c", "opcode": "ping"}')
    with Recording.open(path) as recording:
        (connection,) = recording.connections()
        assert (connection.ending, connection.closed_ns) == (Ending.TRUNCATED, 2_500_000_000)


def test_a_drop_is_no_clean_end(tmp_path: Path) -> None:
    path = imported(tmp_path, OPEN, b'{"connection": 1, "t": 1, "close": {"by": "drop"}}')
    with Recording.open(path) as recording:
        (connection,) = recording.connections()
        assert (connection.ending, connection.closed_by) == (Ending.DROPPED, None)


def test_secrets_are_redacted_on_the_way_in_and_only_once(tmp_path: Path) -> None:
    line = b'{"connection": 1, "t": 0, "open": {"path": "/ws?token=SECRET", "headers": {"Authorization": "Bearer SECRET"}}}'
    path = imported(tmp_path, line)
    assert b"SECRET" not in path.read_bytes()
    once = exported(path)
    assert PREFIX.encode() in once[1]
    again = tmp_path / "again.db"
    import_lines(once, again)
    assert exported(again) == once


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"hello\n", "not JSON"),
        (b"[]", "every line must be a JSON object"),
        (b'{"connection": 1, "t": 0}', "neither open, accept"),
        (b'{"connection": 9, "t": 0, "dir": "s2c", "opcode": "text"}', "connection 9 is not open"),
        (b'{"connection": 1, "t": -1, "dir": "s2c", "opcode": "text"}', "t must be a number of seconds"),
        (b'{"connection": 1, "t": "now", "dir": "s2c", "opcode": "text"}', "t must be a number of seconds"),
        (b'{"connection": 1, "t": 0, "dir": "up", "opcode": "text"}', "dir must be c2s or s2c"),
        (b'{"connection": 1, "t": 0, "dir": "s2c", "opcode": "txt"}', "opcode 'txt' is none of"),
        (b'{"connection": 1, "t": 0, "dir": "s2c", "opcode": "text", "data": 5}', "data must be a string"),
        (b'{"connection": 1, "t": 0, "dir": "s2c", "opcode": "text", "base64": "?"}', "base64"),
        (b'{"t": 0, "finding": {"contract": "a", "digest": "b", "body": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}}", "too deep"),
        (b'{"connection": 1, "t": 1234567.5, "a": ' + b"[" * 1000 + b"]" * 1000 + b"}", "too deep"),
        (b'{"connection": 1, "t": 0, "open": {}}', "connection 1 is opened twice"),
        (b'{"connection": 1, "t": 0, "close": {"ending": "sad"}}', "ending 'sad' is none of"),
        (b'{"connection": 2, "t": 0, "open": {"headers": [["a"]]}}', "headers must be pairs"),
        (b'{"wsreplay": 1}', "a second header"),
    ],
)
def test_a_bad_line_is_named(line: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match=rf"x\.jsonl:3: .*{says}"):
        imported(tmp_path, OPEN, line)


@pytest.mark.parametrize(
    ("lines", "says"),
    [([], "nothing to import"), ([b'{"a": 1}'], "1: not a wsreplay export: line 1 must be"),
     ([b'{"wsreplay": 7}'], "version 7")],
)
def test_what_is_no_exchange_file_is_said(lines: list[bytes], says: str, tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match=says):
        import_lines(lines, tmp_path / "x.db")


values = st.none() | st.integers(-(2**63), 2**64 - 1) | texts


@given(line=st.binary(max_size=80) | st.dictionaries(texts, values).map(orjson.dumps))
@settings(max_examples=examples(75), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_line_gives_a_recording_or_the_one_error(line: bytes, tmp_path: Path) -> None:
    try:
        imported(tmp_path, OPEN, line)
    except ImportFormatError as error:
        assert error.line == 3
