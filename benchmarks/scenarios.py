"""What is measured, and the goals."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks import measure
from benchmarks.alternatives import Alternative, bare_relay, wsreplay
from benchmarks.measure import Load
from benchmarks.table import Table, count, ratio

# How many messages each alternative is sent, relative to wsreplay: so that each takes about two seconds. The last commit,
# up to 50 ms after the last message, counts too: shorter runs would measure little else.
_SHARE = {"direct": 4.0, "bare relay": 4.0, "mitmproxy": 1 / 40}
_INSERT = "executemany"
FAULT_ROUNDS = 5  # fewer do not tell a few percent from noise
TURN = 20  # frames a connection is sent at once, where there are many


@dataclass(frozen=True)
class Plan:
    """Everything a scenario needs to know."""

    alternatives: Sequence[Alternative]
    rounds: int
    quick: bool

    def named(self, name: str) -> Alternative | None:
        return next((each for each in self.alternatives if each.name == name), None)

    def scaled(self, frames: int) -> int:
        return frames // 2 if self.quick else frames


class Rounds:
    """Figures by round and by name. A ratio is taken within a round."""

    def __init__(self) -> None:
        self._figures: dict[str, list[float]] = {}

    def add(self, name: str, figure: float) -> None:
        self._figures.setdefault(name, []).append(figure)

    def median(self, name: str) -> float | None:
        return statistics.median(self._figures[name]) if name in self._figures else None

    def ratio(self, name: str, to: str) -> float | None:
        if name not in self._figures or to not in self._figures:
            return None
        return statistics.median(a / b for a, b in zip(self._figures[name], self._figures[to], strict=True))

    def spread(self, name: str, to: str) -> str:
        """The median of the rounds' ratios, and the least and the largest."""
        ratios = [a / b for a, b in zip(self._figures[name], self._figures[to], strict=True)]
        return f"{statistics.median(ratios):.2f}× ({min(ratios):.2f}–{max(ratios):.2f})"

    def raw(self) -> dict[str, list[float]]:
        return self._figures


def record(plan: Plan) -> Iterator[Table]:
    """Recorded messages per second by the size of the payload, over one connection."""
    loads = {
        "64 B": Load(800_000, 64),
        "200 B": Load(600_000, 200),
        "200 B, client to server": Load(600_000, 200, from_client=True),
        "4 kB": Load(100_000, 4096),
        "64 kB": Load(6_000, 65536),
    }
    yield _floods(plan, "Recorded messages/s by payload, one connection", loads, {"200 B": ("≥ 45", "≥ 0.6")})


def connections(plan: Plan) -> Iterator[Table]:
    """Recorded messages per second by the number of connections."""
    turn = TURN * (200 + 4)
    loads = {
        "1": Load(600_000, 200, 1, turn),
        "100": Load(600_000, 200, 100, turn),
        "1,000": Load(600_000, 200, 1000, turn),
        "1,000, a frame at a time": Load(300_000, 200, 1000, 204),
    }
    goals = {"1,000": ("", "")}
    yield _floods(plan, f"Recorded messages/s by connections, 200 B, {TURN} frames in turn", loads, goals, to="1", goal="≥ 0.6")


def _floods(
    plan: Plan, title: str, loads: dict[str, Load], goals: dict[str, tuple[str, str]], *, to: str = "", goal: str = ""
) -> Table:
    results = {name: Rounds() for name in loads}
    across = Rounds()
    for number in range(plan.rounds):
        for name, load in loads.items():
            _progress(f"{title}: round {number + 1} of {plan.rounds}: {name}")
            for alternative in plan.alternatives:
                figure = measure.flood(alternative, _sized(plan, load, alternative.name)).per_second
                results[name].add(alternative.name, figure)
                if alternative.name == "wsreplay":
                    across.add(name, figure)
            if not load.from_client:
                results[name].add(_INSERT, measure.insert(_sized(plan, load, _INSERT)))
    names = [*(each.name for each in plan.alternatives if each.name != "wsreplay"), _INSERT, "wsreplay"]
    header = ["", *names, "× mitmproxy", f"÷ {_INSERT}"] + ([f"÷ {to} connection"] if to else [])
    table = Table(title, header, raw={name: rounds.raw() for name, rounds in results.items()})
    for name, rounds in results.items():
        wanted = goals.get(name, ("", ""))
        cells = [name, *(count(rounds.median(each)) for each in names)]
        cells += [ratio(rounds.ratio("wsreplay", "mitmproxy"), wanted[0]), ratio(rounds.ratio("wsreplay", _INSERT), wanted[1])]
        if to:
            cells.append(ratio(across.ratio(name, to), goal if name == "1,000" else ""))
        table.rows.append(cells)
    return table


def _sized(plan: Plan, load: Load, name: str) -> Load:
    frames = max(plan.scaled(load.frames) * _SHARE.get(name, 1.0), load.connections * 2)
    each = max(1, int(frames) // load.connections)
    return Load(each * load.connections, load.size, load.connections, load.burst, load.from_client)


def echo(plan: Plan) -> Iterator[Table]:
    """Round trips of 200-byte messages, one after the other."""
    trips = {"mitmproxy": plan.scaled(4_000)}
    quantiles = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    results = {name: Rounds() for name in quantiles}
    for number in range(plan.rounds):
        for alternative in plan.alternatives:
            _progress(f"echo: round {number + 1} of {plan.rounds}: {alternative.name}")
            times = measure.echo(alternative, 200, trips.get(alternative.name, plan.scaled(20_000)))
            for name, quantile in quantiles.items():
                results[name].add(alternative.name, times[int(len(times) * quantile)])
    names = [each.name for each in plan.alternatives]
    table = Table(
        "Echo of 200 B, µs", ["", *names, "÷ bare relay", "÷ mitmproxy"],
        raw={name: rounds.raw() for name, rounds in results.items()},
    )  # fmt: skip
    for name, rounds in results.items():
        goal = {"p50": "≤ 1.2", "p99": "≤ 2"}.get(name, "")
        cells = [name, *(count(rounds.median(each)) for each in names)]
        cells += [ratio(rounds.ratio("wsreplay", "bare relay"), goal), ratio(rounds.ratio("wsreplay", "mitmproxy"), "")]
        table.rows.append(cells)
    return iter([table])


def faults(plan: Plan) -> Iterator[Table]:
    """What `--fault` costs: nothing where it is not given; with a fault that never strikes, what it takes to wait for it.

    The path without is measured twice in every round: how far its two halves are apart is what noise does to a ratio. Rounds
    go forth and back in turn, so that a machine that grows slower or faster favours none.
    """
    relay, plain, waiting = bare_relay(), wsreplay(), wsreplay("wsreplay --fault", "--fault", "latency=1s,from=100000s")
    again = wsreplay("wsreplay again")
    figures = {"echo p50, µs": Rounds(), "messages/s": Rounds()}
    turns = max(plan.rounds, FAULT_ROUNDS)
    for number in range(turns):
        for alternative in (relay, plain, waiting, again)[:: -1 if number % 2 else 1]:
            _progress(f"faults: round {number + 1} of {turns}: {alternative.name}")
            times = measure.echo(alternative, 200, plan.scaled(20_000))
            figures["echo p50, µs"].add(alternative.name, times[len(times) // 2])
            load = _sized(plan, Load(600_000, 200), alternative.name)
            figures["messages/s"].add(alternative.name, measure.flood(alternative, load).per_second)
    names = [relay.name, plain.name, waiting.name]
    table = Table(
        "With and without faults that never strike, 200 B: medians, and the least and largest ratio of a round",
        ["", *names, "÷ bare relay", "--fault ÷ without", "without ÷ without (noise)"],
        raw={name: rounds.raw() for name, rounds in figures.items()},
    )  # fmt: skip
    for name, rounds in figures.items():
        cells = [name, *(count(rounds.median(each)) for each in names)]
        pairs = (plain.name, relay.name), (waiting.name, plain.name), (again.name, plain.name)
        table.rows.append([*cells, *(rounds.spread(*pair) for pair in pairs)])
    return iter([table])


def memory(plan: Plan) -> Iterator[Table]:
    """What relay and recorder hold together during a long flood; once."""
    table = Table(
        "Memory during a flood of 200 B, all processes together, MiB",
        ["", "messages", "messages/s", "peak RSS", "peak PSS", "goal", "growth of PSS, last quarter − second"],
    )
    for name, frames, connections_, goal in (
        ("wsreplay, 1 connection", 500_000 if plan.quick else 5_000_000, 1, "≤ 150"),
        ("wsreplay, 1,000 connections", 200_000 if plan.quick else 1_000_000, 1000, "≤ 150"),
        ("mitmproxy, 1 connection", 20_000 if plan.quick else 100_000, 1, ""),
    ):
        alternative = plan.named(name.split(",")[0])
        if alternative is None:
            continue
        _progress(f"memory: {name}")
        result = measure.flood(alternative, Load(frames, 200, connections_), watch=True)
        assert result.memory is not None
        peak = result.memory.peak
        table.rows.append(
            [name, count(frames), count(result.per_second), f"{peak.rss:.0f}", f"{peak.pss:.0f}", goal,
             f"{result.memory.growth:+.1f}"]
        )  # fmt: skip
        table.raw[name] = {"rss": [each.rss for each in result.memory.seen], "pss": [each.pss for each in result.memory.seen]}
    yield table


def _progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


ALL: dict[str, Callable[[Plan], Iterator[Table]]] = {
    "record": record,
    "connections": connections,
    "echo": echo,
    "faults": faults,
    "memory": memory,
}
