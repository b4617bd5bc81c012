"""`wsreplay init`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from wsreplay.cli.completion import ContractName, DecoderName
from wsreplay.cli.defaults import value_errors
from wsreplay.cli.options import print_path
from wsreplay.configuration import FILE, Configuration, ConfiguredValue, document, read
from wsreplay.errors import ConfigurationError, UsageError


@click.command(name="init")
@click.option("--upstream", metavar="URL", help="The backend that record stands before. (asked)")
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help="What recordings are judged by. (asked)")
@click.option("--redact", "redact", multiple=True, metavar="WHAT", help="What else is hidden, such as auto. (asked)")
@click.option("-l", "--listen", metavar="HOST:PORT", help="Where clients connect to.")
@click.option("--as", "decoder", type=DecoderName(), metavar="NAME", help="How messages are read.")
@click.option("--user", "users", multiple=True, metavar="PLACE", help="Where connections name their users.")
@click.option("-o", "--output", metavar="DIR", help="The folder where recordings go.")
@click.option("--force", is_flag=True, help=f"Replace a {FILE} that is there.")
def command(
    upstream: str | None, contracts: tuple[str, ...], redact: tuple[str, ...], listen: str | None, decoder: str | None,
    users: tuple[str, ...], output: str | None, force: bool,
) -> None:  # fmt: skip
    """Write wsreplay.toml into this folder, with a comment on each key, after three questions.

    What an option answers is not asked. Without a terminal nothing is asked: --upstream is needed then.
    """
    path = Path(FILE)
    if path.exists() and not force:
        raise UsageError(f"{path} exists: change it, or let --force replace it; wsreplay config tells what it says")
    answers = {"upstream": (upstream or "",), "contract": contracts, "redact": redact, "listen": (listen or "",),
               "decoder": (decoder or "",), "user": users, "output": (output or "",)}  # fmt: skip
    values = {key: tuple(filter(None, texts)) for key, texts in answers.items()}
    _check(path, values)
    if sys.stdin.isatty() and sys.stderr.isatty():
        _ask(path, values)
    elif not values["upstream"]:
        raise UsageError("there is no terminal to ask at: say at least --upstream, as in --upstream ws://localhost:8000")
    text = document(values)
    read(path, text).check()
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    print_path(path)


def _check(path: Path, values: dict[str, tuple[str, ...]]) -> None:
    """Raises UsageError where an answer cannot be what it stands for."""
    given = {key: ConfiguredValue(texts, 0) for key, texts in values.items() if texts}
    for error in value_errors(Configuration(path.absolute(), given), list(given)):
        raise UsageError(error.message if isinstance(error, ConfigurationError) else str(error))


def _ask(path: Path, values: dict[str, tuple[str, ...]]) -> None:
    """Put the three questions that no option answers."""
    from wsreplay.contract import builtin_names

    if not values["upstream"]:
        values["upstream"] = _answer(path, "upstream", "Your backend's address", "ws://localhost:8000")
    if not values["contract"]:
        click.echo(f"Built-in contracts: {', '.join(builtin_names())}. Press Enter for the one that fits.", err=True)
        values["contract"] = _answer(path, "contract", "Contract, a name or a file", "")
    if not values["redact"] and click.confirm("Hide what looks like a secret in messages, too?", default=False, err=True):
        values["redact"] = ("auto",)


def _answer(path: Path, key: str, question: str, default: str) -> tuple[str, ...]:
    """What is typed, asked again where it cannot be right."""

    def convert(text: Any) -> tuple[str, ...]:
        answer: Sequence[str] = () if not text else (str(text).strip(),)
        try:
            _check(path, {key: tuple(answer)})
        except UsageError as error:
            raise click.BadParameter(str(error)) from None
        return tuple(answer)

    answer: tuple[str, ...] = click.prompt(
        question, default=default, show_default=bool(default), value_proc=convert, err=True
    )
    return answer
