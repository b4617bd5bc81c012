from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wsreplay.contract import load, loads
from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.errors import ContractError, UsageError
from wsreplay.store.reader import Recording
from wsreplay.testing import ChatClient, EventValidator
from wsreplay.validator import Verdict, judge

HEALTHY = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")


def event(kind: str, thread: str = "t1", **more: Any) -> dict[str, Any]:
    tool = {"tool_call_id": f"call-{thread}"} if kind.startswith("tool_") else {}
    return {"type": kind, "thread_id": thread, **tool, **more}


def record(validator: EventValidator, *kinds: str, step: float = 0.1, **who: Any) -> EventValidator:
    for number, kind in enumerate(kinds):
        validator.record(event(kind), at=number * step, **who)
    return validator


def test_a_healthy_run_is_satisfied() -> None:
    validator = record(EventValidator(), *HEALTHY)
    assert validator.validate() is Verdict.SATISFIED
    assert validator.findings == ()
    validator.assert_valid()
    assert "SATISFIED" in validator.report()


@pytest.mark.parametrize("missing", HEALTHY)
def test_each_of_the_five_events_is_missed(missing: str) -> None:
    validator = record(EventValidator(), *(kind for kind in HEALTHY if kind != missing))
    assert validator.validate() is Verdict.VIOLATED
    assert any(missing in finding.message or missing in finding.expected for finding in validator.judgement().findings)
    with pytest.raises(AssertionError, match="agent-chat: violated\nWEBSOCKET EVENT VALIDATION REPORT   recorded events"):
        validator.assert_valid()


def test_findings_are_known_while_events_still_come() -> None:
    validator = record(EventValidator(), "agent_started", "tool_executing")
    assert [finding.rule for finding in validator.findings] == ["think-before-tools"]
    validator.record(event("agent_thinking"))
    assert len(validator.findings) == 1


def test_events_may_follow_a_verdict() -> None:
    validator = record(EventValidator(), *HEALTHY[:4])
    assert validator.validate() is Verdict.VIOLATED
    validator.record(event("agent_completed"))
    assert validator.validate() is Verdict.SATISFIED


def test_nothing_that_the_contract_speaks_of_is_no_success() -> None:
    assert EventValidator().validate() is Verdict.VACUOUS
    with pytest.raises(AssertionError, match="vacuous"):
        EventValidator().assert_valid()


def test_strict_takes_rules_amiss_that_never_applied() -> None:
    assert record(EventValidator(strict=True), *HEALTHY).validate() is Verdict.VIOLATED
    small = loads("contract: small\nrules: [{id: begins, existence: [agent_started]}]\n")
    assert record(EventValidator(small, strict=True), "agent_started").validate() is Verdict.SATISFIED


def test_times_are_judged() -> None:
    validator = EventValidator()
    validator.record({"type": "chat", "thread_id": "t1"}, sent=True, at=0)
    validator.record(event("agent_started"), at=2.5)
    assert [finding.rule for finding in validator.findings] == ["first-event"]


def test_an_event_that_reaches_another_user_is_found() -> None:
    validator = EventValidator()
    for user in ("alice", "bob"):
        validator.record(event("agent_started", thread=user), user=user)
    assert validator.findings == ()
    validator.record(event("agent_thinking", thread="alice"), user="bob")
    assert "thread-owner" in {finding.rule for finding in validator.findings}


def test_texts_are_judged_as_they_came() -> None:
    validator = record(EventValidator(), *HEALTHY)
    validator.record('{"type": "partial_result", ')
    assert [finding.rule for finding in validator.judgement().findings] == ["json"]


def test_what_was_received_is_captured() -> None:
    validator = record(EventValidator(), *HEALTHY)
    validator.record({"type": "chat", "thread_id": "t1"}, sent=True, at=0.0)
    assert validator.capture.types("t1") == list(HEALTHY)
    assert validator.capture.between("agent_started", "agent_completed") == pytest.approx(0.4)


def test_a_contract_can_be_a_file_or_a_value(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("contract: mine\nrules: [{id: greets, init: hello}]\n")
    assert record(EventValidator(file), "hello").validate() is Verdict.SATISFIED
    assert record(EventValidator(load(str(file))), "goodbye").validate() is Verdict.VIOLATED
    with pytest.raises(ContractError, match="agent-chat"):
        EventValidator("agent-chet")


def test_a_report_can_be_for_programs() -> None:
    validator = record(EventValidator(), *HEALTHY[:4])
    document = json.loads(validator.report("json"))
    assert document["verdict"] == "violated"
    assert document["files"][0]["file"] == "recorded events"


def test_saved_events_are_a_recording_with_the_same_findings(tmp_path: Path) -> None:
    validator = EventValidator(user="alice")
    validator.record({"type": "chat", "thread_id": "t1"}, sent=True, at=0.0)
    record(validator, "agent_started", "tool_executing", "agent_completed", user="alice")
    path = validator.save(tmp_path / "saved.db")
    with Recording.open(path) as recording:
        assert [connection.user for connection in recording.connections()] == ["alice"]
        again = judge(recording, validator.contract)
    assert [one.fingerprint for one in again.findings] == [one.fingerprint for one in validator.judgement().findings]
    with pytest.raises(UsageError, match="exists"):
        validator.save(path)


async def test_a_client_can_be_observed(backend: Backend) -> None:
    validator = EventValidator()
    async with ChatClient(f"{backend.url}/ws", token=make_token("alice"), observe=validator.stream("alice")) as client:
        await client.send({"type": "chat", "thread_id": "t1", "message": "hello"})
        await client.wait_for("final_report")
    validator.assert_valid()
    assert validator.judgement().events == 9
    assert validator.capture.types("t1")[0] == "agent_started"


async def test_a_client_that_comes_back_continues_its_session(backend: Backend) -> None:
    validator = EventValidator()
    async with ChatClient(f"{backend.url}/ws", token=make_token("alice"), observe=validator.stream("alice")) as client:
        await client.wait_for("connection_ack")
        await client.reconnect()
        await client.wait_for("connection_ack")
    judgement = validator.judgement()
    assert (judgement.sessions, judgement.findings) == (1, ())
    (reconnect,) = (rule for rule in judgement.rules if rule.id == "reconnect")
    assert reconnect.verdict is Verdict.SATISFIED


def test_a_connection_that_is_lost_for_longer_than_three_seconds_is_a_finding() -> None:
    validator = EventValidator()
    stream = validator.stream("alice")
    stream.open(at=0)
    stream.drop(at=1)
    stream.open(at=4.5)
    assert [finding.rule for finding in validator.findings] == ["reconnect"]


def test_events_that_name_their_user_are_judged_by_whose_they_are() -> None:
    """Without a user it cannot be decided whether they reached the right one."""
    named = [event(kind, user_id="alice") for kind in HEALTHY]
    for user, verdict in [("alice", "satisfied"), ("bob", "violated"), (None, "inconclusive")]:
        validator = EventValidator(user=user)
        for number, each in enumerate(named):
            validator.record(each, at=number / 10)
        assert validator.validate() == verdict


def test_tabs_and_reconnects_of_one_user_are_told_apart() -> None:
    validator = EventValidator()
    first, second = validator.stream("alice"), validator.stream("alice")
    first.open(at=0)
    second.open(at=0.1)
    first.drop(at=1)
    first.open(at=2)
    other = validator.stream("bob")
    other.open(at=3)
    assert validator.judgement().sessions == 3


def test_messages_of_another_protocol_are_judged_by_their_events() -> None:
    validator = EventValidator("agent-chat", user="u")
    validator.record('42["chat",{"thread_id":"t"}]', sent=True)
    validator.record('42["agent_started",{"thread_id":"t"}]')
    validator.record('42["agent_completed",{"thread_id":"t"}]')
    assert validator.judgement().run_counts == {"completed": 1}
    assert not any(finding.rule == "json" for finding in validator.findings)
