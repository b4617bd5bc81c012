"""Proposals as a user gets them: they can be loaded, and judge the recording that they were made of."""

from __future__ import annotations

from pathlib import Path

from tests.contract.test_observed_types import AS_ARRAYS, NAMED, seen
from wsreplay.contract import load, loads
from wsreplay.contract.model import Contract
from wsreplay.contract.proposal import propose
from wsreplay.contract.proposal_yaml import as_yaml
from wsreplay.store.reader import Recording
from wsreplay.validator import judge


def proposed(documents: list[object], folder: Path, base: Contract, name: str) -> str:
    return as_yaml(propose(seen(documents, folder, base), base), "mine", name)


def test_a_type_besides_one_of_its_direction_is_mapped(tmp_path: Path) -> None:
    text = proposed(NAMED, tmp_path, load("agent-chat"), "agent-chat")
    assert "map:\n  type: $.name\n  fields:\n    run_id: $.data.run_id\n" in text
    with Recording.open(tmp_path / "a.db") as recording:
        assert judge(recording, loads(text)).run_counts == {"completed": 1}


def test_messages_that_are_arrays_get_a_contract_that_lets_them_be(tmp_path: Path) -> None:
    text = proposed(AS_ARRAYS, tmp_path, load("agent-chat"), "agent-chat")
    assert 'map:\n  type: "$[0]"\n  fields:\n    run_id: "$[1].run_id"\n' in text
    assert "\njson: {text: json, type: required}   # messages are arrays\n" in text
    with Recording.open(tmp_path / "a.db") as recording:
        judgement = judge(recording, loads(text))
    assert judgement.run_counts == {"completed": 1}
    assert not [finding for finding in judgement.findings if "JSON" in finding.message or "unknown" in finding.message]


def test_what_a_glob_of_the_contract_lets_pass_is_understood(tmp_path: Path) -> None:
    documents = [{"type": "agent_started"}, {"type": "server_heartbeat"}, {"type": "billing"}]
    text = proposed(documents, tmp_path, load("agent-chat"), "agent-chat")
    assert "# Understood as they are, without a mapping:\n#   agent_started, server_heartbeat\n" in text
    assert "# Not mapped:\n#   s2c:billing  1×\n" in text


def test_a_draft_is_gone_on_with(tmp_path: Path) -> None:
    draft = "contract: draft\nenvelope: {type: $.data.kind}\n"
    text = proposed([{"type": "x", "data": {"kind": kind}} for kind in ("a", "b")], tmp_path, loads(draft), "draft.yaml")
    assert "\nextends: draft.yaml\n+known:\n  - s2c:a   # 1×\n  - s2c:b   # 1×\n" in text
    (tmp_path / "draft.yaml").write_text(draft)
    (tmp_path / "mine.yaml").write_text(text)
    assert load(str(tmp_path / "mine.yaml")).envelope.type.text == "$.data.kind"


def test_what_a_draft_maps_is_not_mapped_again(tmp_path: Path) -> None:
    draft = loads("contract: draft\nextends: agent-chat\nmap: {events: {go: agent_started, stop: agent_completed}}\n")
    text = proposed([{"type": kind} for kind in ("go", "agentThinking", "stop")], tmp_path, draft, "draft.yaml")
    assert "  events:\n    agentThinking: agent_thinking   # 1×\n" in text and "go: " not in text
