"""Which types begin and end a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunTypes:
    """Which types begin and end a run, by a contract: `begins` and `ends` take a direction and a type. `end_types` are the
    names of those that end one."""

    begins: Callable[[int, str], bool]
    ends: Callable[[int, str], bool]
    end_types: tuple[str, ...] = ()


NO_RUNS = RunTypes(lambda direction, type_: False, lambda direction, type_: False)
