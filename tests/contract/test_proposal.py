from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_observed_types import imported, seen
from wsreplay.contract import load, loads
from wsreplay.contract.observed_types import ObservedTypes, look, told_by_path
from wsreplay.contract.paths import parse
from wsreplay.contract.proposal import propose
from wsreplay.contract.proposal_yaml import as_yaml
from wsreplay.store.reader import Recording
from wsreplay.validator import judge

PRODUCT = Path(__file__).parent / "data" / "product.jsonl"


def test_what_is_guessed_says_so_and_types_at_another_place_are_told(tmp_path: Path) -> None:
    lines = ['{"wsreplay": 1}', '{"connection": 1, "t": 0, "open": {"path": "/"}}']
    for t, kind in enumerate(("run.begin", "step.begin", "step.end", "run.end", "token"), 1):
        data = json.dumps({"kind": kind, "run": "r1"})
        lines.append(json.dumps({"connection": 1, "t": t, "dir": "s2c", "opcode": "text", "data": data}))
    (tmp_path / "runs.jsonl").write_text("\n".join(lines) + "\n")
    imported(tmp_path / "runs.jsonl", tmp_path / "runs.db")
    with Recording.open(tmp_path / "runs.db") as recording:
        text = as_yaml(propose(look(recording), load("agent-chat")), "runs", "agent-chat")
        told = told_by_path(recording)
        judgement = judge(recording, loads(text))
    assert "    run.begin: agent_started   # 1×, a guess\n" in text and "#   s2c:token  1×\n" in text
    assert told == "json, by $.kind: s2c:run.begin 1, s2c:step.begin 1, s2c:step.end 1, s2c:run.end 1, s2c:token 1"
    assert judgement.run_counts == {"completed": 1}


def test_fields_that_most_messages_have_are_told_where_the_contracts_are_missing() -> None:
    seen = ObservedTypes("json", None)
    for type_ in ("agent_started", "agent_completed"):
        seen.add(1, type_, {"type": type_, "conv": "c1", "turn": "t1"})
    text = as_yaml(propose(seen, load("agent-chat")), "runs", "agent-chat")
    assert "#   most messages have $.conv, $.turn\n" in text


def test_rules_about_what_did_not_come_are_told_as_they_are_turned_off() -> None:
    seen = ObservedTypes("json", None)
    for type_ in ("agent_started", "tool_executing", "tool_completed", "agent_completed"):
        seen.add(1, type_, {"type": type_})
    text = as_yaml(propose(seen, load("agent-chat")), "runs", "agent-chat")
    assert "#   - {id: think-before-tools, enabled: false}   # asks for agent_thinking\n" in text
    assert "{id: worked," not in text


def test_a_product_with_names_of_its_own_gets_a_map_that_judges_it(tmp_path: Path) -> None:
    imported(PRODUCT, tmp_path / "product.db")
    with Recording.open(tmp_path / "product.db") as recording:
        text = as_yaml(propose(look(recording), load("agent-chat")), "product", "agent-chat")
        judgement = judge(recording, loads(text))
    assert text == (
        "# Proposed from a recording, by similar names. Check it before you use it.\n"
        "contract: product\n"
        "extends: agent-chat\n"
        "map:\n"
        "  type: $.event\n"
        "  sent: $.ts\n"
        "  events:\n"
        "    agent.start: agent_started   # 1×\n"
        "    agent.think: agent_thinking   # 1×\n"
        "    toolExecuting: tool_executing   # 1×\n"
        "    toolCompleted: tool_completed   # 1×\n"
        "    agent.complete: agent_completed   # 1×\n"
        "  fields:\n"
        "    thread_id: $.data.threadId\n"
        "    run_id: $.data.runId\n"
        "    tool_call_id: $.data.toolCallId\n"
        "# Understood as they are, without a mapping:\n"
        "#   chat\n"
        "# Not mapped:\n"
        "#   s2c:billing.tick  1×\n"
        "# If one of these means the same as a name of agent-chat, add it to events. Its unused names:\n"
        "#   error_event, agent_error, tool_error, partial_result, agent_fallback, final_report,\n"
        "#   typing_started, typing_stopped\n"
        "# Fields of agent-chat that were not found; add those that your messages have under another name to fields:\n"
        "#   tool_name, user_id\n"
    )
    assert [finding.message for finding in judgement.findings] == ["unknown type billing.tick"]
    assert judgement.run_counts == {"completed": 1}


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ({"thread_id": "t", "run_id": "r", "tool_call_id": "c"}, {}),
        ({"thread_id": "t", "data": {"runId": "r", "toolCallId": "c"}},
         {"run_id": "$.data.runId", "tool_call_id": "$.data.toolCallId"}),
        ({"data": {"thread": "t", "run_id": "r"}, "call_id": "c"},
         {"thread_id": "$.data.thread", "run_id": "$.data.run_id", "tool_call_id": "$.call_id"}),
    ],
)  # fmt: skip
def test_only_members_that_stand_elsewhere_are_mapped(message: dict[str, Any], fields: dict[str, str], tmp_path: Path) -> None:
    proposal = propose(seen([{"type": "agent_started", **message}], tmp_path), load("agent-chat"))
    assert {name: path for name, path in proposal.fields.items() if name in ("thread_id", "run_id", "tool_call_id")} == fields


def test_what_looks_like_nothing_is_named_and_demanded_nothing_of(tmp_path: Path) -> None:
    lines = '{"wsreplay": 1}\n{"connection": 1, "t": 0, "open": {"path": "/"}}\n'
    data = '{"jsonrpc":"2.0","method":"a/b","runId":"r1"}'
    message = {"connection": 1, "t": 1, "dir": "s2c", "opcode": "text", "data": data}
    lines += json.dumps(message) + "\n"
    (tmp_path / "rpc.jsonl").write_text(lines)
    imported(tmp_path / "rpc.jsonl", tmp_path / "rpc.db")
    with Recording.open(tmp_path / "rpc.db") as recording:
        text = as_yaml(propose(look(recording), load("agent-chat")), "rpc", "agent-chat")
    assert text == (
        "# Proposed from a recording whose events do not resemble those of agent-chat.\n"
        "contract: rpc\n"
        "envelope: {decoder: json-rpc}\n"
        "known:\n"
        "  - s2c:a/b   # 1×\n"
        "# Most messages have $.jsonrpc, $.method.\n"
        "# It has no rules yet. Add keys, spans and rules: wsreplay help write-contracts\n"
    )
    contract = loads(text)
    assert (contract.name, contract.envelope.decoder, contract.rules) == ("rpc", "json-rpc", ())


@pytest.mark.parametrize(("theirs", "mapped"), [("chat", None), ("sendMessage", "send_message"), ("CHAT", "chat")])
def test_a_question_is_told_by_its_words(theirs: str, mapped: str | None) -> None:
    proposal = propose(asked(theirs, "agentStarted"), load("agent-chat"))
    assert (proposal.events.get(theirs), proposal.unmapped) == (mapped, ())


def test_what_a_client_says_besides_questions_is_left_over() -> None:
    talk = asked("sendMessage", "agentStarted")
    talk.add(0, "bananaSplit", {"type": "bananaSplit"})
    proposal = propose(talk, load("agent-chat"))
    assert (proposal.events["sendMessage"], proposal.unmapped) == ("send_message", ((0, "bananaSplit"),))


def test_a_question_alone_makes_no_agent() -> None:
    proposal = propose(asked("sendMessage", "other"), load("agent-chat"))
    assert proposal.events == {} and len(proposal.unmapped) == 2


def test_what_has_all_its_fields_in_place_maps_none() -> None:
    fields = dict.fromkeys(("thread_id", "run_id", "tool_call_id", "tool_name", "user_id"), "x")
    talk = ObservedTypes("json", None)
    talk.add(1, "agentStarted", {"type": "agentStarted", **fields})
    lines = as_yaml(propose(talk, load("agent-chat")), "x", "agent-chat").splitlines()
    assert lines[3:6] == ["map:", "  events:", "    agentStarted: agent_started   # 1×"]
    assert "  fields:" not in lines


def test_texts_are_found_where_events_show_them() -> None:
    talk = asked("chat", "agentStarted")
    talk.add(0, "chat", {"data": {"text": "only asked"}})
    assert propose(talk, load("agent-chat")).fields == {}
    talk.add(1, "agentThinking", {"data": {"thought": "shown"}})
    assert propose(talk, load("agent-chat")).fields == {"thought": "$.data.thought"}


def asked(question: str, answer: str) -> ObservedTypes:
    talk = ObservedTypes("json", None)
    talk.add(0, question, {"type": question})
    talk.add(1, answer, {"type": answer})
    return talk


def test_what_counts_the_messages_is_mapped_where_the_contracts_number_is_missing(tmp_path: Path) -> None:
    documents = [{"event": "job.begin", "n": number} for number in range(8)]
    base = load("agent-chat")
    told = as_yaml(propose(seen(documents, tmp_path), base), "x", "agent-chat")
    assert "  seq: $.n\n" in told and loads(told).envelope.seq == parse("$.n")
    (tmp_path / "own").mkdir()
    numbered = [{**document, "seq": document["n"]} for document in documents]
    assert propose(seen(numbered, tmp_path / "own"), base).seq is None


# Of four products: how a server says that a run begins, thinks, uses a tool, that the tool fails, and that the run was stopped;
# where the type, the user and a counter stand; and what is proposed.
PRODUCTS = {
    "jobs": (
        ("job.begin", "job.thought", "step.begin", "step.failed", "job.stopped"),
        lambda kind, n: {"event": kind, "data": {"userId": "u1", "runId": "r", "n": n}},
        ["user: $.data.userId ", "  type: $.event\n", "  seq: $.data.n\n"],
    ),
    "turns": (
        ("turnStarted", "turnReasoning", "functionCalled.start", "function.error", "turnAborted"),
        lambda kind, n: {"kind": kind, "user_id": 7, "run": "r", "seq": n},
        ["user: $.user_id ", "  type: $.kind\n"],
    ),
    "tasks": (
        ("TASK_OPEN", "TASK_THINKING", "ACTION_LAUNCH", "ACTION_FAIL", "TASK_CANCELLED"),
        lambda kind, n: {"type": kind, "meta": {"uid": "ann", "num": n}, "run_id": "r"},
        ["user: $.meta.uid ", "  seq: $.meta.num\n"],
    ),
    "workflows": (
        ("workflow-begin", "workflow-reason", "call-open", "call-crashed", "workflow-timeout"),
        lambda kind, n: {"name": kind, "body": {"user": {"name": "x"}, "account": "acme"}, "run_id": "r", "sequence": n},
        ["user: $.body.account ", "  type: $.name\n", "  seq: $.sequence\n"],
    ),
}
OURS = ("agent_started", "agent_thinking", "tool_executing", "tool_error", "agent_error")


@pytest.mark.parametrize("product", PRODUCTS)
def test_users_counters_failures_and_what_was_stopped_are_found_in_differently_named_products(
    product: str, tmp_path: Path
) -> None:
    kinds, document, expected = PRODUCTS[product]
    messages = [document(kind, n) for n, kind in enumerate(kinds * 3, 1)]
    lacking = [{name: value for name, value in messages[-1].items() if value.__class__ is str and value != "r"}]
    text = as_yaml(propose(seen([*messages, *lacking], tmp_path), load("agent-chat")), product, "agent-chat")
    for line in expected:
        assert line in text
    for kind, ours in zip(kinds, OURS, strict=True):
        assert f"    {kind}: {ours}   #" in text or f'    "{kind}": {ours}   #' in text
    assert loads(text).name == product and "Not mapped" not in text


def test_what_a_client_asks_to_stop_is_not_what_was_stopped(tmp_path: Path) -> None:
    said = [{"type": "job.begin"}, ({"type": "job.stop"},), {"type": "job.end"}]
    proposal = propose(seen(said, tmp_path), load("agent-chat"))
    assert proposal.events == {"job.begin": "agent_started", "job.end": "agent_completed"}
