"""How the user calls this program again, for the commands that hints name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def program_name() -> str:
    """`wsreplay` where the shell finds this very program under that name, else a path that works from here."""
    own = Path(sys.argv[0])
    path = shutil.which("wsreplay")
    if path is not None and own.name == "wsreplay" and Path(path).resolve() == own.resolve():
        return "wsreplay"
    if own.name == "__main__.py" or not own.exists():
        return f"{_from_here(Path(sys.executable))} -m wsreplay"
    return _from_here(own)


def _from_here(path: Path) -> str:
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
