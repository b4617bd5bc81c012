"""pm4py's DECLARE conformance checking on the events of a recording, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path.home() / ".cache" / "wsreplay-bench" / "pm4py"
_EVENTS = 1_000_000

# Existence, precedence and response of agent-chat's types, each run a case; events are in memory before the clock starts.
_PROGRAM = """
import json, sqlite3, sys, time
import pandas, pm4py
query = "SELECT payload, t_ns FROM frame WHERE direction = 1 ORDER BY id LIMIT ?"
rows = sqlite3.connect(sys.argv[1]).execute(query, (int(sys.argv[2]),))
found = []
for payload, t_ns in rows:
    event = json.loads(payload)
    found.append((event["run_id"], event["type"], t_ns))
log = pandas.DataFrame(found, columns=["case:concept:name", "concept:name", "time:timestamp"])
log["time:timestamp"] = pandas.to_datetime(log["time:timestamp"], utc=True)
log = log.sort_values(["case:concept:name", "time:timestamp"], kind="stable").reset_index(drop=True)  # it wants whole cases
one = {"support": 1, "confidence": 1.0}
types = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
model = {
    "existence": {name: one for name in types},
    "init": {"agent_started": one},
    "precedence": {("agent_thinking", "tool_executing"): one, ("tool_executing", "tool_completed"): one},
    "response": {("agent_started", "agent_completed"): one, ("tool_executing", "tool_completed"): one},
    "exactly_one": {"agent_started": one, "agent_completed": one},
}
began, cpu = time.perf_counter(), time.process_time()
result = pm4py.conformance_declare(log, model)
took, cpu = time.perf_counter() - began, time.process_time() - cpu
fit = sum(1 for case in result if case["is_fit"])
print(json.dumps({"events": len(log), "took": took, "cpu": cpu, "cases": len(result), "fit": fit,
                  "version": pm4py.__version__}))
"""


@dataclass(frozen=True)
class Measured:
    version: str
    per_second: float
    per_cpu_second: float


def measure(path: Path) -> Measured | None:
    """Events per second, or None where pm4py cannot be installed."""
    python = _python()
    if python is None:
        return None
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", _PROGRAM, str(path), str(_EVENTS)], capture_output=True, text=True
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    if found["fit"] != found["cases"]:
        print(f"pm4py: {found['cases'] - found['fit']} of {found['cases']} cases do not fit", file=sys.stderr)
    return Measured(found["version"], found["events"] / found["took"], found["events"] / found["cpu"])


def _python() -> Path | None:
    python = HOME / "bin" / "python"
    if not python.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", "pm4py"], check=True)
        except subprocess.CalledProcessError:
            return None
    return python
