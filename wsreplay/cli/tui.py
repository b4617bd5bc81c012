"""`wsreplay tui`: look into a recording."""

from __future__ import annotations

import click

from wsreplay.cli.completion import ContractName, RecordingName, SessionNumber
from wsreplay.cli.options import decoder_option, recordings_folder, split_session
from wsreplay.store.paths import reachable


@click.command()
@click.argument("file", type=RecordingName(), required=False)
@click.argument("session", type=SessionNumber(), required=False)
@click.option("-c", "--contract", "contracts", multiple=True, type=ContractName(), help="Validate by a built-in or a file.")
@decoder_option
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--while-open", type=int, hidden=True, help="End when the other end of this inherited pipe is closed.")
def command(
    file: str | None, session: int | None, contracts: tuple[str, ...], decoder: str | None, ascii_only: bool, no_mouse: bool,
    while_open: int | None,
) -> None:  # fmt: skip
    """Look into a recording: replay it, find what is missing, late or out of order.

    FILE is a recording, also one that is being written, or a folder of them; without it, the folder `recordings`. SESSION is
    the number of one to open at once; FILE#SESSION is the same.
    """
    from wsreplay.tui.start import run

    path, marked = split_session(file) if file else (recordings_folder(), None)
    reachable(path)
    mouse = False if no_mouse else None
    run(
        path, session=marked if session is None else session, contracts=contracts, ascii_only=ascii_only or None, mouse=mouse,
        while_open=while_open, decoder=decoder,
    )  # fmt: skip
