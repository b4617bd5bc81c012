"""A whole payload in $PAGER."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile

import orjson

from wsreplay.errors import UsageError
from wsreplay.trace.display import visible
from wsreplay.tui.data.summary import decoded

PAGER = "less"


def readable(payload: bytes) -> str:
    """A whole payload for a pager: JSON indented, and nothing in it that drives a terminal."""
    try:
        text = orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter: read, but nested too deep to be written
        text = decoded(payload)
    return "\n".join(visible(line) for line in text.split("\n")) + "\n"


def page(payload: bytes) -> None:
    """Show a payload in $PAGER. Raises UsageError where there is no such program."""
    pager = os.environ.get("PAGER") or PAGER
    with tempfile.NamedTemporaryFile("w", prefix="wsreplay-", suffix=".txt", encoding="utf-8") as file:
        file.write(readable(payload))
        file.flush()
        try:
            subprocess.run([*shlex.split(pager), file.name], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"$PAGER {pager!r} cannot be run: {error}") from error
