"""The plugin as its users have it: pytest in a process of its own where its start, its workers or other plugins count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.testing.conftest import without_other_plugins
from wsreplay.store.reader import Recording
from wsreplay.testing.recordings import file_name

pytest_plugins = "pytester"

CHAT = """
import json, os
from websockets.sync.client import connect
from wsreplay.demo.tokens import make_token

BACKEND = os.environ["BACKEND"] + "/ws"

def chat(url, scenario="healthy"):
    with connect(url, additional_headers={"Authorization": "Bearer " + make_token("alice")}, proxy=None) as client:
        client.send(json.dumps({"type": "chat", "thread_id": "t1", "message": "hello", "scenario": scenario}))
        while "agent_completed" not in client.recv(10):
            pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester, backend_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of tests; `chat(url, scenario)` can be imported there, BACKEND is the URL of a backend."""
    pytester.makepyfile(chats=CHAT)
    pytester.makeini("[pytest]\npythonpath = .\nfilterwarnings = error")
    monkeypatch.setenv("BACKEND", backend_url)
    return pytester


def run(project: pytest.Pytester, source: str, *arguments: str, plugins: Sequence[str] = ()) -> pytest.RunResult:
    """Run a file of tests; beside other plugins in a process of its own, as this one has them at work already."""
    project.makepyfile(test_chat="from chats import *\n" + source)
    if plugins:
        return project.runpytest_subprocess(*without_other_plugins(*plugins), *arguments, timeout=60)
    return project.runpytest_inprocess(*without_other_plugins(), *arguments)


def kept(project: pytest.Pytester, folder: str = "recordings/tests") -> list[str]:
    """The tests whose recordings are there."""
    return sorted(re.sub(r"-[0-9a-f]{6}", "", file.name) for file in (project.path / folder).glob("*"))


PLAIN = """
def test_it(wsreplay):
    with wsreplay.proxy(BACKEND) as tap:
        chat(tap.url, "{scenario}")
        tap.assert_valid()
"""


def test_nothing_is_imported_until_the_fixture_is_used(project: pytest.Pytester) -> None:
    project.makepyfile(test_other="""
        import sys

        def test_other():
            mine = {name for name in sys.modules if name.partition(".")[0] == "wsreplay"}
            assert mine == {"wsreplay", "wsreplay.testing", "wsreplay.testing.plugin"}
            assert not {"sqlite3", "orjson", "websockets", "uvloop", "yaml", "msgspec"} & set(sys.modules)
    """)
    project.runpytest_subprocess(*without_other_plugins()).assert_outcomes(passed=1)


def test_a_passing_plain_test_leaves_nothing_behind(project: pytest.Pytester) -> None:
    run(project, PLAIN.format(scenario="healthy")).assert_outcomes(passed=1)
    assert not (project.path / "recordings").exists()


def test_a_failing_test_keeps_its_recording_and_tells_how_to_open_it(project: pytest.Pytester) -> None:
    result = run(project, PLAIN.format(scenario="missing-event"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "E*AssertionError: agent-chat: violated",
        "*-- wsreplay recordings/tests/test_chat.test_it-??????.db --*",
        "WEBSOCKET EVENT VALIDATION REPORT*",
        "*contract agent-chat v1",
        "*tool_completed*missing: due by*",
        "*look closer: wsreplay tui recordings/tests/test_chat.test_it-??????.db",
    ])
    assert kept(project) == ["test_chat.test_it.db"]
    (file,) = (project.path / "recordings" / "tests").iterdir()
    with Recording.open(file) as recording:
        assert recording.type_counts()["agent_completed"] == 1


def test_a_failure_that_has_nothing_to_do_with_events_keeps_the_recording_too(project: pytest.Pytester) -> None:
    result = run(project, """
def test_it(wsreplay):
    with wsreplay.proxy(BACKEND) as tap:
        chat(tap.url)
    assert tap.types() == []
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["SATISFIED   no findings*"])
    assert kept(project) == ["test_chat.test_it.db"]


def test_the_next_run_takes_the_place_of_the_last(project: pytest.Pytester) -> None:
    for _ in range(2):
        run(project, PLAIN.format(scenario="missing-event"))
    (file,) = (project.path / "recordings" / "tests").iterdir()
    with Recording.open(file) as recording:
        assert len(recording.runs()) == 1
    run(project, PLAIN.format(scenario="healthy")).assert_outcomes(passed=1)
    assert kept(project) == []


def test_recordings_can_be_kept_and_put_elsewhere(project: pytest.Pytester) -> None:
    run(project, PLAIN.format(scenario="healthy"), "--wsreplay-keep", "--wsreplay-dir=evidence").assert_outcomes(passed=1)
    assert kept(project, "evidence") == ["test_chat.test_it.db"]


def test_the_junit_report_names_the_recording_once(project: pytest.Pytester) -> None:
    run(project, PLAIN.format(scenario="missing-event"), "--junitxml=report.xml")
    properties = ElementTree.parse(project.path / "report.xml").findall(".//testcase/properties/property")
    assert [(one.get("name"), Path(one.get("value", "")).exists()) for one in properties] == [("wsreplay_recording", True)]


ASYNC = """
import pytest

{mark}
@pytest.mark.parametrize("scenario", ["healthy", "missing-event"])
async def test_it(wsreplay, scenario):
    async with wsreplay.proxy(BACKEND) as tap:
        await {in_thread}(chat, tap.url, scenario)
        tap.assert_valid()
"""


@pytest.mark.campaign
def test_it_works_with_pytest_asyncio(project: pytest.Pytester) -> None:
    source = "import asyncio\n" + ASYNC.format(mark="@pytest.mark.asyncio", in_thread="asyncio.to_thread")
    loops = "-o", "asyncio_default_fixture_loop_scope=function"
    run(project, source, *loops, plugins=["asyncio"]).assert_outcomes(passed=1, failed=1)
    assert kept(project) == ["test_chat.test_it-missing-event.db"]


def test_it_works_with_anyio_on_asyncio_and_trio(project: pytest.Pytester) -> None:
    source = "import anyio.to_thread\n" + ASYNC.format(mark="@pytest.mark.anyio", in_thread="anyio.to_thread.run_sync")
    run(project, source, plugins=["anyio"]).assert_outcomes(passed=2, failed=2)
    assert kept(project) == ["test_chat.test_it-asyncio-missing-event.db", "test_chat.test_it-trio-missing-event.db"]


@pytest.mark.campaign
def test_it_works_under_xdist(project: pytest.Pytester) -> None:
    result = run(project, """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(wsreplay, number):
    with wsreplay.proxy(BACKEND) as tap:
        chat(tap.url, "missing-event" if number % 2 else "healthy")
        tap.assert_valid()
""", "-n", "2", "--junitxml=report.xml", plugins=["xdist", "xdist.looponfail"])
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["*-- wsreplay recordings/tests/test_chat.test_it-1-*"])
    assert kept(project) == [f"test_chat.test_it-{number}.db" for number in (1, 3, 5)]
    assert len(ElementTree.parse(project.path / "report.xml").findall(".//property[@name='wsreplay_recording']")) == 3


@pytest.mark.campaign
def test_many_workers_leave_no_empty_folder_and_lose_none(project: pytest.Pytester) -> None:
    result = run(project, """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(wsreplay, number):
    with wsreplay.proxy(BACKEND):
        pass
""", "-n", "3", plugins=["xdist", "xdist.looponfail"])
    result.assert_outcomes(passed=6)
    assert not (project.path / "recordings").exists()


def test_several_taps_of_one_test_are_several_recordings(project: pytest.Pytester) -> None:
    result = run(project, """
def test_it(wsreplay):
    with wsreplay.proxy(BACKEND) as first, wsreplay.proxy(BACKEND) as second:
        chat(first.url)
        chat(second.url, "missing-event")
    assert False
""")
    result.assert_outcomes(failed=1)
    assert kept(project) == ["test_chat.test_it-2.db", "test_chat.test_it.db"]


def test_a_tap_can_be_left_open_by_another_fixture(project: pytest.Pytester) -> None:
    result = run(project, """
import pytest

@pytest.fixture
def tap(wsreplay):
    with wsreplay.proxy(BACKEND) as tap:
        yield tap
    tap.assert_valid()

def test_it(tap):
    chat(tap.url, "missing-event")

def test_still_open(wsreplay):
    tap = wsreplay.proxy(BACKEND)
    tap.start()
    chat(tap.url)
    assert False
""")
    result.assert_outcomes(passed=1, errors=1, failed=1)
    assert kept(project) == ["test_chat.test_it.db", "test_chat.test_still_open.db"]


def test_expected_failures_keep_nothing(project: pytest.Pytester) -> None:
    run(project, "import pytest\n@pytest.mark.xfail" + PLAIN.format(scenario="missing-event")).assert_outcomes(xfailed=1)
    assert kept(project) == []


def test_the_contract_of_all_taps_can_be_set(project: pytest.Pytester) -> None:
    (project.path / "mine.yaml").write_text("contract: mine\nrules: [{id: quiet, absence: [agent_thinking]}]\n")
    result = run(project, PLAIN.format(scenario="healthy"), "-o", "wsreplay_contract=mine.yaml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*contract mine*"])


def test_the_projects_configuration_holds_in_tests_too(project: pytest.Pytester) -> None:
    (project.path / "strict.yaml").write_text("contract: strict\nextends: agent-chat\n")
    (project.path / "wsreplay.toml").write_text('contract = "strict.yaml"\nredact = ["$.message"]\n')
    source = PLAIN.format(scenario="missing-event")
    result = run(project, source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*contract strict*", "*chat  *redacted:*"])
    (project.path / "wsreplay.toml").write_text("contract = 1\n")
    run(project, source).assert_outcomes(errors=1)


def test_a_mistake_is_said_in_one_line(project: pytest.Pytester) -> None:
    result = run(project, """
def test_option(wsreplay):
    wsreplay.proxy(BACKEND, pace=3)

def test_contract(wsreplay):
    wsreplay.proxy(BACKEND, contract="agent-chet")
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "E*UsageError: proxy() knows no option pace: it takes *insecure*",
        "E*ContractError: no built-in contract 'agent-chet'*agent-chat*",
    ])


def test_names_of_files_are_readable_and_tell_tests_apart() -> None:
    assert re.fullmatch(r"test_chat\.TestIt-test_it-a-b-[0-9a-f]{6}", file_name("tests/test_chat.py::TestIt::test_it[a/b]"))
    assert file_name("a/test_x.py::test") != file_name("b/test_x.py::test")
    assert len(file_name("test_x.py::test[" + "x" * 5000 + "]")) < 140
