from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wsreplay.decode import decoder_names, get_decoder
from wsreplay.errors import UsageError


def test_a_name_that_is_close_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"unknown decoder 'socketio'; did you mean socket\.io\?"):
        get_decoder("socketio")


def test_what_is_close_to_nothing_is_answered_with_all() -> None:
    with pytest.raises(UsageError, match="unknown decoder 'zzz': there are actioncable, graphql"):
        get_decoder("zzz")


def test_a_package_adds_the_decoder_of_the_documentation(tmp_path: Path) -> None:
    """A real distribution's metadata on the path, as pip installs it."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "decoders.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "lines.py").write_text(example + "def broken():\n    raise RuntimeError('no licence')\n")
    folder = tmp_path / "lines-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lines\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[wsreplay.decoders]\nlines = lines:Lines\nbroken = lines:broken\n")
    program = (
        "from wsreplay.decode import get_decoder, decoder_names\n"
        "from wsreplay.errors import UsageError\n"
        "assert {'lines', 'json'} <= set(decoder_names())\n"
        "print([part.type for part in get_decoder('lines').parse(0, 1, b'JOIN a\\nSAY b')])\n"
        "try: get_decoder('broken')\n"
        "except UsageError as error: print(error)\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    run = subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, text=True, check=True)
    assert run.stdout == "['JOIN', 'SAY']\nthe decoder 'broken' of lines:broken cannot be loaded: no licence\n"


def test_decoders_are_imported_when_they_are_asked_for() -> None:
    program = (
        "import sys; from wsreplay.decode import get_decoder; get_decoder('json');"
        "print([name for name in sys.modules if name.startswith('wsreplay.decode.sig')])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_names_are_sorted() -> None:
    assert decoder_names() == sorted(decoder_names())
