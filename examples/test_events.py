"""Every event that a user must see, in order and in time; and what is not right is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.testing import Recordings

REQUIRED = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]


async def test_a_run_sends_all_events_in_order(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, last="final_report")
        tap.assert_valid()
        assert [kind for kind in tap.types() if kind in REQUIRED] == REQUIRED
        assert "partial_result" in tap.types()


async def test_an_agent_that_fails_says_so(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "failing-agent", last="error_event")
        tap.assert_valid()  # a failed run owes no completion, but an error event
        assert "agent_completed" not in tap.types()
        assert tap.judgement().run_counts == {"failed": 1}


async def test_sub_agents_owe_what_every_agent_owes(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "sub-agent")
        tap.assert_valid()
        assert tap.judgement().run_counts == {"completed": 2}


async def test_parallel_tools_may_interleave(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "parallel-tools")
        tap.assert_valid()
        assert tap.types().count("tool_completed") == 3


async def test_the_typing_indicator_goes_off_again(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "typing", last="typing_stopped")
        tap.assert_valid()


@pytest.mark.parametrize(
    ("scenario", "rule"),
    [
        ("missing-event", "tool"),  # a tool starts, and nobody hears of it again
        ("no-tools", "worked"),
        ("out-of-order", "think-before-tools"),
        ("duplicates", "event-id"),
        ("sequence-gap", "seq"),
        ("slow-start", "first-event"),  # the user sees nothing for longer than 2 s
    ],
)
async def test_what_is_not_right_is_found(scenario: str, rule: str, wsreplay: Recordings, backend: str, chat) -> None:
    """So that you trust the contract: each fault of the demo's agent breaks the rule that it should."""
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, scenario)
        with pytest.raises(AssertionError, match=f"✗ {rule} "):
            tap.assert_valid()


async def test_an_agent_that_goes_on_after_its_end_is_found(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url, "after-the-end", last="partial_result")
        assert [finding.rule for finding in tap.findings()] == ["run"]


async def test_budgets_of_your_own(wsreplay: Recordings, backend: str, chat) -> None:
    """A contract of three lines changes what the built-in one says: see `impatient.yaml`."""
    async with wsreplay.proxy(backend, contract=Path(__file__).with_name("impatient.yaml")) as tap:
        await chat(tap.url)
        tap.assert_valid()
    async with wsreplay.proxy(backend, contract=Path(__file__).with_name("impatient.yaml")) as tap:
        await chat(tap.url, "late-delivery", user="bob")
        assert "latency" in {finding.rule for finding in tap.findings()}


async def test_times_can_be_asked_for(wsreplay: Recordings, backend: str, chat) -> None:
    async with wsreplay.proxy(backend) as tap:
        await chat(tap.url)
        times = {message.type: message.t_ns / 1e9 for message in tap.messages()}
        assert times["agent_started"] - times["chat"] < 2
        assert times["agent_completed"] - times["agent_started"] < 30
