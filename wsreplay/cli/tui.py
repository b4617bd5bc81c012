"""`wsreplay tui`: look into a recording."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from wsreplay.cli.address import Address
from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import USER_PLACES, decoder_option, recordings_folder, split_session, user_option
from wsreplay.errors import UsageError
from wsreplay.extras import require
from wsreplay.store.paths import reachable

if TYPE_CHECKING:
    from wsreplay.trace.identity import UserSource

WEB_HOST, WEB_PORT = "127.0.0.1", 8766


@click.command()
@click.argument("file", type=RecordingName(), required=False)
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help="Contract to check against: a file, or a built-in's name.")  # fmt: skip
@decoder_option
@user_option(USER_PLACES)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
@click.option("--no-mouse", is_flag=True, help="Let the terminal handle the mouse.")
@click.option("--web", is_flag=False, flag_value="", metavar="[HOST:PORT]",
              help=f"Show it in a browser, at this address of this machine. [default: {WEB_HOST}:{WEB_PORT}]")
@click.option("--while-open", type=int, hidden=True, help="End when the other end of this inherited pipe is closed.")
def command(
    file: str | None, session: int | None, contracts: tuple[str, ...], decoder: str | None, users: tuple[UserSource, ...],
    ascii_only: bool, no_mouse: bool, web: str | None, while_open: int | None,
) -> None:  # fmt: skip
    """Browse and replay recordings; find what is missing, late or out of order.

    FILE is a recording, which may still be growing, or a folder of recordings [default: recordings]. SESSION, or
    FILE#SESSION, opens the session with that number at once.
    """
    if web is not None:
        from wsreplay.trace.identity import user_source_text

        _serve(web, [*([file] if file else []), *([str(session)] if session is not None else [])],
               [*(part for name in contracts for part in ("-c", name)), *(["--as", decoder] if decoder else []),
                *(part for user in users for part in ("--user", user_source_text(user))),
                *(["--ascii"] if ascii_only else []), *(["--no-mouse"] if no_mouse else [])])  # fmt: skip
        return
    from wsreplay.trace.decoder_choices import ReadAs
    from wsreplay.tui.start import run

    path, marked = split_session(file) if file else (recordings_folder(), None)
    reachable(path)
    mouse = False if no_mouse else None
    run(
        path, session=marked if session is None else session, contracts=contracts, ascii_only=ascii_only or None, mouse=mouse,
        while_open=while_open, read_as=ReadAs(decoder, users),
    )  # fmt: skip


def _serve(web: str, arguments: list[str], options: list[str]) -> None:
    """Show it in a browser. What follows `--web` may also be the file. Raises UsageError."""
    require("web", "textual_serve", purpose="wsreplay tui --web")
    host, port = WEB_HOST, WEB_PORT
    if web and (re.fullmatch(r"(.*:)?\d{1,5}", web) or arguments):
        host, port = Address().convert(web, None, None)
    elif web:
        arguments = [web, *arguments]
    if arguments:
        path, _ = split_session(arguments[0])
        if not reachable(path).exists():
            raise UsageError(f"{path}: no such file. `wsreplay ls` lists the recordings")
    from wsreplay.tui.web import serve

    serve([sys.executable, "-m", "wsreplay", "tui", *options, "--", *arguments], host, port, _say_where)


def _say_where(url: str) -> None:
    click.echo(f"serving the interface at {url}   (Ctrl-C stops)")
