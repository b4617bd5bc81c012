"""Files that commands write: their owner's alone, and whole or not there."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import NO_BYTECODE, WSREPLAY, run

OUTPUTS: dict[str, tuple[str, Callable[[Path, Path], list[object]]]] = {
    "export as JSON lines": ("out.jsonl", lambda file, out: ["export", file, "-o", out]),
    "export as a HAR": ("out.har", lambda file, out: ["export", file, "-f", "har", "-o", out]),
    "export as a script": ("out.sh", lambda file, out: ["export", file, 1, "-f", "websocat", "-o", out]),
    "report as Markdown": ("out.md", lambda file, out: ["validate", file, "-f", "markdown", "-o", out]),
    "import": ("out.db", lambda file, out: ["import", file.with_suffix(".jsonl"), "-o", out]),
    "cut": ("out.db", lambda file, out: ["cut", file, 1, "-o", out]),
    "mutate": ("out.db", lambda file, out: ["mutate", file, "--fault", "drop:agent_started", "-o", out]),
    "report as HTML": ("out.html", lambda file, out: ["validate", file, "-f", "html", "-o", out]),
    "report as JUnit": ("out.xml", lambda file, out: ["validate", file, "-f", "junit", "-o", out]),
    "baseline": ("out.json", lambda file, out: ["validate", file, "--write-baseline", out]),
}


@pytest.fixture
def source(recording: Path, tmp_path: Path) -> Path:
    """A recording, and its export beside it."""
    folder = tmp_path / "source"
    folder.mkdir()
    path = folder / "a.db"
    shutil.copyfile(recording, path)
    path.with_suffix(".jsonl").write_text(run("export", path).out, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_is_its_owners_alone_and_none_is_left_where_it_fails(source: Path, tmp_path: Path, name: str) -> None:
    file_name, arguments = OUTPUTS[name]
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / file_name
    full = subprocess.run(
        [*WSREPLAY, *map(str, arguments(source, out))], capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)), env=os.environ | NO_BYTECODE,
    )  # fmt: skip
    assert full.returncode in (2, 3), full.stderr
    assert f"wsreplay: {out} cannot be written: " in full.stderr
    assert "Traceback" not in full.stderr
    assert list(folder.iterdir()) == []
    umask = os.umask(0)
    try:
        assert run(*arguments(source, out)).code in (0, 1)
    finally:
        os.umask(umask)
    assert [path.name for path in folder.iterdir()] == [file_name]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.stat().st_size > 100
