"""The spans of a session, read from its recording, and which of them are open at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.data.errand import Told

if TYPE_CHECKING:
    from wsreplay.tui.data.spans import Drawn, Lane

_FRAMES_PER_LOOK = 4096


class Traced(NamedTuple):
    """Spans in the order of their start, also by lane; `full` where there are more than are kept."""

    spans: list[Drawn]
    lanes: list[Lane]
    full: bool


def traced(only: Sequence[int] | None, contracts: Sequence[str], reader: Recording, errand: Told) -> None:
    """Tells the spans of some connections (all: None) by the first of the contracts, as `Traced`."""
    from wsreplay.tui.data.spans import Tracer, lanes
    from wsreplay.validator.fitting import contracts_for

    connections = {one.id: one for one in reader.connections()}
    known = [connections[number] for number in only if number in connections] if only is not None else [*connections.values()]
    users = {number: one.user for number, one in connections.items()}
    numbers = {one.id: session.id for session in stitch(connections.values()) for one in session.connections}
    tracer = Tracer(contracts_for(reader, contracts)[0], numbers, users)
    waiting = sorted(((one.closed_ns, one.id) for one in known if one.closed_ns is not None), reverse=True)
    for count, frame in enumerate(paging.typed_frames(reader, only)):
        while waiting and waiting[-1][0] < frame.t_ns:
            closed_ns, connection = waiting.pop()
            tracer.end_connection(connection, closed_ns)
        tracer.take(frame)
        if count % _FRAMES_PER_LOOK == 0:
            if errand.called_back:
                return
            if tracer.full and not tracer.any_open:
                waiting.clear()
                break
    for closed_ns, connection in reversed(waiting):
        tracer.end_connection(connection, closed_ns)
    errand.tell(Traced(tracer.spans, lanes(tracer.spans), tracer.full))


def open_at(spans: Sequence[Drawn], t_ns: int) -> list[Drawn]:
    """Those of the spans, which are in order of their start, that have begun at a time and not ended yet."""
    begun = spans[: bisect_right(spans, t_ns, key=lambda drawn: drawn.start_ns)]
    return [drawn for drawn in begun if drawn.end_ns is None or drawn.end_ns > t_ns]
