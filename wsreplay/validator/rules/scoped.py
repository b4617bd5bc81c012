"""The DECLARE templates as monitors over slices (Pesic, van der Aalst: DECLARE; LTLf after De Giacomo, Vardi)."""

from __future__ import annotations

from wsreplay.contract.model import Declare
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.rules.existence import Absence, End, Existence, Init
from wsreplay.validator.rules.relation import NotCoExistence, Precedence, RespondedExistence, Response
from wsreplay.validator.rules.template import AFTER, COMPLETE, UNTIL, Monitor, Obligation
from wsreplay.validator.state.state import Clock, ConnectionState, Slice


class Scoped(Monitor):
    """Any of the others between `after` and `until` (Dwyer's scopes): a slice of its own for each segment."""

    def __init__(self, inner: Monitor) -> None:
        super().__init__(inner.rule, inner.index, inner.counts, inner.reporter, inner.clock)
        self.inner = inner
        self.queue = inner.queue

    def begin(self, part: Slice) -> None:
        if not self.rule.after:
            self._begin(part, None, part.t)

    def _begin(self, part: Slice, fid: int | None, t: int) -> Slice:
        segment = Slice((), (), part.conn, t)
        segment.parent, segment.fid = part, fid
        part.set_state(self.index, segment)
        self.inner.begin(segment)
        return segment

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        segment: Slice | None = part.state(self.index)
        if segment is not None and roles & UNTIL:
            part.set_state(self.index, None)
            self._close(segment, t, COMPLETE, None, "scope_close")
            segment = None
        elif segment is None and roles & AFTER:
            segment = self._begin(part, fid, t)
        if segment is not None:
            self.inner.event(segment, roles & ~(AFTER | UNTIL), fid, t, conn, type_, direction)

    def _close(self, segment: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment.open = False
        self.inner.close(segment, t, how, cause, by)

    def expire(self, obligation: Obligation) -> None:
        self.inner.expire(obligation)

    def close(self, part: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment = part.state(self.index)
        if segment is not None:
            self._close(segment, t, how, cause, by)


_TEMPLATES: dict[str, type[Monitor]] = {
    "existence": Existence, "absence": Absence, "init": Init, "end": End, "response": Response, "precedence": Precedence,
    "responded_existence": RespondedExistence, "not_co_existence": NotCoExistence,
}  # fmt: skip


def monitor(rule: Declare, index: int, counts: Counts, reporter: Reporter, clock: Clock) -> Monitor:
    """The monitor of a rule."""
    inner = _TEMPLATES[rule.template](rule, index, counts, reporter, clock)
    return Scoped(inner) if rule.after or rule.until else inner
