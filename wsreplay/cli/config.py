"""`wsreplay config`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click
import orjson

from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.defaults import in_force, value_errors
from wsreplay.cli.streams import harmless
from wsreplay.configuration import KEYS, Configuration
from wsreplay.display import pad, visible
from wsreplay.errors import EXIT_CLEAN, EXIT_USAGE

# A user and a password in a URL.
_USERINFO = re.compile(r"//[^/@]*@")
_PREFIX = "WSREPLAY_"
_WIDTH = 34


@click.command(name="config")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@colour_option
def command(as_json: bool, color: bool | None) -> int:
    """Show the configuration for this folder, with the file and line of each value, and the defaults of the rest.

    wsreplay.toml, or [tool.wsreplay] in pyproject.toml, is looked for in this folder and its parents. Options on the command
    line win. Exit code 2: the file contains an error.
    """
    configuration = in_force()
    errors = [*configuration.errors, *value_errors(configuration, list(KEYS))]
    if as_json:
        click.echo(orjson.dumps(_as_object(configuration, list(map(str, errors))), option=orjson.OPT_INDENT_2))
    else:
        painted = wants_colour(color)
        for line in _lines(configuration, painted):
            click.echo(line, color=painted)
    for error in errors:
        click.echo(harmless(f"wsreplay: {error}"), err=True)
    return EXIT_USAGE if errors else EXIT_CLEAN


def _lines(configuration: Configuration, painted: bool) -> Iterator[str]:
    path = configuration.path
    yield visible(str(path)) if path else "no wsreplay.toml, or [tool.wsreplay] in pyproject.toml, in this folder or above it"
    for name, key in KEYS.items():
        value = configuration.values.get(name)
        if value is None or path is None:
            line = f"  {name:<10}{key.default}"
            yield click.style(line, dim=True) if painted else line
            continue
        texts = ", ".join(visible(_without_password(text)) for text in configuration.texts(name))
        yield f"  {name:<10}{pad(texts, max(_WIDTH, len(texts)))}  {path.name}{f':{value.line}' if value.line else ''}"
    for name, text in _variables():
        yield f"  {visible(name)}={visible(text)}   from the environment"


def _variables() -> list[tuple[str, str]]:
    return sorted((name, text) for name, text in os.environ.items() if name.startswith(_PREFIX))


def _without_password(text: str) -> str:
    return _USERINFO.sub("//…@", text)


def _as_object(configuration: Configuration, errors: list[str]) -> dict[str, object]:
    """For programs: each key with its values as a list, and its line (null where nothing is configured)."""
    settled = {name: configuration.values.get(name) for name in KEYS}
    return {
        "file": None if configuration.path is None else visible(str(configuration.path)),
        "values": {
            name: {
                "value": [visible(_without_password(text)) for text in configuration.texts(name)],
                "line": None if value is None else value.line or None,
                "default": value is None,
            }
            for name, value in settled.items()
        },
        "environment": {visible(name): visible(text) for name, text in _variables()},
        "errors": [visible(error) for error in errors],
    }
