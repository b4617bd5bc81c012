"""How good are the tests? Change the code a little, function after function, and see which changes no test notices.

    python -m tools.mutants [--seed N] [--count N] [--package NAME]… [--function NAME]… [--survivors]

Prints the mutants that survive and the score of each package. Exits with 1 if fewer than nine in ten are killed, or if
more than one in twenty is excused (`excused.toml` beside this file).
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import time
from pathlib import Path

import pytest

from tools.mutants.campaign import Campaign
from tools.mutants.mutants import changes, sample
from tools.mutants.score import Score, read_excuses, stale

PACKAGES = ("wire", "trace", "contract", "validator")
# The tests that a mutant meets: those of the packages, and of what is built on them without a process of its own.
TESTS = tuple(f"tests/{name}" for name in (*PACKAGES, "decode", "diff", "formats", "stats"))
# Without the tests that start programs of others: those take long, and a mutant is in this process only.
PYTEST = (
    "--ignore-glob=*/test_real_*.py", "-m", "not campaign", "-p", "no:xdist", "-p", "no:cacheprovider", "-s", "--no-header",
    "--no-summary", "--timeout=0",
)  # fmt: skip
EXCUSES = Path(__file__).with_name("excused.toml")
KEPT = Path("build/mutants")


def main() -> int:
    options = _options()
    start = time.monotonic()
    packages = options.package or PACKAGES
    modules = sorted(path for package in PACKAGES for path in Path("wsreplay", package).rglob("*.py"))
    found = list(changes(modules, options.seed))
    chosen = sample((change for change in found if not options.function or change.function in options.function), options.count)
    print(f"{len(chosen)} of {len(found)} mutants, seed {options.seed}", flush=True)
    last = KEPT / "survivors.json"
    chosen = [mutant for mutant in chosen if mutant.path.parts[1] in packages]
    if options.survivors:
        keys = {tuple(key) for key in json.loads(last.read_text())}
        chosen = [mutant for mutant in chosen if mutant.key in keys]
    campaign = Campaign(chosen, modules, jobs=options.jobs, minutes=options.minutes, cache=KEPT)
    tests = options.tests or [folder for folder in TESTS if Path(folder).exists()]
    code = pytest.main([*PYTEST, *tests], plugins=[campaign])
    faulthandler.cancel_dump_traceback_later()  # the tests' conftest.py ends a process that goes on after pytest
    if not campaign.results:
        print(f"pytest could not run the campaign (exit code {code})", file=sys.stderr)
        return 2
    excuses = read_excuses(EXCUSES)
    score = Score(campaign.results, excuses)
    last.write_text(json.dumps([result.mutant.key for result in score.survivors]))
    print(score.text())
    for test in campaign.unreliable:
        print(f"fails without a mutant too, so its kills do not count: {test}")
    for excuse in stale(excuses, found) if packages == PACKAGES else ():
        print(f"{EXCUSES.name}: no such mutant any more: {excuse.function}: {excuse.before!r} to {excuse.after!r}")
    print(f"{time.monotonic() - start:.0f} s, {options.jobs} at a time")
    return 0 if score.passed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="which sample (default: 1)")
    parser.add_argument("--count", type=int, default=300, help="how many mutants (default: 300)")
    parser.add_argument("--package", action="append", choices=PACKAGES, help="only mutants of this package; may be repeated")
    parser.add_argument("--function", action="append", help="only mutants of this function, as Class.method; may be repeated")
    parser.add_argument("--survivors", action="store_true", help="only the mutants that survived the last campaign")
    parser.add_argument("--tests", action="append", help="meet only the tests of this file or folder; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time (default: a core each)")
    parser.add_argument("--minutes", type=float, default=30, help="start no mutant after this time (default: 30)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
