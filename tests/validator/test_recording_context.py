"""What a recording says beside its messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import NS, Trace

from wsreplay.contract import loads
from wsreplay.model import Connection, Ending, Gap
from wsreplay.store.reader import Recording
from wsreplay.validator.recording_context import RecordingContext

CONTRACT = loads("contract: x\nrules: [{id: r, existence: b}]")


def two_connections() -> Trace:
    trace = Trace().open(1, "u1").open(2, "u2").s2c("a").s2c("a", connection=2).at(2).s2c("a").s2c("a", connection=2)
    return trace.at(5).close(1).close(2)


def context_of(folder: Path, *gaps: Gap) -> RecordingContext:
    with Recording.open(write_whole(folder / "gaps.db", two_connections(), *gaps)) as file:
        return RecordingContext.read(file, CONTRACT)


@pytest.mark.parametrize(
    ("reason", "cut", "lost"),
    [
        ("payload cut", True, False),
        ("payload cut: the recorder failed at it 3 times", True, False),
        ("withheld: no JSON", True, False),
        ("withheld: no JSON text", True, False),
        ("unfinished", False, False),
        ("withheld: unfinished", False, False),
        ("withheld: undecodable", False, True),
        ("frames lost", False, True),
    ],
)
def test_a_gap_is_a_cut_payload_or_missing_frames_or_nothing(tmp_path: Path, reason: str, cut: bool, lost: bool) -> None:
    context = context_of(tmp_path, Gap(1, 1, 3, reason, 10))
    assert context.cut_frames == ({3} if cut else set())
    assert context.losses == ({1: 2 * NS} if lost else {})


def test_frames_are_missing_since_the_first_gap_of_a_connection(tmp_path: Path) -> None:
    context = context_of(tmp_path, Gap(1, 1, 3, "lost", 1), Gap(1, 0, 1, "lost", 1), Gap(2, 1, 4, "lost", 1))
    assert context.losses == {1: 0, 2: 2_010_000_000}


def test_before_any_frame_they_are_missing_since_it_opened(tmp_path: Path) -> None:
    assert context_of(tmp_path, Gap(1, 1, 0, "lost", 1)).losses == {1: 0}


def test_some_connections_keep_the_numbers_of_their_sessions(tmp_path: Path) -> None:
    context = context_of(tmp_path).among({2})
    assert [connection.id for connection in context.connections] == [2]
    assert [item.session for item in context.lifecycle() if hasattr(item, "session")] == [2]


def test_what_is_settled_opened_before_the_first_that_is_not(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    assert context.unsettled_ns() is None
    first, second = (
        connection._replace(status=None, ending=Ending.OPEN, opened_ns=number * NS)
        for number, connection in enumerate(context.connections, 1)
    )
    later = RecordingContext([first, second], context.sessions, (), (), {}, frozenset(), 9 * NS)
    assert later.unsettled_ns() == NS
    settled = later.before(2 * NS)
    assert (settled.connections, settled.reached_ns) == ([first], 2 * NS)


def test_connections_that_were_refused_are_told_of() -> None:
    """No rule judges them, and yet nobody was served: many are counted."""
    connections = [
        Connection(number, 1, number * NS, number * NS, path="/ws", status=502, ending=Ending.REFUSED, error="nothing listens")
        for number in range(1, 8)
    ]
    context = RecordingContext(connections, (), (), (), {}, frozenset(), 0)
    assert context.refusals()[0] == "connection 1 was refused with status 502: nothing listens"
    assert context.refusals()[-1] == "and 2 more connections likewise"
    assert context.among({7}).refusals() == ["connection 7 was refused with status 502: nothing listens"]
