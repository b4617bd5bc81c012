"""Which names look alike."""

from __future__ import annotations

import pytest

from wsreplay.contract.resemblance import looks_like, may_mean, may_mean_failure, words


def test_words_of_a_name() -> None:
    assert words("HTTPServer.agentStarted_2") == ("http", "server", "agent", "started", "2")


@pytest.mark.parametrize("theirs", ["agentStarted", "agent.started", "agent-start", "AGENT_STARTED", "agent.starting"])
def test_names_with_the_same_words_look_alike(theirs: str) -> None:
    assert looks_like(theirs, "agent_started")


@pytest.mark.parametrize(
    ("theirs", "ours", "alike"),
    [
        ("stopping", "stop", True), ("run", "runs", True), ("completes", "complete", True), ("messages", "message", True),
        ("toolCall", "tool_calls", True), ("used", "us", False), ("bed", "b", False), ("ring", "r", False), ("is", "i", False),
        ("added", "add", True), ("eed", "e", False), ("HTTPAnswer", "http_answered", True), ("v2.open", "v2_opened", True),
    ],
)  # fmt: skip
def test_words_are_alike_but_for_their_endings(theirs: str, ours: str, alike: bool) -> None:
    assert (looks_like(theirs, ours), looks_like(ours, theirs)) == (alike, alike)


@pytest.mark.parametrize("theirs", ["agent", "agentstarted", "agent.stopped", "run.started", "", "agent.star"])
def test_other_names_do_not(theirs: str) -> None:
    assert not looks_like(theirs, "agent_started")


@pytest.mark.parametrize(("theirs", "ours"), [
    ("run.begin", "agent_started"), ("turnFinished", "agent_completed"), ("tool_call.begin", "tool_executing"),
    ("job.begin", "agent_started"), ("job.end", "agent_completed"), ("call.open", "tool_executing"),
    ("call.shut", "tool_completed"), ("step-end", "tool_completed"), ("function_result", "tool_completed"),
    ("agent.reasoning", "agent_thinking"), ("job.fail", "agent_error"), ("step.failed", "tool_error"),
    ("task_failure", "agent_error"), ("turnTimeout", "agent_error"), ("failed", "error_event"), ("error", "error_event"),
    ("typing.end", "typing_stopped"), ("typing.stop", "typing_stopped"),
])  # fmt: skip
def test_other_words_may_mean_the_same(theirs: str, ours: str) -> None:
    assert may_mean(theirs, ours)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *((theirs, "agent_started") for theirs in ("begin", "user.begin", "run.begin.now", "run", "apple.pear", "agent.pear")),
        ("agent.pear", "agent_apple"),
    ],
)
def test_or_not(theirs: str, ours: str) -> None:
    assert not may_mean(theirs, ours)


def test_what_stopped_is_not_complete_but_failed_or_cancelled() -> None:
    for theirs in ("job.stopped", "run_aborted", "taskCancelled", "turn.canceled", "workflow.terminated"):
        assert not may_mean(theirs, "agent_completed")
        assert may_mean_failure(theirs, "agent_error") and may_mean_failure(theirs, "agent_cancelled")
        assert not may_mean_failure(theirs, "tool_error") and not may_mean_failure(theirs, "agent_completed")
    assert not may_mean_failure("stopped", "error_event")
