"""`wsreplay tui`: look into a recording."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_FOLDER = Path("recordings")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("-c", "--contract", "contracts", multiple=True, metavar="CONTRACT", help="Validate by a built-in or a file.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
def command(file: Path | None, contracts: tuple[str, ...], ascii_only: bool, no_mouse: bool) -> None:
    """Look into a recording: replay it, find what is missing, late or out of order.

    FILE is a recording, also one that is being written, or a folder of them; without it, the folder `recordings`.
    """
    from wsreplay.tui import run

    run(file or DEFAULT_FOLDER, contracts=contracts, ascii_only=ascii_only or None, mouse=False if no_mouse else None)
