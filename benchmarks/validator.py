"""`python -m benchmarks.validator`: judge a large recording, beside a hand-written loop and pm4py.

One run, one table: events per second from the file (read, decode, judge), the best of several
rounds, since what else a machine does only ever takes time away; memory in runs of their own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import alternatives, pm4py_declare, validator_by_hand
from benchmarks.options import parser_for
from benchmarks.table import FIGURES, Table, count, publish, ratio, save
from benchmarks.validator_trace import write
from wsreplay.contract import load
from wsreplay.validator import judge_files

RESULTS = Path(__file__).parent / "results"
CONTRACT = "agent-chat"
GOAL = 300_000  # events/s
GOAL_PM4PY = 335_000  # what pm4py judged on the machine that the goal was set on
PM4PY = "pm4py"


def main() -> None:
    parser = parser_for("benchmarks.validator", __doc__, events=1_000_000, rounds=7)
    parser.add_argument("--folder", type=Path, default=Path("/tmp"), help="where the recordings go (0.4 GB a million events)")
    parser.add_argument("--memory", action="store_true", help="also ten times the events, for the memory")
    parser.add_argument("--without-pm4py", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _one(*arguments.one)
        return
    path = _recording(arguments.folder, arguments.events)
    tables = [_speed(path, arguments.events, arguments.rounds, not arguments.without_pm4py)]
    if arguments.memory:
        tables.append(_memory(path, _recording(arguments.folder, 10 * arguments.events), arguments.events))
    for table in tables:
        print(table.text(), "\n", flush=True)
    if arguments.publish:
        publish(FIGURES, "validator", tables, alternatives.environment())
    save(RESULTS, "validator-" + datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ"), tables, alternatives.environment())


def _recording(folder: Path, events: int) -> Path:
    path = folder / f"wsreplay-bench-paced-{events}.db"
    if not path.exists():
        print(f"writing {path} …", flush=True)
        write(path, events)
    return path


def engine(path: Path, jobs: int = 1) -> int:
    """Events judged by the whole of agent-chat, from the file."""
    (outcome,) = judge_files([(path, load(CONTRACT))], jobs=jobs)
    if outcome.judgement is None or outcome.judgement.verdict != "satisfied":
        raise SystemExit(f"{path}: {outcome.error or outcome.judgement}")
    return outcome.judgement.events


WAYS: dict[str, Callable[[Path], int]] = {
    "wsreplay": engine,
    "wsreplay -j 2": lambda path: engine(path, jobs=2),
    "by hand": validator_by_hand.judge,
}


def _one(way: str, path: str) -> None:
    """One measurement in a process of its own, as JSON."""
    began, cpu = time.perf_counter(), time.process_time()
    events = WAYS[way](Path(path))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": events, "wall": wall, "cpu": cpu, "peak_mb": peak}))


def _measured(way: str, path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.validator", "--one", way, str(path)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _speed(path: Path, events: int, rounds: int, with_pm4py: bool) -> Table:
    """Each way in turn, round after round; the best of each."""
    results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    pm4py: list[pm4py_declare.Measured] = []
    for _ in range(rounds):
        for way in WAYS:
            results[way].append(_measured(way, path))
        found = pm4py_declare.measure(path) if with_pm4py else None
        pm4py += [found] if found is not None else []

    speeds = {way: [one["events"] / one["wall"] for one in found] for way, found in results.items()}
    speeds[PM4PY] = [one.per_second for one in pm4py]
    per_cpu = {way: [one["events"] / one["cpu"] for one in found] for way, found in results.items()}
    per_cpu[PM4PY] = [one.per_cpu_second for one in pm4py]

    def row(way: str, name: str, beside: str, goal: str) -> list[str]:
        cpu = "" if way == "wsreplay -j 2" else count(max(per_cpu[way]))
        return [name, count(max(speeds[way])), cpu, beside, goal]

    def beside(way: str, other: str = "wsreplay") -> float:
        return max(speeds[way]) / max(speeds[other])

    header = ["way", "events/s", "events per CPU second", "÷ wsreplay", "goal"]
    table = Table(f"Validating {events:,} events from a file with {CONTRACT}, best of {rounds} rounds", header)
    table.raw = {way: {"events/s": found} for way, found in speeds.items()}
    absolute = ratio(max(speeds["wsreplay"]) / GOAL, "≥ 1") + f" of {GOAL:,}"
    table.rows.append(row("wsreplay", "wsreplay", "", absolute))
    table.rows.append(row("wsreplay -j 2", "wsreplay -j 2", ratio(beside("wsreplay -j 2"), "≥ 1.7"), ""))
    by_hand = "wsreplay " + ratio(beside("wsreplay", "by hand"), "≥ 0.6")
    table.rows.append(row("by hand", "the same checks by hand", f"{beside('by hand'):.2f}×", by_hand))
    if pm4py:
        goal = "wsreplay " + ratio(beside("wsreplay", PM4PY), "≥ 1")
        table.rows.append(row(PM4PY, f"pm4py {pm4py[0].version}, events in memory", f"{beside(PM4PY):.2f}×", goal))
        table.note = (
            f"Events per second depend on the machine: the goal of {GOAL:,} was set where pm4py validated {GOAL_PM4PY:,},"
            f" a ratio of {GOAL / GOAL_PM4PY:.2f}×. Here the ratio is {beside('wsreplay', PM4PY):.2f}×."
        )
    elif with_pm4py:
        table.rows.append([PM4PY, "–", "", "", "could not be installed here"])
    return table


def _memory(small: Path, large: Path, events: int) -> Table:
    table = Table("Memory of the validator", ["events", "peak MB", "goal"])
    one, ten = (_measured("wsreplay", path)["peak_mb"] for path in (small, large))
    table.rows.append([count(events), f"{one:.0f}", ""])
    table.rows.append([count(10 * events), f"{ten:.0f}", ratio(ten / one, "≤ 1.1")])
    return table


if __name__ == "__main__":
    main()
