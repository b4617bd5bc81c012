"""Import of what other programs really wrote: committed files, and new ones where the programs are installed."""

from __future__ import annotations

import gzip
import io
import shutil
from pathlib import Path

import foreign_files
import pytest
from commandline import run
from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from wsreplay.errors import ImportFormatError
from wsreplay.formats import jsonl_export
from wsreplay.formats.import_file import import_file
from wsreplay.model import Connection, Ending
from wsreplay.store.reader import Recording

DATA = Path(__file__).parent / "data"
ANSWER = [
    "agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result", "agent_completed", "final_report",
]  # fmt: skip
SECRETS = (b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", b"Bearer ey")


def imported(file: Path, folder: Path) -> Recording:
    out = folder / "imported.db"
    with file.open("rb") as source:
        import_file(source, out, name=file.name)
    assert not any(secret in out.read_bytes() for secret in SECRETS)
    return Recording.open(out)


def types(recording: Recording, connection: Connection, direction: int = 1) -> list[str | None]:
    return [one.type for one in recording.messages(connections=[connection.id]) if one.direction == direction]


def check_browser(file: Path, folder: Path) -> None:
    with imported(file, folder) as recording:
        (connection,) = recording.connections()
        assert (connection.user, connection.status, connection.subprotocol) == ("alice", 101, "agent-chat")
        assert connection.path.startswith("/ws?token=redacted:")
        assert connection.ending is Ending.TRUNCATED  # a HAR does not say how a connection ended
        assert types(recording, connection)[-7:] == ANSWER
        assert types(recording, connection, 0) == ["chat", None]
        sent = [one.payload for one in recording.messages() if one.direction == 0]
        assert "Grüße 🧑‍🚀 \\u0000".encode() in sent[0]
        assert sent[1] == b"\x00\xff\x01\x02"
        assert 0 < recording.reached_ns() < 20e9
        assert recording.runs()[0].upstream.startswith("ws://127.0.0.1:")


def check_mitmproxy(file: Path, folder: Path, *, ends: bool) -> None:
    with imported(file, folder) as recording:
        alice, bob, eve = recording.connections()
        assert [one.user for one in (alice, bob, eve)] == ["alice", "bob", "eve"]
        assert types(recording, alice) == ["connection_ack", *ANSWER]
        assert [one.payload for one in recording.messages(connections=[bob.id])][-1] == b"\x00\xff\x01\x02"
        if ends:
            assert (alice.ending, alice.close_code, alice.closed_by) == (Ending.CLEAN, 1000, "client")
            assert (bob.ending, bob.close_code, bob.closed_by) == (Ending.CLEAN, 1008, "server")
            assert (eve.ending, eve.close_code) == (Ending.DROPPED, None)
        else:
            assert {one.ending for one in (alice, bob, eve)} == {Ending.TRUNCATED}


@pytest.mark.parametrize("name", ["chrome.har", "playwright.har"])
def test_hars_of_browsers_are_read(name: str, tmp_path: Path) -> None:
    check_browser(DATA / name, tmp_path)


def test_both_of_mitmproxys_formats_are_read(tmp_path: Path) -> None:
    check_mitmproxy(DATA / "mitmproxy.har", tmp_path, ends=False)
    (tmp_path / "imported.db").unlink()
    check_mitmproxy(DATA / "mitmproxy.flows", tmp_path, ends=True)


@pytest.mark.campaign
@pytest.mark.browser
@pytest.mark.skipif(foreign_files.CHROMIUM is None, reason="needs Chromium")
async def test_what_this_chrome_writes_is_read(tmp_path: Path) -> None:
    await foreign_files.chrome(tmp_path / "new.har")
    check_browser(tmp_path / "new.har", tmp_path)


@pytest.mark.browser
@pytest.mark.skipif(not foreign_files.has_playwright(), reason="needs playwright-core for node")
async def test_what_this_playwright_writes_is_read(tmp_path: Path) -> None:
    await foreign_files.playwright(tmp_path / "new.har")
    check_browser(tmp_path / "new.har", tmp_path)


@pytest.mark.skipif(not foreign_files.MITMDUMP.exists(), reason="needs mitmproxy")
async def test_what_this_mitmproxy_writes_is_read(tmp_path: Path) -> None:
    await foreign_files.mitmproxy(tmp_path / "new.flows", tmp_path / "new.har")
    check_mitmproxy(tmp_path / "new.flows", tmp_path, ends=True)


@pytest.mark.parametrize("name", ["chrome.har", "mitmproxy.flows", "lines.jsonl"])
def test_the_command_tells_formats_by_content_whatever_the_name(name: str, tmp_path: Path) -> None:
    if name == "lines.jsonl":
        with imported(DATA / "mitmproxy.flows", tmp_path) as recording:
            (tmp_path / "file").write_bytes(b"\n" + b"\n".join(jsonl_export.export(recording)))
    else:
        shutil.copy(DATA / name, tmp_path / "file")
    outcome = run("import", tmp_path / "file", "-o", tmp_path / "out.db")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'out.db'}\n"), outcome.err
    with Recording.open(tmp_path / "out.db") as recording:
        assert recording.type_counts()["agent_completed"] == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing to import"),
        (b"hello", ":1: not JSON"),
        (b"\n\n{\"wsreplay\": 1}\n{\"wsreplay\n", ":4: not JSON"),
        (b'{"a": 1}', ":1: not a wsreplay export: line 1 must be"),
        (b'{\n "a": 1}', "JSON, but not a HAR"),
        (b'{\n "log": ', "not a HAR, wsreplay export or mitmproxy flow file"),
        (b'{"log": {}}', "`log.entries` is not a list"),
        (b'{"log": {"entries": [{"request": {}}]}}', "it contains only other requests, or none"),
        (b'{"log": {"entries": [{"_resourceType": "websocket"}]}}', "a WebSocket is named without its messages"),
        (b'{"log": {"entries": [{"_webSocketMessages": 1}]}}', "log.entries[0]: its _webSocketMessages are 1, not a list"),
        (b'{"log": {"entries": [7]}}', "log.entries[0]: it is 7, not an object"),
        (b"12:", "cut off at byte 3, in the flow that begins at byte 0"),
        (b"5:hello,", "the flow at byte 0: not a flow of mitmproxy"),
        (b"14:7:version;1:3#}", "written by an older mitmproxy"),
        (b"2:{}?", "byte 2: it is not a value of a known kind"),
        (gzip.compress(b"{}", mtime=0), ":1: not a wsreplay export: line 1 must be"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    outcome = run("import", tmp_path / "bad", "-o", tmp_path / "out.db")
    assert outcome.code == 2
    assert says in outcome.err
    assert not (tmp_path / "out.db").exists()


@pytest.mark.parametrize("name", ["chrome.har", "mitmproxy.flows"])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str, tmp_path: Path) -> None:
    whole = (DATA / name).read_bytes()

    @settings(deadline=None, max_examples=examples(30))
    @given(st.integers(0, len(whole) - 1), st.binary(min_size=0, max_size=3))
    def damaged(position: int, patch: bytes) -> None:
        out = tmp_path / "damaged.db"
        for content in (whole[:position], whole[:position] + patch + whole[position + len(patch) :]):
            try:
                import_file(io.BytesIO(content), out, name="damaged")
            except ImportFormatError as error:
                assert str(error).startswith("damaged")
            finally:
                for file in tmp_path.glob("damaged.db*"):
                    file.unlink()

    damaged()
