from __future__ import annotations

from datetime import UTC, date
from pathlib import Path

import pytest
from named_users import CONTRACT, write_named

import wsreplay
from recordings import write_messages
from wsreplay.arrow import tables
from wsreplay.arrow.recordings import recordings_below
from wsreplay.arrow.tables import TABLES, TableSource, batches, table
from wsreplay.contract import loads
from wsreplay.errors import UsageError
from wsreplay.model import Opcode
from wsreplay.store.reader import Recording


@pytest.mark.parametrize("name", ["healthy", "leak", "old/ag ui?"])
def test_events_are_those_of_the_library(folder: Path, name: str) -> None:
    with wsreplay.open(folder / f"{name}.db") as recording:
        rows = recording.to_arrow().to_pylist()
        events = list(recording.events())
    columns = ("frame", "place", "t_ns", "session", "user", "direction", "type")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        (event.frame, event.place, event.t_ns, event.session, event.user, event.direction.short, event.type) for event in events
    ]
    assert rows[0]["time"].astimezone(UTC).date() == rows[0]["day"]


def test_what_a_verdict_holds_stands_in_the_tables(folder: Path) -> None:
    with wsreplay.open(folder / "missing-event.db") as recording:
        judgement = recording.validate()
        sessions, spans, findings = (recording.to_arrow(name).to_pylist() for name in ("sessions", "spans", "findings"))
    assert [(row["user"], row["verdict"], row["broken"]) for row in sessions] == [("alice", "violated", ["tool"])]
    assert [(row["id"], row["label"], row["state"], row["start_ns"]) for row in spans] == [
        (span.id, span.label, span.state, span.start_ns) for span in judgement.spans
    ]
    assert [(row["id"], row["rule"], tuple(row["frames"]), dict(row["slice"]), row["after_frame"]) for row in findings] == [
        (finding.id, finding.rule, finding.frames, dict(finding.slice), finding.after) for finding in judgement.findings
    ]
    assert {row["day"] for row in findings} == {date(2026, 11, 20)}


def test_batches_are_bounded_and_nothing_is_lost_between_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [f'{{"type":"a","n":{number}}}'.encode() for number in range(25)]
    write_messages(tmp_path / "many.db", [(1, Opcode.TEXT, payload) for payload in payloads])
    monkeypatch.setattr(tables, "BATCH", 10)
    with Recording.open(tmp_path / "many.db") as recording:
        parts = list(batches(TABLES["frames"], TableSource(recording, "many")))
        assert [len(part) for part in parts] == [10, 10, 5]
        assert [payload.as_py() for part in parts for payload in part.column("payload")] == payloads
        monkeypatch.setattr(tables, "BATCH_BYTES", 40)
        assert max(len(part) for part in batches(TABLES["frames"], TableSource(recording, "many"))) <= 3


def test_a_recording_is_named_as_it_lies_in_its_folder(folder: Path) -> None:
    assert [name for _, name in recordings_below(folder)] == ["healthy", "leak", "missing-event", "old/ag ui?"]
    assert list(recordings_below(folder / "leak.db")) == [(folder / "leak.db", "leak")]


def test_there_is_no_other_table(folder: Path) -> None:
    says = r"no table 'event'; there are sessions"
    with wsreplay.open(folder / "leak.db") as recording, pytest.raises(UsageError, match=says):
        recording.to_arrow("event")


@pytest.mark.campaign
def test_a_table_becomes_a_frame_of_pandas(folder: Path) -> None:
    with wsreplay.open(folder / "leak.db") as recording:
        frame = recording.to_pandas("events")
    assert list(frame.groupby("user").size().items()) == [("alice", 8), ("alice-neighbour", 9)]


def test_sessions_have_the_numbers_that_the_contract_gives_them(tmp_path: Path) -> None:
    with Recording.open(write_named(tmp_path / "a.db")) as recording:
        source = TableSource(recording, "a", loads(CONTRACT))
        rows = {name: table(TABLES[name], [source]).to_pylist() for name in ("connections", "sessions", "findings", "events")}
    assert [(row["connection"], row["session"], row["user"]) for row in rows["connections"]] == [
        (1, 1, "mia"), (2, 2, "zoe"), (3, 2, "zoe")
    ]  # fmt: skip
    assert [(row["session"], row["user"], row["verdict"]) for row in rows["sessions"]] == [
        (1, "mia", "satisfied"), (2, "zoe", "violated")
    ]  # fmt: skip
    assert [(row["session"], row["user"]) for row in rows["findings"]] == [(2, "zoe")]
    assert {row["session"] for row in rows["events"] if row["connection"] == 3} == {2}
