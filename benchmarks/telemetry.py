"""What metrics and traces cost the relay: `python -m benchmarks.telemetry`.

`wsreplay record` with and without `--metrics` and `--otlp`, in turns. The relay's own processor time is what matters: the
telemetry process beside it runs at a low priority, and takes what is left over.
"""

from __future__ import annotations

from benchmarks import measure
from benchmarks.alternatives import environment, wsreplay
from benchmarks.options import parser_for
from benchmarks.scenarios import Rounds
from benchmarks.table import FIGURES, Table, publish

PLAIN = "without"
METRICS = "--metrics"
BOTH = "--metrics, --otlp"
WAYS = {
    PLAIN: wsreplay(PLAIN),
    METRICS: wsreplay(METRICS, "--metrics", "127.0.0.1:0"),
    BOTH: wsreplay(BOTH, "--metrics", "127.0.0.1:0", "--otlp", "http://127.0.0.1:9"),  # discard: nobody is there
}


def main() -> None:
    arguments = parser_for("benchmarks.telemetry", "what metrics cost the relay", trips=30_000, rounds=5).parse_args()
    cpu, trips = Rounds(), Rounds()
    for number in range(arguments.rounds):
        ways = list(WAYS.items())
        for name, way in ways if number % 2 == 0 else reversed(ways):
            echo = measure.echo_and_cpu(way, 200, arguments.trips)
            cpu.add(name, echo.cpu_us)
            trips.add(name, echo.times[len(echo.times) // 2])
    header = ["200 B, there and back", "relay's processor, µs", "×", "p50, µs", "×"]
    table = Table("What metrics and traces cost the relay", header)
    for name in WAYS:
        used, taken = cpu.median(name), trips.median(name)
        assert used is not None
        assert taken is not None
        shares = ["", ""] if name == PLAIN else [cpu.spread(name, PLAIN), trips.spread(name, PLAIN)]
        table.rows.append([name, f"{used:.1f}", shares[0], f"{taken:.0f}", shares[1]])
    table.note = "The median of the rounds' ratios, the least and the largest. No collector takes the spans."
    print(table.text())
    if arguments.publish:
        publish(FIGURES, "telemetry", [table], environment())


if __name__ == "__main__":
    main()
