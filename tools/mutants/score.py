"""The score of a campaign: how many mutants the tests kill, package by package, and which are excused for what reason."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutants.campaign import Result

if TYPE_CHECKING:
    from tools.mutants.mutants import Change

# Shares of all mutants.
LEAST_KILLED = 0.90
MOST_EXCUSED = 0.05


@dataclass(frozen=True, slots=True)
class Excuse:
    """A mutant that no test need kill, named by its function and the changed lines, and why."""

    function: str
    before: str
    after: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.function, self.before, self.after


def read_excuses(path: Path) -> dict[tuple[str, str, str], Excuse]:
    """The excuses of a TOML file, by the key of their mutant. An excuse without a reason is none: ValueError."""
    entries = tomllib.loads(path.read_text()).get("excused", [])
    excuses = [Excuse(**{"before": "", "after": "", **entry}) for entry in entries]
    for excuse in excuses:
        if not excuse.reason.strip():
            raise ValueError(f"{path}: the excuse of {excuse.function} has no reason")
    return {excuse.key: excuse for excuse in excuses}


def stale(excuses: dict[tuple[str, str, str], Excuse], found: Iterable[Change]) -> list[Excuse]:
    """The excuses whose function is among the changes' own, but whose change is not: the code has moved on."""
    excused = {excuse.function for excuse in excuses.values()}
    keys = {change.mutant().key for change in found if change.function in excused}
    return [excuse for key, excuse in excuses.items() if key not in keys]


@dataclass(frozen=True, slots=True)
class Score:
    """The results of a campaign, with the excuses."""

    results: Sequence[Result]
    excuses: dict[tuple[str, str, str], Excuse]

    @property
    def killed(self) -> list[Result]:
        return [result for result in self.results if result.killed]

    @property
    def excused(self) -> list[Result]:
        return [result for result in self.results if not result.killed and result.mutant.key in self.excuses]

    @property
    def survivors(self) -> list[Result]:
        return [result for result in self.results if not result.killed and result.mutant.key not in self.excuses]

    @property
    def passed(self) -> bool:
        """Nine in ten killed and not more than one in twenty excused."""
        count = len(self.results)
        return len(self.killed) >= LEAST_KILLED * count and len(self.excused) <= MOST_EXCUSED * count

    def text(self) -> str:
        """The survivors as changes, then a line for each package and one for all."""
        lines = [line for result in self.survivors for line in (*_survivor(result), "")]
        lines.append(f"{'package':<12}{'mutants':>8}{'killed':>8}{'excused':>9}{'survived':>10}{'score':>10}")
        groups = [_by_package(results) for results in (self.results, self.killed, self.excused, self.survivors)]
        for package in (*sorted(groups[0]), "all"):
            total, killed, excused, survived = (
                group.total() if package == "all" else group[package] for group in groups
            )
            share = f"{killed / total:.1%}" if total else "-"
            lines.append(f"{package:<12}{total:>8}{killed:>8}{excused:>9}{survived:>10}{share:>10}")
        return "\n".join(lines)


def _by_package(results: Iterable[Result]) -> Counter[str]:
    return Counter(result.mutant.path.parts[1] for result in results)


def _survivor(result: Result) -> Iterable[str]:
    mutant = result.mutant
    yield f"{result.state}: {mutant.path}:{mutant.lines[0]} {mutant.function}"
    yield from (f"  - {line}" for line in mutant.before.splitlines())
    yield from (f"  + {line}" for line in mutant.after.splitlines())
