"""Imported once by the server of which `commandline.run` starts children; `run_command` is what each of them does."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import wsreplay
from wsreplay.cli.main import COMMANDS, main

# Those that take long to import, and are not for `run`.
_INTERACTIVE = {"tui", "demo"}

for _name in COMMANDS.keys() - _INTERACTIVE:
    importlib.import_module(f"wsreplay.cli.{'import_' if _name == 'import' else _name}")


def run_command(
    arguments: list[str], folder: str, environment: dict[str, str], umask: int, files: tuple[str, str, str]
) -> None:
    """`python -m wsreplay` with these arguments, in this folder; `files` are stdin, stdout and stderr."""
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate(files):
        opened = os.open(path, os.O_WRONLY if descriptor else os.O_RDONLY)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False) for descriptor in range(3)  # noqa: SIM115
    )
    sys.argv = [str(Path(wsreplay.__file__).with_name("__main__.py")), *arguments]
    main()
