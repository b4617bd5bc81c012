"""Starting the interface: all that can be wrong is said before the terminal is taken over."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs


def run(
    path: Path,
    *,
    session: int | None = None,
    contracts: tuple[str, ...] = (),
    ascii_only: bool | None = None,
    mouse: bool | None = None,
    while_open: int | None = None,
    read_as: ReadAs = AS_RECORDED,
) -> None:
    """Show a recording, one session of it, or a folder of recordings, until the user quits.

    None leaves a setting to the user's configuration. `while_open` is a pipe's descriptor: when its other end is closed, who
    shows this has ended, and it ends too. `read_as` says how recordings are read.

    Raises WsreplayError before the terminal is taken over: for a file that cannot be opened, a setting that cannot be right,
    a contract that cannot be used, or where there is no terminal that will do.
    """
    gc.disable()  # until the first rows are on the screen: nothing that is made before them is garbage
    from wsreplay.tui import config
    from wsreplay.tui.terminal import TerminalGuard, check_terminal

    check_terminal(os.environ)
    settings = config.load()
    if ascii_only is not None:
        settings = settings._replace(ascii=ascii_only)
    if mouse is not None:
        settings = settings._replace(mouse=mouse)
    if read_as.decoder is not None:
        from wsreplay.decode import get_decoder

        get_decoder(read_as.decoder)
    if contracts:
        from wsreplay import contract

        for name in contracts:
            contract.load(name)
    from wsreplay.tui.app import ReplayApp
    from wsreplay.tui.user_state import UserState, state_path

    guard = TerminalGuard(sys.stdin.fileno())
    app = ReplayApp(
        path, session=session, config=settings, contracts=contracts, while_open=while_open, read_as=read_as, guard=guard,
        user_state=UserState(state_path()),
    )  # fmt: skip
    app.open()
    guard.watch()
    app.run(mouse=settings.mouse)
    if app.return_code:
        raise SystemExit(app.return_code)
