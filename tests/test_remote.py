"""Recordings that lie elsewhere: with fsspec's own file systems, and in a bucket of moto's S3 server."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ports
import pytest
from commandline import run
from relay import wait_for

import wsreplay
from wsreplay import remote
from wsreplay.errors import RecordingError, UsageError

SAMPLES = Path(__file__).resolve().parents[1] / "recordings" / "samples"
NAMES = ("healthy", "missing-event", "leak")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "there"
    (place / "old").mkdir(parents=True)
    for name in NAMES:
        shutil.copy(SAMPLES / f"{name}.db", place / ("old" if name == "leak" else ""))
    return place


def test_a_path_is_a_url_unless_a_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    urls = ["s3://bucket/a/b.db", "file:///tmp/x.db", "gs://bucket/*.db", "memory://a.db"]
    assert [remote.url_of(Path(url)) for url in urls] == urls
    assert [remote.url_of(name) for name in ("a.db", "/tmp/a.db", "a:b.db", "c:/x", "")] == [None] * 5
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    (tmp_path / "s3:" / "bucket" / "a.db").touch()
    assert remote.url_of(Path("s3:/bucket/a.db")) is None


def test_files_are_found_by_folder_name_and_pattern(folder: Path) -> None:
    url = f"file://{folder}"
    everything = [Path(f"{url}/{name}") for name in ("healthy.db", "missing-event.db", "old/leak.db")]
    assert remote.files_at(Path(url), ".db") == everything
    assert remote.files_at(Path(f"{url}/old/leak.db"), ".db") == everything[2:]
    assert remote.files_at(Path(f"{url}/*event.db"), ".db") == everything[1:2]
    with pytest.raises(UsageError, match=r"file:///.*/nowhere: no such file"):
        remote.files_at(Path(f"{url}/nowhere"), ".db")


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("gopher://x/a.db", UsageError, "gopher://x/a.db: Protocol not known: gopher"),
        ("gs://bucket/a.db", UsageError, "gs://bucket/a.db needs a package that is not installed"),
        ("file:///nowhere/a.db", UsageError, "file:///nowhere/a.db: no such file"),
        ("ftp://127.0.0.1:1/a.db", RecordingError, "ftp://127.0.0.1:1/a.db cannot be reached: ConnectionRefusedError"),
    ],
)
def test_what_cannot_be_fetched_is_said(
    url: str, error: type[Exception], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_FIRST_WAIT_S", 0.0)
    with pytest.raises(error) as caught:
        remote.fetch(Path(url), tmp_path)
    assert says in str(caught.value)


def test_a_recording_elsewhere_is_read_as_one_that_lies_here(folder: Path) -> None:
    with wsreplay.open(f"file://{folder}/missing-event.db") as there, wsreplay.open(folder / "missing-event.db") as here:
        assert list(there.events()) == list(here.events())
        assert there.validate() == here.validate()
    (folder / "text.db").write_text("no recording")
    with pytest.raises(RecordingError, match=r"file:///.*/text.db is not a recording"):
        wsreplay.open(f"file://{folder}/text.db")


def test_what_is_written_elsewhere_is_there_when_it_is_whole(tmp_path: Path) -> None:
    target = Path(f"file://{tmp_path}/a/b.txt")
    with pytest.raises(KeyError), remote.new_file_at(target) as half:
        half.write_text("half")
        raise KeyError
    assert not (tmp_path / "a").exists()
    with remote.new_file_at(target) as half:
        half.write_text("whole")
    assert (tmp_path / "a" / "b.txt").read_text() == "whole"


def test_verdicts_are_the_same_here_and_there(folder: Path, tmp_path: Path) -> None:
    url = f"file://{folder}"
    here, there = (run("validate", place, "-f", "json") for place in (folder, url))
    assert there.code == here.code == 1, there.err
    assert there.out.replace(url, str(folder)) == here.out
    written = run("validate", url, "-f", "json", "-o", f"file://{tmp_path}/out/verdict.json", "-f", "text")
    assert written.code == 1, written.err
    assert (tmp_path / "out" / "verdict.json").read_text() == there.out
    assert f"{url}/missing-event.db" in written.out
    assert "tool_completed" in written.out


@pytest.fixture
def bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 server here, with the recordings of the folder in it."""
    (port,) = ports.unused()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "WSREPLAY_CACHE": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: ports.listens(port), "the S3 server listens", 60)
        import s3fs

        files = s3fs.S3FileSystem(skip_instance_cache=True)
        files.mkdir("recordings")
        files.put(str(folder), "recordings/chats", recursive=True)
        yield "s3://recordings/chats"
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        server.wait(30)


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_bucket_is_judged_alone_and_by_a_cluster_and_takes_the_results(bucket: str, folder: Path) -> None:
    here = run("validate", folder, "-f", "json")
    for more in ((), ("-j", "2"), ("--dask", "local:2")):
        there = run("validate", bucket, "-f", "json", *more)
        assert there.code == 1, there.err
        assert there.out.replace(bucket, str(folder)) == here.out
    assert run("validate", f"{bucket}/*.db", "-f", "parquet", "-o", "s3://recordings/lake", "-f", "text").code == 1
    from s3fs import S3FileSystem

    written = S3FileSystem(skip_instance_cache=True).find("recordings/lake/findings")
    assert [name.rpartition("recording=")[2] for name in written] == [
        f"s3%3A%2F%2Frecordings%2Fchats%2F{name}/part-0.parquet" for name in ("healthy", "missing-event")
    ]
    assert json.loads(run("show", f"{bucket}/healthy.db", "--json").out.splitlines()[0])["id"] == 1
