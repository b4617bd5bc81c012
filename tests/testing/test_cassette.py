"""Cassettes: recorded with a backend, played without one, by a pytest inside this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_chat import C2S, S2C, Script

from recordings import write_messages
from tests.testing.conftest import without_other_plugins
from wsreplay.model import Direction, Opcode
from wsreplay.store.reader import Recording
from wsreplay.testing.cassette import PlayedTap
from wsreplay.testing.client import ChatClient, ChatEnded

pytest_plugins = "pytester"

TEST = """
import json, os
from websockets.sync.client import connect
from wsreplay.demo.tokens import make_token

def test_it(wsreplay):
    with wsreplay.proxy(os.environ["BACKEND"] + "/ws", cassette=CASSETTE, SPEED) as tap:
        headers = {"Authorization": "Bearer " + make_token("alice")}
        with connect(tap.url, additional_headers=headers, proxy=None) as client:
            client.send(json.dumps({"type": SAYS, "thread_id": os.environ["THREAD"], "message": "hello"}))
            while "final_report" not in (last := client.recv(TIMEOUT)):
                pass
        tap.assert_valid()
        assert json.loads(last)["thread_id"] == os.environ["THREAD"]
        assert tap.played == PLAYED
"""


class Project:
    def __init__(self, pytester: pytest.Pytester, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.url, self.monkeypatch = pytester, url, monkeypatch
        # Runs so far: in each the client has another thread.
        self._runs = 0

    def run(
        self, *arguments: str, backend: bool, played: bool, cassette: object = True, says: str = "chat", speed: str = ""
    ) -> pytest.RunResult:
        self.monkeypatch.setenv("BACKEND", self.url if backend else "ws://127.0.0.1:1")
        self._runs += 1
        self.monkeypatch.setenv("THREAD", f"t{self._runs}")
        source = TEST.replace("CASSETTE", repr(cassette)).replace("PLAYED", str(played)).replace("SAYS", repr(says))
        source = source.replace("TIMEOUT", "10" if says == "chat" else "1").replace(", SPEED", speed)
        self.pytester.makepyfile(test_chat=source)
        return self.pytester.runpytest_inprocess(*without_other_plugins(), *arguments)

    @property
    def cassettes(self) -> list[str]:
        return sorted(file.name for file in (self.pytester.path / "cassettes").glob("*"))


@pytest.fixture
def project(pytester: pytest.Pytester, backend_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    pytester.makeini("[pytest]\nfilterwarnings = error")
    return Project(pytester, backend_url, monkeypatch)


def test_once_records_and_then_plays_without_the_backend(project: Project) -> None:
    project.run(backend=True, played=False).assert_outcomes(passed=1)
    assert project.cassettes == ["test_chat.test_it.db"]
    project.run(backend=False, played=True).assert_outcomes(passed=1)
    project.run(backend=False, played=True, speed=", speed=1").assert_outcomes(passed=1)
    assert not (project.pytester.path / "recordings" / "tests").exists()


def test_a_cassette_can_be_named(project: Project) -> None:
    project.run(backend=True, played=False, cassette="greeting").assert_outcomes(passed=1)
    assert project.cassettes == ["greeting.db"]


def test_none_never_records(project: Project) -> None:
    result = project.run("--wsreplay-record=none", backend=True, played=False)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*UsageError: no cassette *cassettes/test_chat.test_it.db: record it with*"])
    assert project.cassettes == []


def test_all_records_anew(project: Project) -> None:
    for _ in range(2):
        project.run("--wsreplay-record=all", backend=True, played=False).assert_outcomes(passed=1)
    with Recording.open(project.pytester.path / "cassettes" / "test_chat.test_it.db") as recording:
        assert len(recording.runs()) == len(recording.connections()) == 1


def test_a_failing_test_makes_no_cassette(project: Project) -> None:
    project.run(backend=True, played=True).assert_outcomes(failed=1)
    assert project.cassettes == []


def test_a_client_that_departs_from_its_cassette_is_told_where(project: Project) -> None:
    project.run(backend=True, played=False).assert_outcomes(passed=1)
    result = project.run(backend=False, played=True, says="user_message")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["session 1: expected *chat*user_message*", "*record again with --wsreplay-record=all"])


def test_a_recording_is_played_as_it_lies_there(project: Project, pytester: pytest.Pytester) -> None:
    """What was recorded by hand is a cassette as well as any."""
    project.run(backend=True, played=False, cassette="first").assert_outcomes(passed=1)
    folder: Path = pytester.path / "cassettes"
    (folder / "first.db").rename(folder / "by-hand.db")
    project.run("--wsreplay-record=none", backend=False, played=True, cassette="by-hand").assert_outcomes(passed=1)


def test_a_speed_that_is_none_is_said_to_be_so(project: Project) -> None:
    result = project.run(backend=True, played=False, speed=", speed=0")
    result.stdout.fnmatch_lines(["E*UsageError: speed is a number above 0*"])


UNKNOWN = """
import asyncio
import pytest
from wsreplay.testing import ChatClient

async def say(url):
    async with ChatClient(url) as client:
        await client.send({"kind": "ask"})

def test_it(wsreplay):
    with wsreplay.proxy("ws://127.0.0.1:1/ws", cassette="strange") as tap:
        asyncio.run(say(tap.url))
    assert not tap.findings()
    with pytest.raises(AssertionError, match="no built-in contract fits what was recorded; name yours"):
        tap.assert_valid()
"""


def test_what_no_contract_fits_is_judged_by_none(pytester: pytest.Pytester) -> None:
    (pytester.path / "cassettes").mkdir()
    write_messages(pytester.path / "cassettes" / "strange.db", [(Direction.CLIENT_TO_SERVER, Opcode.TEXT, b'{"kind":"ask"}')])
    pytester.makepyfile(test_chat=UNKNOWN)
    pytester.runpytest_inprocess(*without_other_plugins()).assert_outcomes(passed=1)


@pytest.mark.parametrize("speed", [float("inf"), 1])
async def test_who_waits_with_a_tap_is_told_when_the_cassette_has_said_all(tmp_path: Path, speed: float) -> None:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None)
    talk = ((10, C2S, "chat"), (150, S2C, "one"), (300, S2C, "two"), (310, C2S, "chat"), (320, S2C, "more"))
    for at, direction, type_ in talk:
        script.say(1, at, direction, type_)
    tap = PlayedTap(script.write(1_000), "ws://127.0.0.1:1/ws", tmp_path / "played.db", speed=speed)
    async with tap, ChatClient(tap.url, timeout=3600, tap=tap) as client:
        with pytest.raises(ChatEnded, match="hello can no longer come; received: nothing"):
            await client.wait_for("hello")
        await client.send({"type": "chat"})
        with pytest.raises(ChatEnded, match="end can no longer come; received: one, two"):
            await client.wait_for("end")
        await client.send({"type": "chat"})
        await client.wait_for("more")
        assert await client.receive(default=None) is None
    assert tap.complaints() == []
