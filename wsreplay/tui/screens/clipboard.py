"""What is copied: by the terminal, or into a file where it is more than terminals take."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MOST_BYTES = 74_994
"""What fits into an OSC 52 sequence of 100,000 bytes, in base64: xterm and others drop a longer one without a word."""


def fits(text: str) -> bool:
    """Whether terminals take a text for their clipboard."""
    return len(text) <= MOST_BYTES and len(text.encode("utf-8", "backslashreplace")) <= MOST_BYTES


def save(data: bytes, name: str, suffix: str) -> Path:
    """Write it into a new file of the folder for temporary files, which only its user can read. Raises OSError."""
    number, path = tempfile.mkstemp(prefix=f"wsreplay-{name}-", suffix=suffix)
    with os.fdopen(number, "wb") as file:
        file.write(data)
    return Path(path)
