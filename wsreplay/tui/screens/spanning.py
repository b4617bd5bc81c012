"""While a session is played: what is open at the playhead."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.model import Session
from wsreplay.tui import times
from wsreplay.tui.data.errand import Errands
from wsreplay.tui.messages import SpansTraced
from wsreplay.tui.screens.player import PlayerScreen

if TYPE_CHECKING:
    from wsreplay.tui.data.opened import Opened
    from wsreplay.tui.data.spans import Drawn
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.tui.widgets.overview import Overview
    from wsreplay.tui.widgets.status_line import StatusLine

LIVE_NS = 3 * times.SECOND  # a recording that grows is traced anew this often


def send_for_spans(screen: PlayerScreen, errands: Errands, session: Session | None, what: str) -> None:
    """Have the spans of a session, or of the recording, read beside the interface; `SpansTraced` brings them."""
    from wsreplay.tui.data.traced import Traced, traced

    def tell(found: Traced) -> None:
        screen.post_message(SpansTraced(found))

    only = [one.id for one in session.connections] if session else None
    errands.hand_over("spans", partial(traced, only, screen.replay.judged_by), tell, screen.fail(what))


class SpanningScreen(PlayerScreen):
    """A screen with a playhead, a list of frames and a line for the runs and tools that are open.

    Spans are read when they are first needed: `traced` is None until then, `traced_by` names the contracts that define them.
    """

    opened: Opened
    errands: Errands
    frames: FrameList
    open_line: StatusLine
    overview: Overview
    traced: Sequence[Drawn] | None = None
    traced_by: tuple[str, ...] | None = None
    traced_ns = 0
    _traced_full = False

    @property
    def session(self) -> Session | None:
        raise NotImplementedError

    def show_open(self) -> None:
        """Say what is open at the playhead, while the session is played."""
        if self.film and not self.open_line.is_attached:
            self.mount(self.open_line, before=self.overview)
        self.open_line.display = self.film
        if not self.film:
            self.frames.set_open(())
            return
        self._trace()
        if self.traced is None:
            self.open_line.say([(f"reading runs and tools {self.look.signs.ellipsis}", self.look.style("dim"))])
            return
        from wsreplay.tui.data.traced import open_at

        spans = open_at(self.traced, self.player.at_ns)
        self.frames.set_open({drawn.start_frame for drawn in spans})
        self._say(spans)

    def _say(self, spans: Sequence[Drawn]) -> None:
        look = self.look
        known = f", of the first {len(self.traced or ()):,}" if self._traced_full else ""
        count = f"{len(spans)} open{known}" if spans else f"nothing is open{known}"
        entries = [
            (f"{look.signs.open_end} {look.safe(drawn.kind)}",
             f"{look.safe(drawn.name)} {look.own(times.length(self.player.at_ns - drawn.start_ns))}")
            for drawn in spans
        ]  # fmt: skip
        self.open_line.say([], [(count, look.style("dim"))], entries=entries)

    def _trace(self) -> None:
        """Read the spans, beside the interface; again where another contract judges, or more was recorded."""
        names = self.replay.judged_by
        is_old = self.opened.live and self.now() - self.traced_ns > LIVE_NS
        if self.traced_by == names and not is_old:
            return
        self.traced_by, self.traced_ns = names, self.now()
        send_for_spans(self, self.errands, self.session, "reading runs and tools")

    def on_spans_traced(self, message: SpansTraced) -> None:
        self.traced, _, self._traced_full = message.traced
        self.show_open()
