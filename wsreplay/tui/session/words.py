"""What a session screen says above its rows, and instead of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.rows import Rows
from wsreplay.tui.widgets.head import fault_runs, head_runs, joined, live_runs, new_runs, session_name

if TYPE_CHECKING:
    from wsreplay.tui.host import Host


def place_runs(host: Host, recording: OpenRecording, rows: Rows, *, following: bool, unseen: int) -> list[Run]:
    """Where one is, and what comes in."""
    look, session = host.look, rows.session
    news = new_runs(look, following, unseen) if host.growth.live else []
    where = look.safe(session.path if session else recording.path.name)
    return joined(
        look, head_runs(look, session_name(look, session, recording), *recording.decoders(session)),
        live_runs(look, host.growth, recording), news,
        fault_runs(look, recording.faults(session)), [(where, look.style("text"))],
    )  # fmt: skip


def list_title(look: Appearance, rows: Rows, *, in_the_past: bool) -> tuple[str, str]:
    """The title of the list, and its subtitle; `in_the_past` says that it is shown as it was then."""
    how_to_end = f"as it was then: {look.key('screen.escape')} shows all rows"
    reading = "" if rows.complete else f"reading {look.signs.ellipsis}"
    return "marked frames" if rows.only_marked else "frames", how_to_end if in_the_past else reading


def why_empty(look: Appearance, rows: Rows, recording: OpenRecording) -> Sequence[str]:
    """What a list without rows says."""
    if rows.only_marked:
        matching = "" if rows.filter is None else f" that matches {rows.filter}"
        return ["", f"no frame{matching} is marked", f"{look.key('keep.only_marked')} shows all frames again"]
    if rows.filter is not None:
        return ["", f"no frame matches {rows.filter}", f"{look.key('screen.escape')} clears the filter"]
    if recording.live and recording.runs:
        run = recording.runs[0]
        return ["", "Nothing is recorded yet.", f"Connect a client to {run.listen}", f"to reach {run.upstream}."]
    return ["", "no frames were recorded here"]
