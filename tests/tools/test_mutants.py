"""The mutants of a module, their sample, and what a mutant does to functions that run."""

from __future__ import annotations

import gc
import importlib.util
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tools.mutants.campaign import Result, caches_of
from tools.mutants.score import Excuse, Score, read_excuses, stale
from tools.mutants.swap import swap

if TYPE_CHECKING:
    from tools.mutants.mutants import Change, Mutant

REPOSITORY = Path(__file__).parents[2]
HEAD = "def __init__(self, start=1, *, step=2):"
SOURCE = '''"""A module."""

from functools import cache

LIMIT = 3


class Counter:
    def __init__(self, start=1, *, step=2):
        self.value = start + step

    @property
    def full(self):
        return (
            self.value > LIMIT
        )


@cache
def double(value):
    def times(factor):
        return value * factor

    return times(2)
'''


def write(folder: Path, name: str = "counted", source: str = SOURCE) -> Path:
    path = folder / f"{name}.py"
    path.write_text(source)
    return path


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# libcst takes half a second to import: here, and not in each process that collects the tests.
def changes(path: Path, seed: int = 1) -> list[Change]:
    from tools.mutants import mutants

    return list(mutants.changes([path], seed))


def sample(path: Path, count: int = 100, seed: int = 1) -> list[Mutant]:
    from tools.mutants import mutants

    return mutants.sample(changes(path, seed), count)


def mutants(path: Path) -> dict[tuple[str, str, str], Mutant]:
    return {mutant.key: mutant for mutant in sample(path)}


def test_each_change_is_to_one_function(tmp_path: Path):
    assert set(mutants(write(tmp_path))) == {
        ("Counter.__init__", HEAD, HEAD.replace("start=1", "start=2")),
        ("Counter.__init__", HEAD, HEAD.replace("step=2", "step=3")),
        ("Counter.__init__", "self.value = start + step", "self.value = None"),
        ("Counter.__init__", "self.value = start + step", "self.value = start - step"),
        ("Counter.full", "self.value > LIMIT", "self.value >= LIMIT"),
        ("double", "return times(2)", "return times(3)"),
        ("double", "return times(2)", "return times(None)"),
        ("double.times", "return value * factor", "return value / factor"),
    }


def test_a_mutant_knows_the_lines_of_its_whole_statement(tmp_path: Path):
    mutant = mutants(write(tmp_path))["Counter.full", "self.value > LIMIT", "self.value >= LIMIT"]
    assert mutant.lines == (14, 16)


def test_a_sample_repeats_and_follows_a_function_to_another_module(tmp_path: Path):
    def chosen(name: str, source: str, seed: int = 1) -> list[tuple[str, str, str]]:
        return [mutant.key for mutant in sample(write(tmp_path, name, source), 4, seed)]

    moved = SOURCE.replace('"""A module."""', '"""Another module, with a line more."""\n')
    assert chosen("counted", SOURCE) == chosen("elsewhere", moved)
    assert chosen("counted", SOURCE) != chosen("counted", SOURCE, seed=2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("Counter.__init__", "self.value = start + step", "self.value = start - step"), (-1, False, 8)),
        (("Counter.__init__", HEAD, HEAD.replace("start=1", "start=2")), (4, False, 8)),
        (("Counter.__init__", HEAD, HEAD.replace("step=2", "step=3")), (4, False, 8)),
        (("Counter.full", "self.value > LIMIT", "self.value >= LIMIT"), (3, True, 8)),
        (("double", "return times(2)", "return times(3)"), (3, False, 12)),
        (("double.times", "return value * factor", "return value / factor"), (3, False, 2)),
    ],
)
def test_a_mutant_takes_the_place_of_functions_that_are_loaded(tmp_path: Path, change, expected):
    path = write(tmp_path)
    module = load(path)
    counter = module.Counter()
    gc.freeze()
    assert (counter.value, counter.full) == (3, False)
    assert swap(mutants(path)[change]) >= 1
    counter.value = 3
    assert (module.Counter().value, counter.full, module.double(4)) == expected


def test_what_a_module_caches_is_found(tmp_path: Path):
    path = write(tmp_path)
    module = load(path)
    with closing(sqlite3.connect(":memory:")):  # which caches statements, and is no function
        gc.freeze()
        (cached,) = caches_of([path])
        assert cached is module.double
        assert caches_of([tmp_path / "other.py"]) == []


def test_a_module_that_is_not_loaded_has_nothing_to_swap(tmp_path: Path):
    assert not any(swap(mutant) for mutant in mutants(write(tmp_path, "unloaded")).values())


def results(tmp_path: Path, states: list[str]) -> list[Result]:
    found = sample(write(tmp_path))
    return [Result(mutant, state) for mutant, state in zip(found, states, strict=False)]


def test_the_score_counts_what_is_killed_excused_and_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("wsreplay/wire")
    folder.mkdir(parents=True)
    killed, timeout, excused, survived = results(folder, ["killed", "timeout", "survived", "no tests"])
    score = Score([killed, timeout, excused, survived], {excused.mutant.key: Excuse(*excused.mutant.key, "the same")})
    assert score.text().splitlines() == [
        f"no tests: wsreplay/wire/counted.py:{survived.mutant.lines[0]} {survived.mutant.function}",
        f"  - {survived.mutant.before}",
        f"  + {survived.mutant.after}",
        "",
        "package      mutants  killed  excused  survived     score",
        "wire               4       2        1         1     50.0%",
        "all                4       2        1         1     50.0%",
    ]
    assert not score.passed
    assert Score([killed] * 18 + [survived, excused], score.excuses).passed
    assert not Score([killed] * 18 + [excused, excused], score.excuses).passed
    assert not Score([killed] * 17 + [survived] * 3, score.excuses).passed


def test_an_excuse_has_a_reason_and_a_mutant(tmp_path: Path):
    path = write(tmp_path)
    excuses = tmp_path / "excused.toml"
    change = 'function = "double"\nbefore = "return times(2)"\nafter = "return times(3)"\n'
    excuses.write_text(f'[[excused]]\n{change}reason = " "\n')
    with pytest.raises(ValueError, match="the excuse of double has no reason"):
        read_excuses(excuses)
    excuses.write_text(excuses.read_text().replace('" "', '"so that there is one"'))
    assert stale(read_excuses(excuses), changes(path)) == []
    excuses.write_text(excuses.read_text().replace("times(3)", "times(4)"))
    assert [excuse.after for excuse in stale(read_excuses(excuses), changes(path))] == ["return times(4)"]


CAMPAIGN = """
from pathlib import Path
import pytest
from tools.mutants.campaign import Campaign
from tools.mutants.mutants import changes, sample

path = Path("counted.py")
campaign = Campaign(sample(changes([path], 1), 100), [path], jobs=2, minutes=2, cache=Path("cache"))
pytest.main(["-p", "no:cacheprovider", "-s", "-q", "--no-summary", "test_counted.py"], plugins=[campaign])
for result in campaign.results:
    print(result.mutant.before, result.mutant.after, result.state, sep="|")
"""
TESTS = """
import counted

def test_the_counter():
    assert counted.Counter().value == 3
    assert counted.Counter(5).full

def test_that_fails_without_a_mutant():
    assert counted.double(1) == 3

def test_the_double():
    assert counted.double(0) == 0
    while counted.double(2) == 6:
        pass
"""


@pytest.mark.campaign
def test_a_campaign_says_which_mutants_live(tmp_path: Path):
    write(tmp_path)
    write(tmp_path, "test_counted", TESTS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(REPOSITORY)))}
    run = subprocess.run(
        [sys.executable, "-c", CAMPAIGN], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    lines = [line.split("|") for line in run.stdout.splitlines() if line.count("|") == 2]
    assert {(before, after): state for before, after, state in lines} == {
        (HEAD, HEAD.replace("start=1", "start=2")): "killed",
        (HEAD, HEAD.replace("step=2", "step=3")): "killed",
        ("self.value = start + step", "self.value = None"): "killed",
        ("self.value = start + step", "self.value = start - step"): "killed",
        ("self.value > LIMIT", "self.value >= LIMIT"): "survived",
        ("return times(2)", "return times(3)"): "timeout",
        ("return times(2)", "return times(None)"): "killed",
        ("return value * factor", "return value / factor"): "survived",
    }


def test_what_asserts_is_not_changed(tmp_path: Path):
    source = "def pair(a, b):\n    return list(zip(a, b, strict=True))\n"
    changed = {after for _, _, after in mutants(write(tmp_path, "pairs", source))}
    assert changed == {"return list(None)"} | {
        f"return list(zip({pair}strict=True))" for pair in ("None, b, ", "a, None, ", "a, ", "b, ")
    }
