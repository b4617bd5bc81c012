"""What a command says while it runs: on stderr, escaped, with a status line where there is a terminal."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import click

from wsreplay.cli.streams import harmless

MOST_HELD = 20  # of what must be known: the last ones, while somebody else has the terminal
_ERASE = "\r\x1b[2K"


class Console:
    """Lines, and below them a status line that is rewritten in place."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        # whether the status line stands in the terminal's last line
        self._drawn = False
        # whether somebody else has the terminal, and what is to be said once it is given back
        self._silent = False
        self._held: deque[str] = deque(maxlen=MOST_HELD)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Somebody else has the terminal: what would be said meanwhile is not; what must be known is said afterwards."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False
            held, self._held = self._held, deque(maxlen=MOST_HELD)
            for text in held:
                self.complain(text)

    def say(self, text: str) -> None:
        """What -q leaves out. Harmless on a terminal, whatever it holds."""
        if not self._quiet and not self._silent:
            self.clear_status()
            click.echo(harmless(text), err=True)

    def complain(self, text: str) -> None:
        """What must be known even with -q."""
        if self._silent:
            self._held.append(text)
            return
        self.clear_status()
        click.echo(harmless(f"wsreplay: {text}"), err=True)

    def draw_status(self, text: str) -> None:
        """Draw the line that changes, where there is a terminal, and it is ours."""
        if self._live and not self._silent and _has_terminal():
            self._write(f"{_ERASE}{text}")
            self._drawn = True

    def clear_status(self) -> None:
        """Take the line that changes away, so that others can be printed."""
        if self._drawn:
            self._drawn = False
            if _has_terminal():  # else the shell has gone on to another line
                self._write(_ERASE)

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _has_terminal() -> bool:
    """Whether the terminal is ours: a job in the background does not draw into what its user types."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:  # of another session
        return True
