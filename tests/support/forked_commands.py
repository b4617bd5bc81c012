"""Imported once by the server that `forked` starts programs of; `run_forked` is what each of them does."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop  # noqa: F401 -- what a relay runs on

import wsreplay
import wsreplay.proxy.proxy
from wsreplay.cli.main import COMMANDS, main

# Those that take long to import, and are not for `run`.
_INTERACTIVE = {"tui", "demo"}
_FLAGS = (os.O_RDONLY, os.O_WRONLY)

for _name in COMMANDS.keys() - _INTERACTIVE:
    importlib.import_module(f"wsreplay.cli.{'import_' if _name == 'import' else _name}")


Stream = str | Connection


def run_forked(
    target: Callable[[list[str]], object], arguments: list[str], folder: str, environment: dict[str, str], umask: int,
    streams: tuple[Stream, Stream, Stream],
) -> None:  # fmt: skip
    """Call it in this folder; `streams` are stdin, stdout and stderr."""
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, stream in enumerate(streams):
        opened = os.dup(stream.fileno()) if isinstance(stream, Connection) else os.open(stream, _FLAGS[bool(descriptor)])
        os.dup2(opened, descriptor)
        os.close(opened)
        if isinstance(stream, Connection):
            stream.close()
    sys.stdin, sys.stdout = (open(descriptor, mode, encoding="utf-8", closefd=False) for descriptor, mode in enumerate("rw"))  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    target(arguments)


def run_command(arguments: list[str]) -> None:
    """`python -m wsreplay` with these arguments."""
    sys.argv = [str(Path(wsreplay.__file__).with_name("__main__.py")), *arguments]
    main()
