"""What maps say is read by the commands."""

from __future__ import annotations

import json
from pathlib import Path

from commandline import run

PRODUCT = Path(__file__).parents[1] / "contract" / "data" / "product.jsonl"
MAP = """
extends: agent-chat
map:
  type: $.event
  sent: $.ts
  events: {agent.start: agent_started, agent.think: agent_thinking, "tool*": "tool*", agent.complete: agent_completed}
  fields: {thread_id: $.data.threadId, run_id: $.data.runId, tool_call_id: $.data.toolCallId}
"""


def test_a_map_names_types_in_show_stats_and_reports(tmp_path: Path) -> None:
    contract, path = tmp_path / "mine.yaml", tmp_path / "product.db"
    contract.write_text(MAP)
    assert run("import", PRODUCT, "-o", path).code == 0
    lines = run("show", path, "-c", contract).out.split("\n")
    assert "agent.start " in lines[2] and "  (agent_started)  {" in lines[2]
    named = [json.loads(line) for line in run("show", path, "-c", contract, "--json").out.splitlines()]
    assert {"agent.start": "agent_started"}.items() <= {line["type"]: line.get("contract_type") for line in named}.items()
    assert len(run("show", path, "-c", contract, "--filter", "type:agent.*").out.splitlines()) == 4
    counted = json.loads(run("stats", path, "-c", contract, "--json").out)
    assert "toolExecuting" in {entry["type"] for entry in counted["types"]}
    report = run("validate", path, "-c", contract).out
    assert "agent.start 1" in " ".join(report.split()) and "1 completed" in report
