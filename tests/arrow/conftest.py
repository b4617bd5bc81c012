"""Fixtures of the tests of tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings of plain JSON and of another protocol, some of them in a folder below."""
    place = tmp_path / "recordings"
    (place / "old").mkdir(parents=True)
    for name in ("healthy", "missing-event", "leak"):
        shutil.copy(SAMPLES / f"{name}.db", place)
    shutil.copy(SAMPLES / "ag-ui" / "good.db", place / "old" / "ag ui?.db")
    return place
