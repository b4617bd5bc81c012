"""What `replay` says of connections, mismatches and progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wsreplay.cli.console import Console
from wsreplay.display import visible
from wsreplay.units import SECOND, duration_text

if TYPE_CHECKING:
    from wsreplay.replay.client import Result
    from wsreplay.replay.expectations import Mismatch
    from wsreplay.replay.player import Played
    from wsreplay.replay.script import Script


class ReplayConsole(Console):
    """One line per connection and mismatch, and how far a replay has come; of mismatches no more than `most` are told."""

    def __init__(self, quiet: bool, most: int | None = None) -> None:
        super().__init__(quiet)
        self._most = most
        # how many mismatches there were, those included that are left out
        self._mismatches = 0
        self._begun = time.monotonic()

    def opened(self, script: Script, peer: str) -> None:
        """A connection of the recording is played to a peer."""
        path = script.connection.path.partition("?")[0]
        self.say(f"▸ session {script.session}, connection {script.connection.id}  {visible(path)}  to {peer}")

    def mismatched(self, mismatch: Mismatch) -> None:
        """Something came that was not recorded, or did not come."""
        self._mismatches += 1
        if self._most is None or self._mismatches <= self._most:
            self.say(f"≠ {visible(str(mismatch))}")
        elif self._mismatches == self._most + 1:
            self.say("≠ … and more")

    def ended(self, played: Played) -> None:
        """A connection was played."""
        outcome = "played to the end" if played.complete else "ended early"
        self.say(f"▪ session {played.session}, connection {played.connection}  {outcome}, {played.sent:,} sent")

    def progress(self, result: Result, sessions: int) -> None:
        """The line that changes: how many of so many sessions are over; 0 where that is not known."""
        of = f" of {sessions:,}" if sessions else ""
        self.draw_status(
            f"▶ {duration_text((time.monotonic() - self._begun) * SECOND)} · {result.over:,}{of} sessions"
            f" · {result.playing:,} playing · {len(result.lost):,} lost · {self._mismatches:,} mismatches"
        )
