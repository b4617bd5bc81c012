"""Two checkouts side by side: is this one slower than that one?

    python -m benchmarks.compare OTHER [--only record,echo,validate,tui,replay] [--rounds N]

Measured are the programs as a user starts them: `wsreplay` of this checkout and of the other, each in the `.venv` that
`make .venv/.ready` makes there. Whatever sends, receives and counts is this checkout's for both. They take turns (A B, B A,
A B …), and a ratio is taken within a round: the table shows its median, the least and the largest. A ratio is speed to speed:
above 1 this checkout is the faster. Takes about four minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import alternatives, load, measure, replay, tui, validator_trace
from benchmarks.alternatives import Alternative
from benchmarks.scenarios import Rounds
from benchmarks.table import Table, count
from benchmarks.terminal import ROOT, Terminal

ROUNDS = 7
VALIDATED_EVENTS = 500_000
PLAYED_MESSAGES = 300_000
BROWSED_FRAMES = 200_000
KEYS = 40


@dataclass(frozen=True)
class Checkout:
    """A checkout whose environment is there; `name` is what the table calls it."""

    name: str
    path: Path

    @property
    def program(self) -> str:
        """`wsreplay`, as its environment has it."""
        return str(self.path / ".venv" / "bin" / "wsreplay")

    @property
    def recorder(self) -> Alternative:
        return alternatives.wsreplay(self.name, program=[self.program])


@dataclass(frozen=True)
class Samples:
    """Recordings that are judged, browsed and played; both checkouts read the same."""

    validated: Path
    browsed: Path
    played: Path

    @classmethod
    def write(cls, folder: Path) -> Samples:
        samples = cls(folder / "validated.db", folder / "browsed.db", folder / "played.db")
        validator_trace.write(samples.validated, VALIDATED_EVENTS)
        tui.make(samples.browsed, BROWSED_FRAMES)
        replay.write(samples.played, PLAYED_MESSAGES, 1000)
        return samples


def record(checkout: Checkout, _samples: Samples) -> dict[str, float]:
    return {"record 200 B, messages/s": measure.flood(checkout.recorder, measure.Load(500_000, 200)).per_second}


def echo(checkout: Checkout, _samples: Samples) -> dict[str, float]:
    """Round trips a second, so that more is better everywhere."""
    trips = measure.echo_and_cpu(checkout.recorder, 200, 15_000)
    p50, p99 = trips.times[len(trips.times) // 2], trips.times[len(trips.times) * 99 // 100]
    return {
        "echo 200 B p50, trips/s": 1e6 / p50, "echo 200 B p99, trips/s": 1e6 / p99,
        "echo 200 B, trips per CPU second of the relay": 1e6 / trips.cpu_us,
    }  # fmt: skip


def validate(checkout: Checkout, samples: Samples) -> dict[str, float]:
    """With the start of Python, which takes a part of it. Raises SystemExit where the verdict is another."""
    before, began = _children_cpu_s(), time.perf_counter()
    done = subprocess.run(
        [checkout.program, "validate", "-c", "agent-chat", "-f", "json", str(samples.validated)],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    seconds, cpu_s = time.perf_counter() - began, _children_cpu_s() - before
    if json.loads(done.stdout)["verdict"] != "satisfied":
        raise SystemExit(f"{checkout.program} does not find {samples.validated.name} satisfied:\n{done.stdout[:500]}")
    return {"validate, events/s": VALIDATED_EVENTS / seconds, "validate, events per CPU second": VALIDATED_EVENTS / cpu_s}


def browse(checkout: Checkout, samples: Samples) -> dict[str, float]:
    terminal = Terminal(checkout.program, "tui", str(samples.browsed), python=str(Path(checkout.program).with_name("python")))
    seconds = terminal.until(b"agent_started")
    cpu_s = terminal.cpu_s()
    terminal.drain()
    keys = tui.keys(terminal, KEYS, "jjjk")
    terminal.quit()
    return {
        "tui, starts/s to the first row": 1 / seconds, "tui, starts per CPU second": 1 / cpu_s,
        "tui, keys/s to the first byte": 1000 / statistics.median(keys),
    }  # fmt: skip


def play(checkout: Checkout, samples: Samples) -> dict[str, float]:
    """Messages a second at speed `max`, read by this process."""
    port = alternatives.free_port()
    command = [checkout.program, "replay", "server", str(samples.played), "-l", f"127.0.0.1:{port}", "--speed", "max"]
    with alternatives.listening(command, port, quiet=True), socket.create_connection(("127.0.0.1", port)) as client:
        load.ask_for_websocket(client)
        began = time.perf_counter()
        while client.recv(2**18):
            pass
        seconds = time.perf_counter() - began
    return {"replay at max, messages/s": PLAYED_MESSAGES / seconds}


MEASURES: dict[str, Callable[[Checkout, Samples], dict[str, float]]] = {
    "record": record, "echo": echo, "validate": validate, "tui": browse, "replay": play,
}  # fmt: skip


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def compare(here: Checkout, there: Checkout, wanted: list[str], rounds: int) -> Table:
    results: dict[str, Rounds] = {}
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder:
        samples = Samples.write(Path(folder))
        for number in range(rounds):
            for name in wanted:
                print(f"… round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
                for checkout in (here, there)[:: -1 if number % 2 else 1]:
                    for what, figure in MEASURES[name](checkout, samples).items():
                        results.setdefault(what, Rounds()).add(checkout.name, figure)
    title = f"{here.path} beside {there.path}, {rounds} rounds: medians, and the least and largest ratio of a round"
    table = Table(title, ["", here.name, there.name, "ratio"], raw={what: figures.raw() for what, figures in results.items()})
    for what, figures in results.items():
        medians = (count(figures.median(checkout.name)) for checkout in (here, there))
        table.rows.append([what, *medians, figures.spread(here.name, there.name)])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--only", default=",".join(MEASURES), help="which measures: %(default)s")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if unknown := set(wanted) - MEASURES.keys():
        parser.error(f"--only: no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    here, there = Checkout("here", ROOT.resolve()), Checkout("there", arguments.other.resolve())
    for checkout in (here, there):
        if not os.access(checkout.program, os.X_OK):
            parser.error(f"{checkout.path} has no environment: run `make .venv/.ready` there")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed wsreplay has its bytecode
    print(compare(here, there, wanted, arguments.rounds).text())


if __name__ == "__main__":
    main()
