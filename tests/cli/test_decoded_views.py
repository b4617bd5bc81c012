"""Every view reads what decoders and maps say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import run

from tests.decode.conftest import EXAMPLES
from wsreplay.decode import TEXT, get_decoder

PRODUCT = Path(__file__).parents[1] / "contract" / "data" / "product.jsonl"
MAP = """
extends: agent-chat
map:
  type: $.event
  sent: $.ts
  events: {agent.start: agent_started, agent.think: agent_thinking, "tool*": "tool*", agent.complete: agent_completed}
  fields: {thread_id: $.data.threadId, run_id: $.data.runId, tool_call_id: $.data.toolCallId}
"""


def recorded(name: str, folder: Path) -> tuple[Path, list[str]]:
    """A recording of a decoder's examples, and the types that are told by a message alone."""
    import base64

    lines: list[dict[str, object]] = [{"wsreplay": 1}, {"connection": 1, "t": 0, "open": {"path": "/ws"}}]
    types = []
    for number, (direction, opcode, payload) in enumerate(EXAMPLES[name], 1):
        body = {"data": payload.decode()} if opcode == TEXT else {"base64": base64.b64encode(payload).decode()}
        kind = "text" if opcode == TEXT else "binary"
        lines.append({"connection": 1, "t": number / 10, "dir": ["c2s", "s2c"][direction], "opcode": kind, **body})
        parts = get_decoder(name).parse(direction, opcode, payload)
        types += [part.type for part in parts if part.type is not None and not part.attachments]
    lines.append({"connection": 1, "t": 9, "close": {"by": "client", "code": 1000}})
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("import", folder / f"{name}.jsonl", "-o", folder / f"{name}.db").code == 0
    return folder / f"{name}.db", types


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_view_shows_the_events_of_each_decoder(name: str, tmp_path: Path) -> None:
    path, types = recorded(name, tmp_path)
    assert types
    shown = [json.loads(line) for line in run("show", path, "--as", name, "--json").out.splitlines()]
    assert {line["type"] for line in shown} >= set(types[:1])
    counted = json.loads(run("stats", path, "--as", name, "--json").out)
    assert {entry["type"] for entry in counted["types"]} >= set(types)
    report = run("validate", path, "--as", name, "-c", "none").out
    assert all(f" {kind} " in f"{report} " for kind in set(types))
    html = run("validate", path, "--as", name, "-c", "none", "-f", "html").out
    assert all(kind in html for kind in set(types))
    assert run("diff", path, path, "-c", "none").code == 0


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
