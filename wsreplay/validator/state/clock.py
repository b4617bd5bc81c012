"""The clock of a trace: it is read from frames, never from the machine (RV-LTL deadlines in trace time)."""

from __future__ import annotations

NEVER = 1 << 62  # a time (ns) that no trace reaches
IDLE_NS = 600_000_000_000  # what no event has concerned for so long is forgotten: slices, ids, owners


class Clock:
    """When something is next to be decided: no event later than `due` (ns) may be looked at before that."""

    __slots__ = ("due", "epochs")

    def __init__(self) -> None:
        # ns on the trace's time axis; read by the engine with every frame
        self.due = NEVER
        # run of the recorder → the wall-clock time (ns since 1970) at which the trace's time axis begins; as far as it is known
        self.epochs: dict[int, int] = {}

    def at(self, due: int) -> None:
        """Something is due at this time (ns): earlier than what is known so far, or not."""
        if due < self.due:
            self.due = due

    def set(self, due: int) -> None:
        """This is what is due first, of all there is."""
        self.due = due

    def look_now(self) -> None:
        """What is due first is not known: find it out before the next frame."""
        self.due = -1
