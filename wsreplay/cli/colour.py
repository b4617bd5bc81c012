"""Whether what is printed has colours: as NO_COLOR (https://no-color.org) and CLICOLOR (https://bixense.com/clicolors) ask."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

# What became of a session, by its sign.
VERDICT_COLOURS = {"✗": "red", "▲": "yellow", "✓": "green", "?": "yellow", "●": "cyan"}


def wants_colour(asked: bool | None = None) -> bool:
    """Whether standard output is to have colours. `asked`: what an option says; it wins."""
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def colour_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--color`, of every command that prints for people."""
    return click.option("--color/--no-color", default=None, help="Colour the output. [default: on a terminal]")(command)


def print_signed(line: str, colours: Mapping[str, str], painted: bool, *, whole: bool = False) -> None:
    """A line on stdout, its first sign, or the whole of it, in the sign's colour. Headings, at the margin, are bold."""
    if painted and line:
        sign = line.lstrip()[:1]
        if not line.startswith(" "):
            line = click.style(line, bold=True)
        elif (colour := colours.get(sign)) is not None:
            indent = len(line) - len(line.lstrip())
            end = len(line) if whole else indent + 1
            line = line[:indent] + click.style(line[indent:end], fg=colour) + line[end:]
    click.echo(line, color=painted)
