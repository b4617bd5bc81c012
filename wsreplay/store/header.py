"""Whether the first bytes of a recording are still those of an SQLite file, while SQLite itself has no reason to look."""

from __future__ import annotations

import os
from pathlib import Path

from wsreplay.errors import CorruptRecording

MAGIC = b"SQLite format 3\0"


class HeaderWatch:
    """Holds the file open. It is never closed: SQLite's locks would go with it, so this is for a process that only writes."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def check(self) -> None:
        """Raises CorruptRecording where somebody has overwritten the header."""
        if os.pread(self._descriptor, len(MAGIC), 0) != MAGIC:
            raise CorruptRecording(f"{self._path} is damaged: another program has overwritten its header")
