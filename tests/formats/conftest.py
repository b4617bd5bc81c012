from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hars import Imported, read

from wsreplay.formats.import_file import import_file


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., Imported]:
    """Import bytes, and read all of what they became."""

    def take(content: bytes, folder: Path | None = None) -> Imported:
        out = tmp_path / "imported.db"
        out.unlink(missing_ok=True)
        remarks = import_file(io.BytesIO(content), out, name="file", folder=folder)
        return read(out, remarks)

    return take
