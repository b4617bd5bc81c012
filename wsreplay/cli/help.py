"""`wsreplay help`: pages of the documentation in the terminal, from the wheel or a checkout."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from wsreplay.cli.colour import wants_colour
from wsreplay.cli.main import COMMANDS, group
from wsreplay.cli.options import print_paged
from wsreplay.errors import UsageError

# By topic: the page, or a section of it, and what it tells.
TOPICS = {
    "ci": ("how-to/ci.md", "How to gate a CI server with a contract."),
    "contracts": ("reference/contracts.md", "The contract language."),
    "decoders": ("reference/decoders.md", "Supported protocols, and where their types and ids are."),
    "exit-codes": ("reference/exit-codes.md", "What the exit codes mean."),
    "filters": ("filters.md", "The filter language of show, replay and the terminal interface."),
    "keys": ("reference/keys.md", "Keys of the terminal interface, and how to change them."),
    "map": ("how-to/map.md", "How to validate a product whose events have other names."),
    "marks": ("how-to/record.md#mark-a-moment", "How to mark a moment while something is recorded."),
    "recording": ("reference/recording.md", "The tables of a recording, for SQLite tools."),
    "redaction": ("reference/redaction.md", "Which secrets are hidden, and how to hide more."),
    "troubleshooting": ("how-to/troubleshoot.md", "What to do when something does not work, by symptom."),
    "units": ("reference/units.md", "How to write durations, sizes and times."),
    "verdicts": ("reference/verdicts.md", "What a verdict and a finding mean."),
    "write-contracts": ("how-to/contracts.md", "How to write a contract, step by step."),
}
PACKAGE = Path(__file__).parents[1]
# In the wheel the pages lie in the package; in a checkout beside it.
PLACES = (PACKAGE / "pages", PACKAGE.parent / "docs")
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_ATTRIBUTES = re.compile(r"[ \t]*\{[ \t]*[#.:][^}\n]*\}[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:)([^)#\n]*)[^)\n]*\)")
_TAG = re.compile(r"</?(?:kbd|code)>")
_FENCE = re.compile(r"^(```\w*)[^\n]*$", re.MULTILINE)
_WIDTH = 100


class Topic(click.ParamType[str]):
    """A topic, or a command."""

    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        offers = {**COMMANDS, **{name: summary for name, (_, summary) in TOPICS.items()}}
        return [CompletionItem(name, help=summary) for name, summary in offers.items() if name.startswith(incomplete)]


@click.command(name="help")
@click.argument("words", metavar="[TOPIC]", type=Topic(), nargs=-1)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show help on a TOPIC or a command; without one, list the topics."""
    assert context.parent is not None
    topic = "-".join(words).lower()
    if words and words[0] in COMMANDS:
        _print_command(context.parent, words)
    elif not topic:
        _list_topics()
    elif topic in TOPICS:
        _print_page(read_page(topic))
    else:
        close = difflib.get_close_matches(topic, [*TOPICS, *COMMANDS], n=1)
        raise UsageError(f"no such topic: {topic!r}; " + (f"did you mean {close[0]}?" if close else "see wsreplay help"))


def _print_command(context: click.Context, words: tuple[str, ...]) -> None:
    """The help of a command, or of one below it: `contract map`. What else is said after a command is not looked at."""
    above: click.Command = group
    for number, word in enumerate(words):
        if not isinstance(above, click.Group):
            break
        named = above.get_command(context, word)
        if named is None:
            close = difflib.get_close_matches(word, above.list_commands(context), n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(above.list_commands(context))}"
            raise UsageError(f"no such command: {' '.join(words[: number + 1])!r}; {hint}")
        above, context = named, click.Context(named, info_name=word, parent=context)
    click.echo(above.get_help(context))


def _list_topics() -> None:
    formatter = click.HelpFormatter(max_width=_WIDTH)
    formatter.write_usage("wsreplay help", "TOPIC or COMMAND")
    with formatter.section("Topics"):
        formatter.write_dl([(name, summary) for name, (_, summary) in TOPICS.items()])
    click.echo(formatter.getvalue(), nl=False)


def read_page(topic: str) -> str:
    """The page of a topic as Markdown, without what only the site needs. Raises UsageError."""
    page, _, section = TOPICS[topic][0].partition("#")
    for place in PLACES:
        if (place / page).is_file():
            text = (place / page).read_text(encoding="utf-8")
            text = _section(text, section) if section else text
            text = _ATTRIBUTES.sub("", _COMMENT.sub("", text))
            text = _TAG.sub("`", _without_links(text, topic)).replace("&#124;", r"\|")
            return _FENCE.sub(r"\1", text).lstrip()
    raise UsageError(f"the page about {topic} is not installed")


def _section(text: str, anchor: str) -> str:
    """The section of a page that a link to this anchor leads to, as a page of its own."""
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        heading = part.partition("\n")[0].removeprefix("## ")
        if heading.lower().replace(" ", "-") == anchor:
            return part[1:]
    raise UsageError(f"there is no section {anchor}")


def _without_links(text: str, topic: str) -> str:
    """Links as plain text, the first one to each other topic with the command that shows it."""
    page = TOPICS[topic][0]
    others = {name: other for other, (name, _) in TOPICS.items() if other != topic}

    def plain(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link[2]))
        other = others.pop(target, None)
        return link[1] if other is None else f"{link[1]} (`wsreplay help {other}`)"

    return _LINK.sub(plain, text)


def _print_page(text: str) -> None:
    """On a terminal laid out and through its pager, else as it is."""
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    columns = os.get_terminal_size(sys.stdout.fileno()).columns
    console = Console(width=min(_WIDTH, columns), no_color=not wants_colour())
    with console.capture() as laid_out:
        console.print(Markdown(text, code_theme="ansi_dark"))
    print_paged([laid_out.get()], wants_colour())
