"""Does judging cost more here than in another checkout?

    python -m benchmarks.validator_beside OTHER [--events N] [--rounds N]

The same recording is judged with the code of both checkouts, in turn (A B, B A, A B …), each time by a process of its own and
with this environment's Python: once by the other's agent-chat, which uses nothing that only this one knows, and once by the
agent-chat that each has. The ratio is that of the best of each, in CPU time, since what else a machine does only ever takes
time away: above 1 this checkout is the faster; least and largest are those within a round. Takes two seconds for each round
and hundred thousand events.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import validator_trace
from benchmarks.table import Table, count, ratio
from benchmarks.terminal import ROOT

GOAL = "≥ 0.97"
OWN_CONTRACT = "agent-chat"
_JUDGE = """
import sys, time
from pathlib import Path
from wsreplay.contract import load
from wsreplay.validator import judge_files
began = time.process_time()
(outcome,) = judge_files([(Path(sys.argv[1]), load(sys.argv[2]))])
taken = time.process_time() - began
if outcome.judgement is None or outcome.judgement.verdict != "satisfied":
    sys.exit(f"{sys.argv[1]}: {outcome.error or outcome.judgement}")
print(taken)
"""


def cpu_s(checkout: Path, recording: Path, contract: str) -> float:
    """CPU time (s) that a checkout's code takes to read and judge a recording, without the start of Python."""
    done = subprocess.run(
        [sys.executable, "-c", _JUDGE, str(recording), contract],
        cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return float(done.stdout)


def compare(here: Path, there: Path, events: int, rounds: int) -> Table:
    """A row for each contract: events per CPU second of both at their best, and how they compare."""
    contracts = {
        "the other's agent-chat": str(there / "wsreplay" / "contract" / "builtin" / "agent-chat.yaml"),
        "agent-chat as each has it": OWN_CONTRACT,
    }
    times: dict[str, list[dict[Path, float]]] = {name: [] for name in contracts}
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder:
        recording = Path(folder) / "judged.db"
        validator_trace.write(recording, events)
        for number in range(rounds):
            for name, contract in contracts.items():
                turns = (here, there)[:: -1 if number % 2 else 1]
                times[name].append({checkout: cpu_s(checkout, recording, contract) for checkout in turns})
    table = Table(
        f"judging {events:,} events, {rounds} rounds, events per CPU second: {here} beside {there}",
        ["by", "here", "there", "ratio", "least", "largest"],
        raw={name: {str(path): [pair[path] for pair in pairs] for path in (here, there)} for name, pairs in times.items()},
    )
    for name, pairs in times.items():
        best = [min(pair[path] for pair in pairs) for path in (here, there)]
        speeds = [count(events / seconds) for seconds in best]
        ratios = sorted(pair[there] / pair[here] for pair in pairs)
        goal = GOAL if contracts[name] != OWN_CONTRACT else ""
        spread = f"{ratios[0]:.2f}×", f"{ratios[-1]:.2f}×"
        table.rows.append([name, *speeds, ratio(best[1] / best[0], goal), *spread])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validator_beside", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--events", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    arguments = parser.parse_args()
    other = arguments.other.resolve()
    if not (other / "benchmarks" / "validator.py").exists():
        parser.error(f"{other} is not a checkout of wsreplay")
    print(compare(ROOT.resolve(), other, arguments.events, arguments.rounds).text())


if __name__ == "__main__":
    main()
