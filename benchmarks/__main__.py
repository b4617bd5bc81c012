"""`python -m benchmarks`: run, print, write to `benchmarks/results/`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from benchmarks import alternatives, mitmproxy, scenarios
from benchmarks.options import parser_for
from benchmarks.table import FIGURES, publish, save

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = parser_for("benchmarks", "wsreplay beside its alternatives")
    parser.add_argument("--only", default=",".join(scenarios.ALL), help="which scenarios: %(default)s")
    parser.add_argument("--rounds", type=int, default=0, help="default 5, with --quick 3")
    parser.add_argument("--quick", action="store_true", help="half the messages, three rounds")
    parser.add_argument("--against", default="direct,bare relay,mitmproxy", help="alternatives: %(default)s")
    arguments = parser.parse_args()

    wanted = [name.strip() for name in arguments.only.split(",")]
    if unknown := set(wanted) - set(scenarios.ALL):
        parser.error(f"--only: no scenario {', '.join(sorted(unknown))}; there are {', '.join(scenarios.ALL)}")
    about = alternatives.environment()
    chosen = []
    for name in arguments.against.split(","):
        if name == "direct":
            chosen.append(alternatives.direct())
        elif name == "bare relay":
            chosen.append(alternatives.bare_relay())
        elif name == "mitmproxy" and (program := mitmproxy.mitmdump()):
            chosen.append(alternatives.mitmproxy(program))
            about["mitmproxy"] = mitmproxy.version(program)
    rounds = arguments.rounds or (3 if arguments.quick else 5)
    plan = scenarios.Plan([*chosen, alternatives.wsreplay()], rounds, arguments.quick)
    tables = []
    for name in wanted:
        measured = []
        for table in scenarios.ALL[name](plan):
            print(table.text(), "\n", flush=True)
            measured.append(table)
        if arguments.publish:
            publish(FIGURES, name, measured, about, goals=False)
        tables += measured
    save(RESULTS, datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ"), tables, about)


if __name__ == "__main__":
    main()
