"""A whole payload in $PAGER."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time

from wsreplay.display import indented_json, visible
from wsreplay.errors import UsageError
from wsreplay.tui.recording.summary import decoded

PAGER = "less"
SHORT_S = 0.3  # what ends sooner has shown its text and did not wait for a reader


def readable(payload: bytes) -> str:
    """A whole payload for a pager: JSON indented, and nothing in it that drives a terminal."""
    document = indented_json(payload)
    text = decoded(payload) if document is None else document.decode()
    return "\n".join(visible(line) for line in text.split("\n")) + "\n"


def page(payload: bytes) -> None:
    """Show a payload in $PAGER. Raises UsageError where there is no such program, or no room for the file it reads."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="wsreplay-", suffix=".txt", encoding="utf-8") as file:
            file.write(readable(payload))
            file.flush()
            _run(file.name)
    except OSError as error:
        raise UsageError(f"the payload cannot be written to a file for $PAGER: {error}") from error


def _run(file: str) -> None:
    pager = os.environ.get("PAGER") or PAGER
    began = time.monotonic()
    try:
        subprocess.run([*shlex.split(pager), file], check=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"$PAGER {pager!r} cannot be run: {error}") from error
    if time.monotonic() - began < SHORT_S:
        sys.stdout.write("\n(Enter goes back)")
        sys.stdout.flush()
        sys.stdin.readline()
