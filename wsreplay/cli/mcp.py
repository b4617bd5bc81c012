"""`wsreplay mcp`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wsreplay.cli.address import Address
from wsreplay.cli.completion import ContractName, FolderPath
from wsreplay.cli.options import FITTING_DEFAULT, USER_PLACES, decoder_option, recordings_folder, user_option
from wsreplay.extras import require
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import UserSource


@click.command(name="mcp")
@click.argument("folder", metavar="[DIR]", type=FolderPath(path_type=Path), required=False)
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help=f"Contract for the assistant besides the built-ins; may repeat; the first is its default. {FITTING_DEFAULT}")
@decoder_option
@user_option(USER_PLACES)
@click.option("--http", type=Address(), metavar="HOST:PORT",
              help="Serve over streamable HTTP at this local address. [default: stdio]")
def command(
    folder: Path | None, contracts: tuple[str, ...], decoder: str | None, users: tuple[UserSource, ...],
    http: tuple[str, int] | None,
) -> None:  # fmt: skip
    """Serve the recordings in DIR [default: recordings] to a coding assistant, by the Model Context Protocol.

    Read-only: the assistant can list recordings and sessions, read findings, frames and payloads, validate, compare and count.
    It sees nothing outside DIR, and secrets only as recorded: redacted.
    """
    folder = folder or recordings_folder()
    require("mcp", "mcp.server.mcpserver", "uvicorn", purpose="wsreplay mcp")
    from wsreplay.mcp.folder import RecordingsFolder
    from wsreplay.mcp.server import run

    if http is None and sys.stdin.isatty():
        click.echo("wsreplay: waiting for an assistant on standard input; its configuration usually starts this", err=True)
    served = RecordingsFolder(folder, contracts, ReadAs(decoder, users))
    run(served, http, lambda url: click.echo(f"wsreplay: serving {folder} at {url}", err=True))
