"""What a guessed option or sub-command may have meant, where click itself finds none of a similar name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import click

_NAMED = re.compile(r"No such (?:command|option):? '?(?P<name>[^'\s]+?)'?\.?(?:\s|$)")
# What other programs call an option → the parameters that may be meant, the first that a command has.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "-p": ("listen",), "--port": ("listen",), "--host": ("listen",), "--bind": ("listen",), "--address": ("listen",),
    "-f": ("forms", "form", "follow"), "--type": ("forms", "form"), "--json": ("as_json", "forms", "form"),
    "--out": ("outputs", "output"), "--file": ("outputs", "output"), "--schema": ("contracts", "contract"),
    "--rules": ("contracts", "contract"), "--protocol": ("decoder",), "--decoder": ("decoder",), "--format": ("decoder",),
    "-u": ("users", "upstream"), "-n": ("most", "count"), "-w": ("wait",), "--timeout": ("wait", "timeout"),
}  # fmt: skip
# What needs no option, by command and guess.
_UNNEEDED = {
    ("import", "-f"): "The format is detected: see --help for those that there are.",
    ("import", "--format"): "The format is detected: see --help for those that there are.",
    ("import", "--from"): "The format is detected: see --help for those that there are.",
}
# What other programs call a sub-command.
_COMMANDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contract": {
        "map": ("init", "new", "create", "generate", "infer", "draft", "learn", "from"), "ls": ("list",),
        "check": ("lint", "validate"), "mutate": ("test",),
    },
}  # fmt: skip
_MOST_LISTED = 8


def with_hint(error: click.UsageError) -> click.UsageError:
    """The same error, or one that says what may have been meant, or what there is."""
    context, match = error.ctx, _NAMED.match(error.message)
    if context is None or match is None:
        return error
    name, command = match["name"], context.command
    if isinstance(error, click.NoSuchOption):
        name, possibilities = error.option_name, error.possibilities
        hint = _UNNEEDED.get((command.name or "", name)) or ("" if possibilities else _about_option(context, name))
    elif isinstance(command, click.Group) and "Did you mean" not in error.format_message():
        hint = _about_command(command, context, name)
    else:
        return error
    what = "option" if name.startswith("-") else "command"
    return click.UsageError(f"No such {what} {name!r}. {hint}", context) if hint else error


def _about_option(context: click.Context, name: str) -> str:
    parameters = context.command.params
    options = [parameter for parameter in parameters if isinstance(parameter, click.Option) and not parameter.hidden]
    by_name = {option.name: option for option in options}
    for meant in _OPTIONS.get(name, ()):
        if meant in by_name:
            return f"Did you mean {_words(by_name[meant])}?"
    texts = [_words(option) for option in options]
    return f"There are {_listed(texts)}." if texts and len(texts) <= _MOST_LISTED else ""


def _about_command(group: click.Group, context: click.Context, name: str) -> str:
    for meant, guesses in _COMMANDS.get(group.name or "", {}).items():
        if name not in guesses:
            continue
        return f"Did you mean {meant!r}? {_first_sentence(group, context, meant)}".rstrip()
    there = list(_commands(group, context))
    return f"There are {_listed(there)}." if there and len(there) <= _MOST_LISTED else ""


def _first_sentence(group: click.Group, context: click.Context, name: str) -> str:
    command = group.get_command(context, name)
    return command.get_short_help_str(120) if command is not None else ""


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name


def _words(option: click.Option) -> str:
    return "/".join(option.opts)


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
