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
@click.option("--upstream", metavar="URL", help="URL of your backend. (asked)")
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help="Contract to check recordings against; may repeat. (asked)")
@click.option("--redact", "redact", multiple=True, metavar="WHAT", help="What else to hide, such as auto. (asked)")
@click.option("-l", "--listen", metavar="HOST:PORT", help="Where clients connect.")
@click.option("--as", "decoder", type=DecoderName(), metavar="NAME", help="Decoder for the messages.")
@click.option("--user", "users", multiple=True, metavar="PLACE", help="Where a connection names its user.")
@click.option("-o", "--output", metavar="DIR", help="Folder for recordings.")
@click.option("--force", is_flag=True, help=f"Replace an existing {FILE}.")
def command(
    upstream: str | None, contracts: tuple[str, ...], redact: tuple[str, ...], listen: str | None, decoder: str | None,
    users: tuple[str, ...], output: str | None, force: bool,
) -> None:  # fmt: skip
    """Ask three questions, and write wsreplay.toml into this folder, with a comment on each key.

    Questions that an option answers are not asked. Without a terminal none are asked, and --upstream is required.
    """
    path = Path(FILE)
    if path.exists() and not force:
        raise UsageError(f"{path} exists: edit it, or replace it with --force; `wsreplay config` shows its values")
    answers = {"upstream": (upstream or "",), "contract": contracts, "redact": redact, "listen": (listen or "",),
               "decoder": (decoder or "",), "user": users, "output": (output or "",)}  # fmt: skip
    values = {key: tuple(filter(None, texts)) for key, texts in answers.items()}
    _check(path, values)
    if sys.stdin.isatty() and sys.stderr.isatty():
        _ask(path, values)
    elif not values["upstream"]:
        raise UsageError("no terminal to ask questions: give at least --upstream, as in --upstream ws://localhost:8000")
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
        click.echo(f"Built-in contracts: {', '.join(builtin_names())}.", err=True)
        click.echo("Press Enter for the one that fits each recording.", err=True)
        values["contract"] = _answer(path, "contract", "Contract, a name or a file", "")
    if not values["redact"] and click.confirm("Also hide what looks like a secret inside messages?", default=False, err=True):
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
