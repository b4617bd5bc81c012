"""Files judged side by side, and one file in parts: the same as one after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import Trace

from wsreplay.cli.main import _end_in_order
from wsreplay.contract import load
from wsreplay.errors import UsageError
from wsreplay.model import NO_CONTRACT
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.validator import judge_files, parallel
from wsreplay.validator.judge import judge
from wsreplay.validator.parallel import Workers


def many_chats(leak: int | None) -> Trace:
    """Enough for a file to be split: runs of six users, with faults, and perhaps an event of the first one's on another's
    connection."""
    trace = Trace()
    for user in range(1, 7):
        trace.open(user, f"u{user}")
    for number in range(360):
        user = number % 6 + 1
        tools = () if number % 50 == 0 else ("a",)
        trace.run(f"t{user}-{number // 6}", f"r{number}", tools=tools, connection=user)
    if leak is not None:
        trace.s2c("agent_started", thread_id="t1-59", run_id="r9999", connection=leak)
    for user in range(1, 7):
        trace.close(user)
    return trace


@pytest.mark.parametrize("spans", [False, True], ids=["runs", "all spans"])
@pytest.mark.parametrize("leak", [None, 2, 6], ids=["no leak", "within a part", "between parts"])
def test_a_file_judged_in_parts_is_judged_the_same(leak: int | None, spans: bool, tmp_path: Path) -> None:
    """Two users' connections that stand far apart are in different parts: what leaks between them is seen by neither alone."""
    path = write_whole(tmp_path / "many.db", many_chats(leak))
    contract = load("agent-chat")
    steps: list[int] = []
    (alone,) = judge_files([(path, contract)], spans=spans)
    with ThreadPoolExecutor(2) as executor:
        (together,) = judge_files(
            [(path, contract)], workers=Workers(executor, 2), progress=lambda: steps.append(1), worth_splitting=1_000,
            spans=spans,
        )  # fmt: skip
    assert together == alone
    assert alone.judgement is not None
    assert [finding.rule for finding in alone.judgement.findings].count("thread-owner") == (leak is not None)
    assert steps == [1]


def test_processes_judge_a_file_in_parts_as_threads_do(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "many.db", many_chats(6))
    contract = load("agent-chat")
    assert judge_files([(path, contract)], jobs=2, worth_splitting=1_000) == judge_files([(path, contract)])


def test_each_user_is_judged_by_one_and_all_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has most is alone, whoever has less is with others; in the order of their connections where that is even."""
    taken: list[list[int]] = []
    monkeypatch.setattr(parallel, "judge_part", lambda *task: taken.append(task[2]) or UsageError("not now"))

    def split(*counts: int, users: tuple[str | None, ...] = (), parts: int = 2) -> list[list[int]]:
        trace = Trace()
        for number, count in enumerate(counts, 1):
            trace.open(number, users[number - 1] if users else f"u{number}")
            for _ in range(count):
                trace.c2s("chat", number, thread_id=f"t{number}")
        taken.clear()
        path = write_whole(tmp_path / f"{len(list(tmp_path.iterdir()))}.db", trace)
        with ThreadPoolExecutor(1) as executor:
            (outcome,) = judge_files([(path, load("agent-chat"))], workers=Workers(executor, parts), worth_splitting=1)
        assert outcome.judgement is None and outcome.contract == "agent-chat" and str(outcome.error) == "not now"
        return list(taken)

    assert split(9, 9, 9, 9) == [[1, 2], [3, 4]]
    assert split(9, 9, 9, parts=3) == [[1], [2], [3]]
    assert split(4, 4, 40, 4) == [[3], [1, 2, 4]]
    assert split(9, 10, 9, 8) == [[1, 2], [3, 4]]  # a twentieth more than its share is even enough
    assert split(9, 9, 9, 9, users=("a", "b", "a", "b")) == [[1, 3], [2, 4]]
    assert split(9, 9, 9, 9, users=(None, None, None, None)) == [[1, 2], [3, 4]]


def test_what_is_too_small_or_cannot_be_read_is_judged_whole(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open(1, "u1").open(2, "u2").c2s("chat").c2s("chat", 2))
    contract = load("agent-chat")
    with ThreadPoolExecutor(1) as executor:
        workers = Workers(executor, 2)
        assert judge_files([(path, contract)], workers=workers, worth_splitting=3) == judge_files([(path, contract)])
        (outcome,) = judge_files([(tmp_path / "none.db", contract)], workers=workers, worth_splitting=1)
    assert type(outcome.error).__name__ == "UsageError"


def test_files_come_back_in_order_with_their_errors(tmp_path: Path) -> None:
    good = write_whole(tmp_path / "good.db", Trace().open().c2s("chat").run().close())
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"no recording")
    contracts = [load("agent-chat"), load("openai-realtime")]
    for jobs in (1, 2):
        outcomes = judge_files([(path, contract) for path in (bad, good) for contract in contracts], jobs=jobs)
        assert [(outcome.path.name, outcome.contract) for outcome in outcomes] == [
            ("bad.db", "agent-chat"),
            ("bad.db", "openai-realtime"),
            ("good.db", "agent-chat"),
            ("good.db", "openai-realtime"),
        ]
        assert [type(outcome.error).__name__ for outcome in outcomes] == [
            "NotARecording",
            "NotARecording",
            "NoneType",
            "NoneType",
        ]
        assert [outcome.judgement.verdict for outcome in outcomes if outcome.judgement] == ["satisfied", "vacuous"]


@pytest.fixture
def ends_in_order() -> Iterator[None]:
    """SIGTERM as commands that write files take it: what is half written goes."""
    before = signal.signal(signal.SIGTERM, _end_in_order)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("ends_in_order")
@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_a_process_that_is_killed_loses_nothing(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "start_method", lambda: get_context(method))
    paths = [write_whole(tmp_path / f"{number}.db", many_chats(None)) for number in range(6)]
    wanted = [(path, load("agent-chat")) for path in paths]
    killed: list[int] = []

    def kill_one() -> None:
        if not killed:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid or 0)
            victim.kill()

    together = judge_files(wanted, jobs=2, progress=kill_one)
    assert killed
    assert together == judge_files(wanted)


def test_a_process_with_other_threads_is_not_forked() -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert parallel.start_method().get_start_method() == "forkserver"
    finally:
        stop.set()
        other.join()


def test_only_what_kills_its_judge_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_whole(tmp_path / f"{name}.db", Trace().open().c2s("chat").run().close()) for name in ("a", "deadly", "z")]
    alone = judge_files([(path, load("agent-chat")) for path in paths])
    parent = os.getpid()

    def die_of_one(recording: Recording, *arguments: object, **options: object) -> object:
        if recording.path.stem == "deadly" and os.getpid() != parent:
            os._exit(9)
        return judge(recording, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(parallel, "judge", die_of_one)
    monkeypatch.setattr(parallel, "start_method", lambda: get_context("fork"))  # which knows of the change above
    first, deadly, last = judge_files([(path, load("agent-chat")) for path in paths], jobs=2)
    assert [first, last] == [alone[0], alone[2]]
    assert deadly.judgement is None
    assert "deadly.db: the processes that validated it died repeatedly" in str(deadly.error)


def test_what_is_given_up_names_its_contract_where_somebody_has_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_arguments: object, **_options: object) -> None:
        raise BrokenExecutor

    monkeypatch.setattr(parallel, "judge", die)
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat").run().close())
    with ThreadPoolExecutor(1) as executor:
        workers = Workers(executor, 1, (BrokenExecutor,))
        outcomes = judge_files([(path, load("agent-chat")), (path, None)], workers=workers)
    assert [(outcome.path, outcome.contract, outcome.judgement) for outcome in outcomes] == [
        (path, "agent-chat", None), (path, NO_CONTRACT, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("threads", "platform", "expected"), [(1, "linux", "fork"), (2, "linux", "forkserver"), (1, "darwin", "forkserver")]
)
def test_only_a_process_alone_on_linux_is_forked(
    threads: int, platform: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    monkeypatch.setattr(sys, "platform", platform)
    assert parallel.start_method().get_start_method() == expected


def test_whoever_opens_a_file_may_choose_its_contract(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.db", Trace().open().c2s("chat").run().close())
    (chosen,) = judge_files([(path, None)], read_as=ReadAs(users=(parse_user_source("header:X-User"),)))
    (named,) = judge_files([(path, load("agent-chat"))])
    assert chosen.judged_by is not None
    assert (chosen.contract, chosen.judgement) == (named.contract, named.judgement)
    assert chosen.judged_by.users[0].name == "X-User"
