"""The pytest plugin: the fixture `wsreplay`, options, and what is told of a failing test.

Loaded by every pytest run: it imports nothing of wsreplay until a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wsreplay.testing.recordings import Recordings

DEFAULT_DIR = "recordings/tests"
PROPERTY = "wsreplay_recording"

_RECORDINGS: pytest.StashKey[Recordings] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wsreplay", "recordings of WebSocket traffic")
    group.addoption(
        "--wsreplay-dir", metavar="DIR", help=f"Where the recordings of failing tests stay. [default: {DEFAULT_DIR}]"
    )
    group.addoption("--wsreplay-keep", action="store_true", help="Keep the recordings of passing tests too.")
    group.addoption(
        "--wsreplay-record", choices=("once", "none", "all"), default="once",
        help="For tests that name a cassette: record it if it is not there (once, the default), never (none), anew (all).",
    )
    parser.addini("wsreplay_dir", "Where the recordings of failing tests stay, from the root folder.", default=DEFAULT_DIR)
    parser.addini("wsreplay_contract", "The contract where a test names none: a file, or a built-in. [default: what fits]")


@pytest.fixture
def wsreplay(request: pytest.FixtureRequest) -> Iterator[Recordings]:
    """Recording proxies for this test.

        async with wsreplay.proxy("ws://localhost:8000/ws", contract="agent-chat") as tap:
            ...  # clients connect to tap.url
        tap.assert_valid()

    In a plain test: `with wsreplay.proxy(…) as tap`. A failing test keeps its recordings.
    """
    from wsreplay.testing.recordings import Recordings

    config, item = request.config, request.node
    contract, options = _settled(config)
    recordings = Recordings(
        item.nodeid, _folder(config), item.path, contract=contract, record=config.getoption("--wsreplay-record"),
        options=options,
    )  # fmt: skip
    item.stash[_RECORDINGS] = recordings
    yield recordings
    recordings.stop()


def _folder(config: pytest.Config) -> Path:
    return Path(config.rootpath, config.getoption("--wsreplay-dir") or config.getini("wsreplay_dir"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """All tests are over, those of all workers too: folders in which nothing stayed go."""
    if hasattr(config, "workerinput"):
        return
    folder = _folder(config)
    while folder != config.rootpath and folder.is_dir():
        try:
            folder.rmdir()
        except OSError:
            return  # something is in it
        folder = folder.parent


def _settled(config: pytest.Config) -> tuple[str | None, dict[str, Any]]:
    """What the ini file and the project's configuration settle: the contract (None for what fits), options of proxies.

    Raises ConfigurationError.
    """
    from wsreplay.configuration import find

    project = find(config.rootpath).check()
    contracts = [str(config.getini("wsreplay_contract") or "")]
    if not contracts[0]:
        contracts = [*project.texts("contract")]
    users = [text for text in project.texts("user") if not text.startswith("$")]
    files = [config.rootpath / name for name in contracts]
    names = [str(file) if file.is_file() else name for file, name in zip(files, contracts, strict=True)]
    return next(iter(names), None), {"redact": project.texts("redact"), "users": users}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    recordings = item.stash.get(_RECORDINGS, None)
    if recordings is None:
        return report
    if report.when == "call":
        recordings.passed = report.passed
    if report.failed:
        _tell(report, item, recordings)
    if report.when == "teardown":
        del item.stash[_RECORDINGS]
        recordings.finish(keep_all=bool(item.config.getoption("--wsreplay-keep")))
    return report


def _tell(report: pytest.TestReport, item: pytest.Item, recordings: Recordings) -> None:
    """The first failure of a test shows its recordings, and how to open them."""
    if recordings.told:
        return
    recordings.told = True
    for path, text in recordings.reports(item.config.invocation_params.dir):
        report.sections.append((f"wsreplay {path}", text))
        item.user_properties.append((PROPERTY, str(path)))
