"""The spans of a session, read from its recording, and which of them are open at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.data.courtesy import in_turns
from wsreplay.tui.data.errand import Errand
from wsreplay.tui.data.opened import Opened
from wsreplay.tui.data.spans import Drawn, Tracer
from wsreplay.validator.fitting import contracts_for

_FRAMES_PER_LOOK = 4096


def traced(
    reader: Recording, errand: Errand, opened: Opened, session: Session | None, contracts: Sequence[str]
) -> Tracer | None:
    """All spans of a session, or of the recording, by the first of the contracts; None where the errand was called back."""
    known = session.connections if session else tuple(opened.connections.values())
    users = {number: connection.user for number, connection in opened.connections.items()}
    numbers = {number: one.id for number, one in opened.session_of.items()}
    tracer = Tracer(contracts_for(reader, contracts)[0], numbers, users)
    waiting = sorted(((one.closed_ns, one.id) for one in known if one.closed_ns is not None), reverse=True)
    frames = in_turns(paging.typed_frames(reader, [one.id for one in known] if session else None), errand.give_way)
    for count, frame in enumerate(frames):
        while waiting and waiting[-1][0] < frame.t_ns:
            closed_ns, connection = waiting.pop()
            tracer.end_connection(connection, closed_ns)
        tracer.take(frame)
        if count % _FRAMES_PER_LOOK == 0:
            if errand.called_back:
                return None
            if tracer.full and not tracer.any_open:
                return tracer
    for closed_ns, connection in reversed(waiting):
        tracer.end_connection(connection, closed_ns)
    return tracer


def open_at(spans: Sequence[Drawn], t_ns: int) -> list[Drawn]:
    """Those of the spans, which are in order of their start, that have begun at a time and not ended yet."""
    begun = spans[: bisect_right(spans, t_ns, key=lambda drawn: drawn.start_ns)]
    return [drawn for drawn in begun if drawn.end_ns is None or drawn.end_ns > t_ns]
