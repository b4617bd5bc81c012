"""A span log that keeps of every span which frames began and ended it, however many there are."""

from __future__ import annotations

from wsreplay.tui.recording.known_spans import MOST_KNOWN
from wsreplay.tui.recording.pairs import Pair, Pairs
from wsreplay.validator import SpanLog
from wsreplay.validator.state.state import Instance

_BY_AN_EVENT = ("completed", "failed", "cancelled")  # others were cut by something else's end


class PairLog(SpanLog):
    """Keeps no more than is sent with a verdict, beside the pairs."""

    def __init__(self) -> None:
        super().__init__(most=MOST_KNOWN)
        # in the order of their ends
        self._pairs: list[Pair] = []

    @property
    def pairs(self) -> Pairs:
        return Pairs(self._pairs)

    def close(self, instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        if state in _BY_AN_EVENT and fid and instance.fid and t is not None and not instance.begun_unseen:
            self._pairs.append(Pair(int(fid), int(instance.fid), max(0, t - instance.t)))
        super().close(instance, state, t, fid, detail)
