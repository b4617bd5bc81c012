"""`wsreplay mcp`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wsreplay.cli.completion import ContractName
from wsreplay.cli.options import FITTING_DEFAULT, Address, recordings_folder
from wsreplay.extras import require


@click.command(name="mcp")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(),
              help=f"What assistants may judge by besides built-ins; may repeat, the first is their default. {FITTING_DEFAULT}")
@click.option("--http", type=Address(), metavar="HOST:PORT",
              help="Serve streamable HTTP on this address of this machine. [default: stdio]")
def command(folder: Path | None, contracts: tuple[str, ...], http: tuple[str, int] | None) -> None:  # fmt: skip
    """Serve a folder of recordings to a coding assistant, by the Model Context Protocol. Without DIR: recordings/.

    Read-only: the assistant lists recordings and sessions, reads findings with their witness frames, frames by filter and
    payloads, validates, compares, counts. It sees nothing outside of the folder, and secrets as they were recorded: redacted.
    """
    folder = folder or recordings_folder()
    require("mcp", "mcp.server.mcpserver", "uvicorn", purpose="wsreplay mcp")
    from wsreplay.mcp.folder import RecordingsFolder
    from wsreplay.mcp.server import run

    if http is None and sys.stdin.isatty():
        click.echo("wsreplay: waiting for an assistant on standard input; it is its configuration that starts this", err=True)
    run(RecordingsFolder(folder, contracts), http, lambda url: click.echo(f"wsreplay: serving {folder} at {url}", err=True))
