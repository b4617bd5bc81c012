"""Standard streams that do no harm, whatever they are: closed, a pipe that nobody reads, on a full disk, in any encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


def prepare() -> None:
    """To be called first. After it descriptors 0, 1 and 2 are open, and `sys.stdin`, `sys.stdout` and `sys.stderr` are files.

    A closed stdin is at its end. What is written to a closed stdout fails, so that no result is lost in silence. What cannot be
    written to stderr is left out: nothing ends because nobody hears of it. A character that an encoding does not have is
    written as its escape.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        _open_if_closed(descriptor, mode)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- a descriptor
    if sys.stdout is None:
        sys.stdout = _text(io.FileIO(1, "w", closefd=False), None)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None or isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _text(_Unheard(2, "w", closefd=False), sys.stderr)


def _open_if_closed(descriptor: int, mode: int) -> None:
    """Otherwise the next file that is opened gets the number, and what is meant for a stream is written into it."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, mode)
        if opened != descriptor:  # a lower one is closed too, and was left so
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)


class _Unheard(io.FileIO):
    """A descriptor to which writing never fails: what cannot be written is left out."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)


def _text(raw: io.FileIO, like: io.TextIOWrapper | Any) -> io.TextIOWrapper:
    encoding = like.encoding if isinstance(like, io.TextIOWrapper) else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=True, write_through=True
    )


def harmless(text: str) -> str:
    """Lines for a terminal: no control character, no sign that cannot be seen."""
    from wsreplay.display import visible

    return "\n".join(map(visible, text.split("\n")))
