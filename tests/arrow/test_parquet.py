from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commandline import run

from wsreplay.arrow.parquet import LINES, export_parquet, import_parquet, recordings_in
from wsreplay.arrow.recordings import recordings_below
from wsreplay.arrow.tables import TABLES, TableSource
from wsreplay.errors import ImportFormatError
from wsreplay.formats.jsonl_export import export
from wsreplay.store.reader import Recording

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


def lines(path: Path) -> list[bytes]:
    with Recording.open(path) as recording:
        return list(export(recording))


@pytest.fixture
def lake(folder: Path, tmp_path: Path) -> Path:
    for path, name in recordings_below(folder):
        with Recording.open(path) as recording:
            export_parquet(TableSource(recording, name), tmp_path / "lake")
    return tmp_path / "lake"


ROUND = ["healthy", "dropped-connection", "broken-json", "unicode", "ag-ui/good", "openai-realtime/good"]


@pytest.mark.parametrize("sample", ROUND)
def test_what_is_imported_is_the_recording_that_was_exported(sample: str, tmp_path: Path) -> None:
    path = SAMPLES / f"{sample}.db"
    with Recording.open(path) as recording:
        export_parquet(TableSource(recording, sample), tmp_path / "lake")
    import_parquet(tmp_path / "lake", tmp_path / "again.db")
    assert lines(tmp_path / "again.db") == lines(path)


def test_each_of_a_folder_is_imported_by_its_name(folder: Path, lake: Path, tmp_path: Path) -> None:
    assert list(recordings_in(lake)) == ["healthy", "leak", "missing-event", "old/ag ui?"]
    import_parquet(lake, tmp_path / "again.db", name="old/ag ui?")
    assert lines(tmp_path / "again.db") == lines(folder / "old" / "ag ui?.db")
    for name, problem in ((None, "several recordings: say which with --recording"), ("x", "no recording 'x'")):
        with pytest.raises(ImportFormatError, match=problem):
            import_parquet(lake, tmp_path / "other.db", name=name)


def test_other_programs_find_day_and_recording_in_the_folders(lake: Path) -> None:
    import pyarrow.dataset  # here, as it loads pandas, which each process that collects this file would wait for

    for name in TABLES:
        partitions = pyarrow.dataset.partitioning(pa.schema([("day", pa.date32()), ("recording", pa.string())]), flavor="hive")
        found = pyarrow.dataset.dataset(lake / name, partitioning=partitions).to_table()
        if name != "findings":
            assert set(found["recording"].to_pylist()) == {"healthy", "leak", "missing-event", "old/ag ui?"}


def test_exported_again_it_takes_its_own_place(folder: Path, lake: Path) -> None:
    before = sorted(lake.rglob("*"))
    outcome = run("export", folder, "-f", "parquet", "-o", lake)
    assert (outcome.code, outcome.out) == (0, f"{lake}\n")
    assert sorted(lake.rglob("*")) == before
    assert {path.name for path in lake.iterdir()} == {*TABLES, LINES}


def test_events_of_others_become_a_recording(tmp_path: Path) -> None:
    stamps = pa.array([1_700_000_000_000_000, 1_700_000_000_250_000, 1_700_000_001_000_000], pa.timestamp("us", tz="UTC"))
    pq.write_table(
        pa.table({
            "time": stamps, "direction": ["c2s", "s2c", "s2c"], "connection": [7, 7, 8], "user": ["u1", "u1", "u2"],
            "data": ['{"type":"chat"}', '{"type":"agent_started"}', '{"type":"agent_started"}'],
        }),
        tmp_path / "events.parquet",
    )  # fmt: skip
    outcome = run("import", tmp_path / "events.parquet", "-o", tmp_path / "made.db")
    assert outcome.code == 0, outcome.err
    with Recording.open(tmp_path / "made.db") as recording:
        assert [(connection.id, connection.user) for connection in recording.connections()] == [(7, "u1"), (8, "u2")]
        assert [(frame.connection_id, frame.t_ns, frame.type) for frame in recording.frames()] == [
            (7, 0, "chat"), (7, 250_000_000, "agent_started"), (8, 1_000_000_000, "agent_started"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"direction": ["s2c"]}, "there is no column t_ns or time, nor payload or document or data; there are direction"),
        ({"direction": ["up"], "t_ns": [1], "data": ["x"]}, "dir must be c2s or s2c"),
        ({"direction": ["s2c"], "t_ns": [None], "data": ["x"]}, "t must be a number of seconds"),
        ({"direction": ["s2c"], "t_ns": [-1], "data": ["x"]}, "t must be a number of seconds"),
        ({"direction": ["s2c"], "t_ns": ["x"], "data": ["x"]}, "t must be a number of seconds"),
        ({"direction": ["s2c"], "t_ns": [1], "data": ["x"], "connection": ["x"]}, "connection must be a whole number"),
        ({"direction": ["s2c"], "t_ns": [1], "data": ["x"], "rsv": [None], "opcode": ["noise"]}, "opcode"),
        ({"direction": ["s2c"], "time": ["x"], "data": ["x"]}, "holds times, not 'x'"),
    ],
)
def test_a_file_that_is_none_is_said_in_one_line(tmp_path: Path, columns: dict, says: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "bad.parquet")
    outcome = run("import", "bad.parquet", "-o", "made.db", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "made.db").exists()


def test_a_damaged_file_is_said(lake: Path, tmp_path: Path) -> None:
    for file in lake.glob("frames/*/recording=leak/*.parquet"):
        file.write_bytes(file.read_bytes()[:200])
    outcome = run("import", lake, "--recording", "leak", "-o", tmp_path / "made.db")
    assert outcome.code == 2
    assert "not a Parquet file that can be read" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-f", "parquet"], "name it with -o"),
        (["1", "-f", "parquet", "-o", "lake"], "exports whole recordings"),
        (["-f", "parquet", "-o", "lake", "--table", "event"], "there is no table 'event'"),
        (["--table", "events"], "--table needs -f parquet"),
        (["-f", "parquet", "-o", "leak.db"], "cannot be created"),
    ],
)
def test_mistakes_are_said_in_one_line(folder: Path, arguments: list[str], says: str) -> None:
    outcome = run("export", "leak.db", *arguments, cwd=folder)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
