from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsreplay.errors import CorruptRecording, NewerSchema, NotARecording, RecordingClosed, RecordingError, UsageError
from wsreplay.model import FIN, Connection, Ending, Session
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

Make = Callable[..., Writer]


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """The folder as a file system that nobody can write to, root neither."""
    done = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if done.returncode == 0:
        done = subprocess.run(["mount", "-o", "remount,ro,bind", folder], capture_output=True, check=False)
        try:
            if done.returncode == 0:
                yield folder
                return
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    folder.chmod(0o500)
    try:
        (folder / "probe").touch()
    except OSError:
        yield folder
    else:
        (folder / "probe").unlink()
        pytest.skip("no read-only folder can be made here")
    finally:
        folder.chmod(0o700)


def killed(writer: Writer, path: Path) -> Path:
    """The files as SIGKILL leaves them: copied while the writer has them open."""
    folder = path.parent / "killed"
    folder.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copyfile(path.parent / name, folder / name)
    writer.close()
    return folder / path.name


def test_a_growing_recording_is_read_as_it_grows(tmp_path: Path, make: Make) -> None:
    writer = make()
    held = lock.acquire(tmp_path / "a.db")
    with Recording.open(tmp_path / "a.db") as recording:
        assert recording.live
        assert [connection.ending for connection in recording.connections()] == [Ending.OPEN] * 2
        assert recording.last_id() == 10
        with recording.snapshot():
            assert recording.last_id() == 10
            writer.add_frames([(1, 99, 99, 0, 1, 1, 8, 99, None, b"more")])
            writer.commit()
            assert recording.last_id() == 10, "one state of the file for several queries"
        assert recording.last_id() == 11
        assert [frame.payload for frame in recording.frames(after_id=10)] == [b"more"]
        writer.close()
        held.release()
        assert not recording.live
        assert [connection.ending for connection in recording.connections()] == [Ending.TRUNCATED] * 2


def test_a_killed_recording_is_whole(tmp_path: Path, make: Make) -> None:
    path = killed(make(), tmp_path / "a.db")
    with Recording.open(path) as recording:
        assert recording.last_id() == 10
        assert not recording.live
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM frame").fetchone() == (10,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_session_of_a_killed_recorder_ends_with_its_last_frame(tmp_path: Path, make: Make) -> None:
    writer = make()
    writer.update_run(1, reached_ns=10**12)  # the recorder was alive long after the last frame
    writer.commit()
    held = lock.acquire(tmp_path / "a.db")
    with Recording.open(tmp_path / "a.db") as recording:
        sessions = [Session(connection.id, (connection,)) for connection in recording.connections()]
        last = {session.id: max(frame.t_ns for frame in recording.frames(connections=[session.id])) for session in sessions}
        assert [recording.end_ns(session) for session in sessions] == [10**12] * 2
        writer.close()
        held.release()
        assert {session.id: recording.end_ns(session) for session in sessions} == last
        closed = sessions[0].connections[0]._replace(closed_ns=5, ending=Ending.CLEAN)
        assert recording.end_ns(Session(1, (closed,))) == 5


def test_a_recording_that_was_copied_without_its_wal_is_told_as_that(tmp_path: Path, make: Make) -> None:
    path = killed(make(), tmp_path / "a.db")
    wal = Path(f"{path}-wal")
    wal.unlink()
    with pytest.raises(NotARecording, match=f"{path} contains nothing. If it is a copy, copy .*-wal"):
        Recording.open(path)


def test_a_part_that_was_copied_without_its_wal_is_shown_with_a_warning(tmp_path: Path, make: Make) -> None:
    writer = make()
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    writer.add_frames([(1, 99, 99, 0, 1, 1, 8, 99, None, b"only in the wal")])
    writer.commit()
    path = killed(writer, tmp_path / "a.db")
    with Recording.open(path) as recording:
        assert (recording.last_id(), recording.warning) == (11, None)
    Path(f"{path}-wal").unlink()
    Path(f"{path}-shm").unlink(missing_ok=True)
    with Recording.open(path) as recording:
        assert recording.last_id() == 10
        assert recording.warning == (
            f"{path} was not closed, and there is no {path.name}-wal next to it. If it is a copy, its last part is missing:"
            f" copy the {path.name}-wal of the original too"
        )


@pytest.mark.parametrize("state", ["closed", "killed", "in WAL mode without a WAL"])
def test_a_recording_in_a_read_only_folder_is_read_as_it_is(tmp_path: Path, make: Make, state: str) -> None:
    writer = make()
    if state == "killed":
        path = killed(writer, tmp_path / "a.db")
    else:
        writer.close()
        (tmp_path / "b").mkdir()
        path = tmp_path / "b" / "a.db"
        shutil.copyfile(tmp_path / "a.db", path)
        if state != "closed":
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA journal_mode = WAL")
    with read_only(path.parent):
        with Recording.open(path) as recording:
            assert recording.last_id() == 10
            assert recording.path == path
        assert len(list(path.parent.iterdir())) == 1 + (state == "killed")


def test_what_cannot_be_read_says_why(tmp_path: Path, make: Make) -> None:
    good = tmp_path / "a.db"
    make(frames=3000).close()
    whole = good.read_bytes()
    bad = {name: tmp_path / name for name in ("empty", "text", "other", "newer", "blank", "short", "torn", "tables")}
    bad["empty"].touch()
    bad["text"].write_text("SQLite it is not, but long enough to be")
    for name in ("other", "newer", "blank", "tables"):
        if name != "other":
            bad[name].write_bytes(whole)
        with closing(sqlite3.connect(bad[name], isolation_level=None)) as db:
            db.execute({"other": "CREATE TABLE x (y)", "newer": "PRAGMA user_version = 99", "blank": "PRAGMA user_version = 0",
                        "tables": "DROP TABLE frame"}[name])  # fmt: skip
    bad["short"].write_bytes(whole[:100])
    half = len(whole) // 2
    bad["torn"].write_bytes(whole[:half] + Random(1).randbytes(len(whole) - half))
    expected: dict[str, tuple[type[RecordingError], str]] = {
        "empty": (NotARecording, "nothing was recorded into it"), "text": (NotARecording, "not an SQLite file"),
        "other": (NotARecording, "another program"), "newer": (NewerSchema, "upgrade"),
        "blank": (CorruptRecording, "holds none"), "short": (RecordingError, "short"),
        "torn": (CorruptRecording, "damaged"), "tables": (CorruptRecording, "damaged"),
    }  # fmt: skip
    for name, (error, text) in expected.items():
        with pytest.raises(error, match=text) as raised, Recording.open(bad[name]) as recording:
            list(recording.frames())
            list(recording.tallies())
        assert str(bad[name]) in str(raised.value)
        assert raised.value.exit_code == 3
    with pytest.raises(UsageError, match="no such file"):
        Recording.open(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is a folder"):
        Recording.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE recording SET started_at = 'when' || char(27) || '[31m'", r"a row of recording: .*'when\\x1b"),
        ("UPDATE recording SET options = '{'", "a row of recording"),
        ("UPDATE connection SET ending = 'well'", "a row of connection: 'well'"),
        ("UPDATE connection SET request_headers = '[1]'", "a row of connection"),
        ("UPDATE connection SET path = x'1b5b'", "row 1 of connection"),
        ("UPDATE connection SET opened_ns = 'soon' WHERE id = 2", "row 2 of connection"),
        ("UPDATE recording SET start_ns = 'now'", "row 1 of recording"),
        ("UPDATE recording SET upstream = x'1b'", "row 1 of recording"),
        ("INSERT INTO mark VALUES (7, 'then', NULL, 'x')", "row 7 of mark"),
        ("INSERT INTO fault VALUES (3, 1, NULL, NULL, NULL, x'1b', '')", "row 3 of fault"),
    ],
)
def test_values_that_no_recorder_writes_are_damage(tmp_path: Path, make: Make, change: str, said: str) -> None:
    make().close()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as db:
        try:
            db.execute(change)
        except sqlite3.IntegrityError:
            pytest.skip("the schema refuses it already")
    with pytest.raises(CorruptRecording, match=said) as raised, Recording.open(tmp_path / "a.db") as recording:
        recording.runs()
        recording.connections()
    assert "\x1b" not in str(raised.value)


def test_a_pipe_is_refused_without_waiting_for_who_writes_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    with pytest.raises(UsageError, match="is a pipe or a device"):
        Recording.open(tmp_path / "pipe.db")


def test_reading_never_changes_the_file(tmp_path: Path, make: Make) -> None:
    make().close()
    before = (tmp_path / "a.db").read_bytes()
    with Recording.open(tmp_path / "a.db") as recording:
        list(recording.messages())
        with pytest.raises(RecordingError, match="readonly"):
            list(recording.query("DELETE FROM frame"))
    assert (tmp_path / "a.db").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_frames_are_found_by_connection_and_id(tmp_path: Path, make: Make) -> None:
    make(frames=2000).close()
    with Recording.open(tmp_path / "a.db") as recording:
        assert list(recording.frame_ids([2])) == list(range(2, 2001, 2))
        assert [frame.id for frame in recording.frames(connections=[1], after_id=1990)] == [1991, 1993, 1995, 1997, 1999]
        assert [frame.id for frame in recording.frames_by_id([5, 7, 10**6])] == [5, 7]
        assert recording.frame(3).seq == 2
        assert recording.type_counts([1]) == {"t": 1000}
        assert recording.tallies() == {1: (1000, 8000), 2: (1000, 8000)}
        with pytest.raises(UsageError, match="no frame 5000"):
            recording.frame(5000)
        with pytest.raises(UsageError, match="no connection 3"):
            recording.connection(3)


stretches = (
    st.lists(st.tuples(st.integers(1, 50), st.integers(3, 20)), min_size=1, max_size=7)
    .map(lambda found: {number for start, length in found for number in range(start, start + length)})
    .filter(lambda wanted: len(wanted) > 16)
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=stretches, after=st.integers(0, 300))
def test_rows_of_many_connections_are_those_of_a_scan(many: Path, wanted: set[int], after: int) -> None:
    with Recording.open(many) as recording:
        everything = [row for rows in recording.rows() for row in rows]
        some = [row for rows in recording.rows(after_id=after, connections=wanted) for row in rows]
    assert some == [row for row in everything if row[0] > after and row[2] >> 6 in wanted]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Six frames on each of fifty connections, in turn."""
    path = tmp_path / "many.db"
    writer = Writer(path)
    rows = [(id % 50 + 1, id // 50 + 1, id, id % 2, 1, FIN, 2, 0, None, b"{}") for id in range(300)]
    writer.add_frames(rows)
    writer.close()
    return path


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=8))
def test_what_changed_of_the_connections_is_enough_to_know_them_all(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("grows") / "a.db"
    held = lock.acquire(path)
    writer = Writer(path)
    run = {"started_at": "2026-11-20T10:00:00Z", "start_ns": 0, "upstream": "ws://u", "listen": "ws://l", "version": "1"}
    writer.insert_run(**run, options={})
    writer.commit()
    count, ended = 0, 0
    try:
        with Recording.open(path) as recording:
            known: dict[int, Connection] = {}
            for new, gone in steps:
                for _ in range(new):
                    count += 1
                    writer.insert_connection(Connection(count, 1, count, path="/ws", ending=Ending.OPEN))
                for _ in range(min(gone, count - ended)):
                    ended += 1
                    writer.update_connection(ended, closed_ns=count + 1, ending=str(Ending.CLEAN))
                writer.commit()
                changed = recording.changed_connections(known)
                assert all(known.get(one.id) != one for one in changed)
                known |= {one.id: one for one in changed}
                assert list(known.values()) == recording.connections()
                assert recording.changed_connections(known) == []
            held.release()  # the recorder is gone: what was open is cut off
            known |= {one.id: one for one in recording.changed_connections(known)}
            assert list(known.values()) == recording.connections()
    finally:
        writer.close()


def test_what_is_asked_of_a_closed_recording_is_answered_with_its_own_error(tmp_path: Path) -> None:
    Writer(tmp_path / "a.db").close()
    with Recording.open(tmp_path / "a.db") as recording:
        pass
    with pytest.raises(RecordingClosed, match=r"a\.db was closed"):
        recording.last_id()
