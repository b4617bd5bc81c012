"""Makes the sample recordings: every scenario played through a recording proxy, one file each.

    python -m wsreplay.demo.samples [FOLDER]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.demo.scenarios import SAMPLE_SCENARIOS, Scenario
from wsreplay.proxy.session import RecordingProxy

IN_TURN = 8.0  # seconds; a longer scenario does not hold up the others


async def make_samples(folder: Path, scenarios: Iterable[Scenario] = SAMPLE_SCENARIOS) -> list[Path]:
    """Record each scenario into `folder`/<name>.db, in place of what is there, and return the files.

    One after the other, since a busy machine would show as latency in the recordings; only the slow ones, which mostly
    wait, go on beside them.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    quick: list[Scenario] = []
    paths: list[Path] = []
    async with asyncio.TaskGroup() as slow:
        for scenario in scenarios:
            paths.append(folder / f"{scenario.name}.db")
            if scenario.seconds > IN_TURN:
                slow.create_task(_make_sample(scenario, paths[-1]))
            else:
                quick.append(scenario)
        for scenario in quick:
            await _make_sample(scenario, folder / f"{scenario.name}.db")
    return paths


async def _make_sample(scenario: Scenario, path: Path) -> None:
    """Recorded beside its place first, so that an interrupted run leaves the old sample whole."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    async with Backend() as backend, RecordingProxy(backend.url, fresh) as proxy:
        await play(scenario, f"{proxy.url}/ws")
    fresh.replace(path)


if __name__ == "__main__":
    asyncio.run(make_samples(Path(*sys.argv[1:] or ["recordings/samples"])))
