"""A pytest plugin that runs a campaign in place of the tests: which test covers which line, then mutant after mutant.

Tests are collected once. Each test file, and then each mutant, runs in a child of that process, so nothing that a test
or a mutant does is left for the next. A mutant meets the tests that run its statement, the cheapest first, until one fails.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGXCPU
from typing import TYPE_CHECKING, Any

import coverage
import pytest

from tools.mutants import children
from tools.mutants.swap import swap

if TYPE_CHECKING:
    from tools.mutants.mutants import Mutant

# Examples of a property: four times what it is tried with by `make test`.
EXAMPLES = 100
# Tests of one file whose coverage is taken in one child.
PART = 50
# Seconds until such a child is given up.
COVER_S = 900.0
# CPU seconds of tests that a mutant meets; what only slower tests would notice, lives.
MUTANT_S = 60.0
# CPU seconds that a test of a mutant may take, as a multiple of what it takes without, and at least.
SLOWER, LEAST_S = 5, 5.0
# Seconds until a mutant that waits for ever is given up, on a machine that may have much else to do.
WAIT_S = 120.0
# Bytes of memory that the tests of a mutant may fill.
MEMORY = 3 << 30


@dataclass(slots=True)
class Covered:
    """What tests do: CPU seconds of each that passed, and the tests that run each line of a module."""

    cost: dict[str, float] = field(default_factory=dict)
    tests: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant: `killed`, `timeout`, `crashed`, `survived`, `no tests` or `not run`; and by which test."""

    mutant: Mutant
    state: str
    test: str = ""

    @property
    def killed(self) -> bool:
        return self.state in {"killed", "timeout", "crashed"}


class Campaign:
    """Runs the mutants when pytest has collected the tests; `results` is what came out."""

    def __init__(self, mutants: list[Mutant], modules: list[Path], *, jobs: int, minutes: float, cache: Path) -> None:
        self.mutants = mutants
        self.modules = modules
        self.jobs = jobs
        self.ends = time.monotonic() + minutes * 60
        self.cache = cache
        self.results: list[Result] = []
        # Killing tests that fail without a mutant as well.
        self.unreliable: list[str] = []
        # The reports of the test that runs.
        self._reports: list[pytest.TestReport] = []
        # Collected tests by their node id.
        self._items: dict[str, pytest.Item] = {}
        self._caches: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """The same examples each time, and no smallest one: a failure is enough."""
        from hypothesis import Phase, settings  # not before pytest, which warns of a plugin that is loaded already

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile(
            "mutants", settings.default, max_examples=EXAMPLES, derandomize=True, database=None, phases=phases
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed("tests could not be collected")
        self._items = {item.nodeid: item for item in session.items}
        self._caches = caches_of(self.modules)
        covered = self._coverage(session.items)
        plans = {index: self._plan(mutant, covered) for index, mutant in enumerate(self.mutants)}
        states = {index: ("survived" if plan else "no tests", "") for index, plan in plans.items()}
        states |= self._run({index: plan for index, plan in plans.items() if plan})
        self.unreliable = self._unreliable(sorted({test for _, test in states.values() if test}))
        for index, mutant in enumerate(self.mutants):
            state, test = states[index]
            self.results.append(Result(mutant, "survived" if test in self.unreliable else state, test))
        return True

    # -- which test covers which line ---------------------------------------------------------------------------------

    def _coverage(self, items: Iterable[pytest.Item]) -> Covered:
        """The coverage of all tests, a part of a file at a time; from the cache where file and code are as they were."""
        files: dict[Path, list[pytest.Item]] = defaultdict(list)
        for item in items:
            files[item.path].append(item)
        code = _digest(sorted(Path("wsreplay").rglob("*.py")) + sorted(Path("tests").rglob("conftest.py")))
        parts: dict[Path, list[pytest.Item]] = {}
        for path, of_file in files.items():
            name = f"{path.parent.name}-{path.stem}-{_digest([path], code)}"
            for start in range(0, len(of_file), PART):
                parts[self.cache / f"{name}-{start}.json"] = of_file[start : start + PART]
        missing = [place for place in parts if not place.exists()]
        print(f"coverage: {len(missing)} of {len(parts)} parts of {len(files)} test files", flush=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        for place, result, _ in children.run(missing, lambda place: self._cover(parts[place]), self.jobs, lambda _: COVER_S):
            if result is not None:
                place.write_text(json.dumps(result))
        merged = Covered()
        for place, of_part in parts.items():
            if not place.exists():
                print(f"did not come to an end, and are left out: {of_part[0].nodeid} to {of_part[-1].nodeid}", flush=True)
                continue
            part = json.loads(place.read_text())
            if part["failed"]:
                print(f"fail without a mutant, and are left out: {' '.join(part['failed'])}", flush=True)
                place.unlink()
            merged.cost |= part["cost"]
            for module, lines in part["tests"].items():
                for line, tests in lines.items():
                    merged.tests.setdefault(module, {}).setdefault(line, []).extend(tests)
        return merged

    def _cover(self, items: list[pytest.Item]) -> dict[str, object]:
        """In a child: run some tests of one file and say what each took and ran, and which failed."""
        measured = coverage.Coverage(data_file=None, config_file=False, include=[str(path.resolve()) for path in self.modules])
        measured.set_option("run:disable_warnings", ["no-data-collected"])
        covered = Covered()
        failed: list[str] = []
        measured.start()
        for item, following in zip(items, [*items[1:], None], strict=True):
            self._forget_cached()
            measured.switch_context(item.nodeid)
            before = _cpu_s()
            if not self._fails(item, following) and not any(report.skipped for report in self._reports):
                covered.cost[item.nodeid] = _cpu_s() - before
            failed += {report.nodeid for report in self._reports if report.failed}
        measured.stop()
        data = measured.get_data()
        for path in self.modules:
            contexts = data.contexts_by_lineno(str(path.resolve()))
            covered.tests[str(path)] = {
                str(line): [test for test in tests if test in covered.cost] for line, tests in contexts.items()
            }
        return {"cost": covered.cost, "tests": covered.tests, "failed": failed}

    # -- the mutants --------------------------------------------------------------------------------------------------

    def _plan(self, mutant: Mutant, covered: Covered) -> dict[str, float]:
        """The tests that a mutant meets, with their CPU seconds: those of its statement, the cheapest first."""
        lines = covered.tests.get(str(mutant.path), {})
        first, last = mutant.lines
        tests = {test for line in range(first, last + 1) for test in lines.get(str(line), ())}
        plan: dict[str, float] = {}
        total = 0.0
        for test in sorted(tests, key=lambda test: (covered.cost[test], test)):
            total += covered.cost[test]
            if plan and total > MUTANT_S:
                break
            plan[test] = covered.cost[test]
        return plan

    def _run(self, plans: dict[int, dict[str, float]]) -> dict[int, tuple[str, str]]:
        states: dict[int, tuple[str, str]] = {}
        # In the order of the sample, so that the mutants that ran are a fair sample too where the time is up.
        order = sorted(plans)
        for index, result, code in self._children(order, plans):
            if result is None:
                states[index] = ("timeout" if code in (-SIGXCPU, -SIGKILL) else "crashed", "")
            else:
                states[index] = (result["state"], result["test"])
            mutant = self.mutants[index]
            if states[index][0] not in {"killed"}:
                print(f"{states[index][0]}: {mutant.path}:{mutant.lines[0]} {mutant.function}", flush=True)
            if len(states) % 25 == 0:
                print(f"{len(states)} of {len(plans)} mutants", flush=True)
        return states

    def _children(self, order: list[int], plans: dict[int, dict[str, float]]) -> Iterator[tuple[int, Any, int]]:
        return children.run(
            order,
            lambda index: self._meet(index, plans[index]),
            self.jobs,
            lambda index: WAIT_S + 10 * sum(plans[index].values()),
        )

    def _meet(self, index: int, plan: dict[str, float]) -> dict[str, str]:
        """In a child: become the mutant and run its tests until one fails."""
        if time.monotonic() > self.ends:
            return {"state": "not run", "test": ""}
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        if not swap(self.mutants[index]):
            return {"state": "no tests", "test": ""}
        self._forget_cached()
        tests = list(plan)
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            _limit_cpu(max(LEAST_S, SLOWER * plan[test]))
            if self._fails(self._items[test], self._items[following] if following else None):
                self._items[test].session._setupstate.teardown_exact(None)
                return {"state": "killed", "test": test}
        return {"state": "survived", "test": ""}

    def _unreliable(self, tests: list[str]) -> list[str]:
        """Those of the killing tests that fail without a mutant too, in a child of their own each file."""
        files: dict[Path, list[str]] = defaultdict(list)
        for test in tests:
            files[self._items[test].path].append(test)
        found: list[str] = []
        for path, failing, _ in children.run(files, lambda path: self._failing(files[path]), self.jobs):
            found += files[path] if failing is None else failing
        return found

    def _failing(self, tests: list[str]) -> list[str]:
        return [test for test in tests if self._fails(self._items[test], None)]

    def _forget_cached(self) -> None:
        for cached in self._caches:
            cached.cache_clear()

    def _fails(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._reports = []
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return any(report.failed for report in self._reports)


def caches_of(modules: Iterable[Path]) -> list[Any]:
    """The functions of these modules that cache results: a test that finds one there runs none of the lines that made it."""
    paths = {str(path.resolve()) for path in modules}
    gc.unfreeze()  # what the tests' conftest.py froze is not among the objects otherwise
    cached = [found for found in gc.get_objects() if type(found) is functools._lru_cache_wrapper]
    gc.freeze()
    # What is cached need not be a function: sqlite3 keeps the statements of each connection so.
    codes = [(wrapper, getattr(wrapper.__wrapped__, "__code__", None)) for wrapper in cached]
    return [wrapper for wrapper, code in codes if code is not None and code.co_filename in paths]


def _cpu_s() -> float:
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _limit_cpu(seconds: float) -> None:
    """From now on; past it the process is killed by SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def _digest(paths: Iterable[Path], start: str = "") -> str:
    digest = hashlib.sha256(start.encode())
    for path in paths:
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
