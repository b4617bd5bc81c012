"""Which recordings a file or a folder stands for, and what they are called in tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def recordings_below(path: Path) -> Iterator[tuple[Path, str]]:
    """A recording, or those of a folder, each with its name in tables: as it lies in the folder, without `.db`."""
    if not path.is_dir():
        yield path, _name(path.name)
        return
    for recording in sorted(path.rglob("*.db")):
        yield recording, _name(str(recording.relative_to(path)))


def _name(path: str) -> str:
    return path.removesuffix(".db").encode("utf-8", "replace").decode()
