"""What reaches the wrong user in another recording than the one that its owner is in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import Trace, said

from wsreplay.contract import load
from wsreplay.validator import judge_files
from wsreplay.validator.findings import Judgement, Verdict

CONTRACT = load("agent-chat")


def chat(user: str | None, thread: str, run: str = "r1", **values: object) -> Trace:
    """A user asks in a thread, and is answered."""
    return Trace().open(user=user).c2s("chat", thread_id=thread, message="Why?").run(thread, run, **values)  # type: ignore[arg-type]


def judge_all(
    folder: Path, *traces: Trace, jobs: int = 1, across: bool = True, worth_splitting: int = 20_000
) -> list[Judgement]:
    """The verdicts of recordings `0.db`, `1.db`, ..., which begin at the same time."""
    paths = [write_whole(folder / f"{number}.db", trace) for number, trace in enumerate(traces)]
    outcomes = judge_files(
        [(path, CONTRACT) for path in paths], across=across, jobs=jobs, worth_splitting=worth_splitting
    )  # fmt: skip
    judgements = [outcome.judgement for outcome in outcomes]
    assert all(judgement is not None for judgement in judgements), [outcome.error for outcome in outcomes]
    return [judgement for judgement in judgements if judgement is not None]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_reaches_somebody_else_in_another_recording_is_found(jobs: int, tmp_path: Path) -> None:
    own = chat("ann", "t1").close()
    other = Trace().at(5).open(user="bob").s2c("agent_started", thread_id="t1", run_id="r1").s2c(
        "agent_thinking", thread_id="t1", run_id="r1").at(6).close()  # fmt: skip
    apart = judge_all(tmp_path, own, other, across=False)
    assert not any("reached" in line for judgement in apart for line in said(judgement))
    (tmp_path / "again").mkdir()
    first, second = judge_all(tmp_path / "again", own, other, jobs=jobs)
    assert said(first) == []
    assert first.verdict is Verdict.SATISFIED
    assert second.verdict is second.session_verdicts[1] is Verdict.VIOLATED
    (finding,) = [finding for finding in second.findings if finding.caused_by is None]
    assert (finding.rule, finding.session, finding.connection, finding.frames) == ("thread-owner", 1, 1, (1,))
    wanted = "thread t1 of user ann reached user bob: 2 events, agent_started first; it was seen in .*/0.db, frame 1"
    assert re.fullmatch(wanted, finding.message)
    broken = [{rule.id for rule in judgement.rules if rule.violations} for judgement in (apart[1], second)]
    assert broken[1] == broken[0] | {"thread-owner"}


def test_days_lie_between_and_it_is_found_all_the_same(tmp_path: Path) -> None:
    later = Trace().at(200_000).open(user="bob").s2c("agent_started", thread_id="t1", run_id="r1").close()
    _, second = judge_all(tmp_path, chat("ann", "t1").close(), later)
    assert any("reached user bob" in line for line in said(second))


def test_whose_it_is_may_come_out_only_with_the_other_recording(tmp_path: Path) -> None:
    """The wrong user is shown it first: alone, the recording says that it reached the right one."""
    both = Trace().at(5).open(1, user="bob").open(2, user="ann")
    both.s2c("agent_started", 1, thread_id="t1", run_id="r2").s2c("agent_started", 2, thread_id="t1", run_id="r2")
    (alone,) = judge_all(tmp_path, both)
    assert any("of user bob reached user ann" in line for line in said(alone))
    (tmp_path / "with").mkdir()
    _, together = judge_all(tmp_path / "with", chat("ann", "t1").close(), both)
    assert [line for line in said(together) if "reached" in line] == [
        line for line in said(together) if "of user ann reached user bob" in line
    ] != []


def test_the_same_user_in_many_recordings_is_no_finding(tmp_path: Path) -> None:
    traces = [chat("ann", "t1", f"r{number}").close() for number in range(3)]
    assert judge_all(tmp_path, *traces) == judge_all_again(tmp_path, *traces)


def judge_all_again(folder: Path, *traces: Trace) -> list[Judgement]:
    (folder / "again").mkdir()
    return judge_all(folder / "again", *traces, across=False)


def test_an_id_that_two_users_ask_in_is_taken_for_two(tmp_path: Path) -> None:
    first, second = judge_all(tmp_path, chat("ann", "t1").close(), chat("bob", "t1", "r2").close())
    assert said(first) == []
    (line,) = said(second)
    assert "user ann and user bob both ask in thread t1" in line
    assert second.verdict is Verdict.SATISFIED


def test_sessions_without_a_user_are_told_apart_too(tmp_path: Path) -> None:
    shown = Trace().at(5).open(user=None).s2c("agent_started", thread_id="t1", run_id="r1").at(6).close()
    _, second = judge_all(tmp_path, chat("ann", "t1").close(), shown)
    assert any("of user ann reached session" in line for line in said(second))


def test_a_leak_within_one_recording_stays_as_it_was(tmp_path: Path) -> None:
    leaking = chat("ann", "t1").open(2, user="bob").s2c("agent_started", 2, thread_id="t1", run_id="r1")
    other = chat("ann", "t1", "r5").close()
    (alone, *_) = judge_all_again(tmp_path, leaking, other)
    (together, *_) = judge_all(tmp_path, leaking, other)
    assert together == alone


def test_parts_of_a_large_file_are_judged_with_other_files_too(tmp_path: Path) -> None:
    large = Trace()
    for number in range(6):
        large.open(number + 1, user=f"user-{number}")
    for number in range(120):
        connection = number % 6 + 1
        large.c2s("chat", connection, thread_id=f"t{number}", message="Why?")
        large.run(f"t{number}", f"r{number}", connection=connection)
    shown = Trace().at(50).open(user="bob").s2c("agent_started", thread_id="t77", run_id="r77").at(51).close()
    for jobs in (1, 2):
        (tmp_path / f"{jobs}").mkdir()
        _, second = judge_all(tmp_path / f"{jobs}", large, shown, jobs=jobs, worth_splitting=100)
        assert any("of user-5 reached user bob" in line for line in said(second))
