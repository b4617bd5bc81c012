"""Makes the sample recordings: every scenario and every transcript played through a recording proxy, one file each.

    python -m tools.samples.samples [FOLDER]

Scenarios of agent-chat become FOLDER/<scenario>.db, conversations in other protocols FOLDER/<contract>/<name>.db.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.samples.protocols import TRANSCRIPTS
from tools.samples.transcript import Transcript, record
from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.demo.scenarios import SAMPLE_SCENARIOS, Scenario
from wsreplay.proxy.proxy import RecordingProxy

Sample = Scenario | Transcript

IN_TURN = 8.0  # seconds; a longer sample does not hold up the others
BULKY = "large"  # a megabyte in one message: nothing to keep in a repository
SAMPLES: tuple[Sample, ...] = (*(each for each in SAMPLE_SCENARIOS if each.name != BULKY), *TRANSCRIPTS)


def file_of(sample: Sample, folder: Path) -> Path:
    """Where a sample's recording is."""
    place = folder / sample.contract if isinstance(sample, Transcript) else folder
    return place / f"{sample.name}.db"


async def make_samples(folder: Path, samples: Iterable[Sample] = SAMPLES) -> list[Path]:
    """Record each sample into its file below `folder`, in place of what is there, and return the files.

    One after the other, since a busy machine would show as latency in the recordings; only the slow ones, which mostly
    wait, go on beside them.
    """
    quick: list[tuple[Sample, Path]] = []
    paths: list[Path] = []
    async with asyncio.TaskGroup() as slow:
        for sample in samples:
            path = file_of(sample, folder)
            paths.append(path)
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            if sample.seconds > IN_TURN:
                slow.create_task(_make_sample(sample, path))
            else:
                quick.append((sample, path))
        for sample, path in quick:
            await _make_sample(sample, path)
    return paths


async def _make_sample(sample: Sample, path: Path) -> None:
    """Recorded beside its place first, so that an interrupted run leaves the old sample whole."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    if isinstance(sample, Transcript):
        await record(sample, fresh)
    else:
        async with Backend() as backend, RecordingProxy(backend.url, fresh) as proxy:
            await play(sample, f"{proxy.url}/ws")
    fresh.replace(path)


if __name__ == "__main__":
    asyncio.run(make_samples(Path(*sys.argv[1:] or ["recordings/samples"])))
