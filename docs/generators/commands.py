"""The command line as a page, from click."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from wsreplay.cli.main import group

INTRODUCTION = """# Commands

Results go to standard output, everything else to standard error. Every command has `--help`.
What the exit codes mean: [Exit codes](exit-codes.md).

`FILE#3` is session 3 of a recording, wherever a command takes a FILE and a session.

## Completion

wsreplay completes commands, options, recordings and folders, sessions, contracts and filters in bash, zsh and fish. Other files
are offered where neither a recording nor a folder fits. A filter's values are those of the recording that the line names:
`--filter type:` offers its types, `user:` its users, `'sev>=` the severities. Quote a filter that has `>`, `|` or spaces.

For bash, put this line into
`~/.bashrc`; for the others, write `zsh_source` or `fish_source` in place of `bash_source`:

<!-- test: not run: needs a shell of its own -->
```console
$ eval "$(_WSREPLAY_COMPLETE=bash_source wsreplay)"
```
"""


def page() -> str:
    context = click.Context(group, info_name="wsreplay")
    names = group.list_commands(context)
    contents = ["| Command | |", "|---|---|"]
    contents += [f"| [`{name}`](#{name}) | {_cell(_short(context, name))} |" for name in names]
    parts = [INTRODUCTION, "## All commands", "\n".join(contents), *_command_parts(context)]
    return "\n\n".join(parts)


def _short(context: click.Context, name: str) -> str:
    command = group.get_command(context, name)
    assert command is not None
    return command.get_short_help_str(200)


def _command_parts(context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from _command(command, click.Context(command, info_name=name, parent=context), "##")


def _command(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    path = context.command_path.removeprefix("wsreplay ")
    yield f"{level} {path} {{ #{path.replace(' ', '-')} }}"
    usage = re.sub(r"\s+", " ", command.get_usage(context)).removeprefix("Usage: ")
    yield f"```text\n{usage}\n```"
    if command.help:
        yield _paragraphs(inspect.cleandoc(command.help))
    if options := list(_options(command, context)):
        yield "\n".join(["| Option | |", "|---|---|", *options])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, info_name=name, parent=context), level + "#")


def _paragraphs(text: str) -> str:
    """Click's `\\b` keeps the line breaks of the paragraph behind it: here it becomes a block of text."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith("\b"):
            found.append(f"```text\n{inspect.cleandoc(paragraph[1:])}\n```")
        else:
            found.append(_prose(paragraph))
    return "\n\n".join(found)


def _prose(paragraph: str) -> str:
    return re.sub(r"\s+", " ", paragraph).replace("<", "&lt;").replace("*", r"\*")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            yield f"| {_code(record[0])} | {_cell(record[1])} |"


def _code(text: str) -> str:
    """Code in a table, where a bar would end the cell."""
    return f"<code>{text.replace('&', '&amp;').replace('<', '&lt;').replace('|', '&#124;')}</code>"


def _cell(text: str) -> str:
    return _prose(text).replace("|", r"\|")
