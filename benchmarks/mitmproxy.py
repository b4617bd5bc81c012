"""mitmproxy, in an environment of its own beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ENVIRONMENT = Path(__file__).parent / ".venv-mitmproxy"
_INSTALL_TIMEOUT_S = 600


def mitmdump() -> Path | None:
    """The program, installed if need be; None, and a line that says why, where it cannot be had."""
    program = ENVIRONMENT / "bin" / "mitmdump"
    if not program.exists():
        print("installing mitmproxy into", ENVIRONMENT, flush=True)
        try:
            _run(sys.executable, "-m", "venv", str(ENVIRONMENT))
            _run(str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", "mitmproxy")
        except (OSError, subprocess.SubprocessError) as error:
            print(f"SKIPPED mitmproxy: it cannot be installed ({error})", flush=True)
            return None
    return program


def version(program: Path) -> str:
    out = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return out.splitlines()[0].removeprefix("Mitmproxy:").strip()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=_INSTALL_TIMEOUT_S, capture_output=True)
