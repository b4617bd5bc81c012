"""A recording and a contract become a judgement."""

from __future__ import annotations

import gc
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from wsreplay.contract import Contract
from wsreplay.model import Connection, Ending, Gap, Message, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.choices import Choices, choose_from
from wsreplay.trace.identity import identified
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.units import count_text
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Judgement
from wsreplay.validator.span_log import SpanLog

_MOST_REFUSED = 5  # connections that are told one by one


def judge(
    recording: Recording,
    contract: Contract,
    *,
    sessions: Sequence[Session] | None = None,
    span_log: SpanLog | None = None,
) -> Judgement:
    """Judge a recording as it stands now: all of it, or the sessions given. Its spans go into `span_log`, if one is given.

    Raises the errors of the RecordingError family. A recording that is being written is judged as far as it reaches.
    """
    chosen = None if sessions is None else {connection.id for session in sessions for connection in session.connections}
    with recording.snapshot(), rare_collection():
        engine = prepare(recording, contract, chosen, span_log)
        for rows in recording.rows(connections=chosen):
            engine.run(rows)
        engine.finish(recording.reached_ns())
        refused = refusals(recording.connections(), chosen)
    return with_notes(engine.judgement(), refused)


def with_notes(judgement: Judgement, notes: Sequence[str]) -> Judgement:
    """The same with what else is to be said of the recording."""
    return replace(judgement, notes=(*notes, *judgement.notes)) if notes else judgement


def refusals(connections: Sequence[Connection], chosen: Collection[int] | None = None) -> list[str]:
    """What became of connections that never were WebSockets: no rule judges them, and yet nobody was served."""
    refused = [
        connection
        for connection in connections
        if connection.ending is Ending.REFUSED and (chosen is None or connection.id in chosen)
    ]
    lines = [
        f"connection {connection.id} was refused"
        + (f" with status {connection.status}" if connection.status else "")
        + (f": {connection.error}" if connection.error else "")
        for connection in refused[:_MOST_REFUSED]
    ]
    if len(refused) > _MOST_REFUSED:
        lines.append(f"and {count_text(len(refused) - _MOST_REFUSED, 'more connection')} likewise")
    return lines


def prepare(
    recording: Recording, contract: Contract, chosen: Collection[int] | None = None, span_log: SpanLog | None = None
) -> Engine:
    """An engine that knows what befalls the connections of a recording (the chosen ones, or all), and awaits their messages."""
    engine = Engine(contract, span_log=span_log)
    connections = identified(recording.connections(), contract.users)
    sessions = stitch(connections, contract.resume_within_ns)
    if chosen is not None:
        connections = [connection for connection in connections if connection.id in chosen]
    gaps = recording.gaps()
    engine.set_holds(recording.holds())
    engine.set_cut_frames(cut_frames(gaps))
    engine.set_epochs(recording.runs())
    choices = choices_of(contract)
    choices.refresh(recording, connections)
    engine.set_decoders(choices.names())
    engine.expect(lifecycle(connections, sessions, recording.runs(), losses(recording, gaps, connections)))
    return engine


def choices_of(contract: Contract) -> Choices:
    """Which decoders read a recording that a contract judges: the contract's, else what each connection shows to need."""
    return Choices(contract.envelope.decoder, "as the contract says")


def decoders_of(
    contract: Contract, connections: Collection[Connection], messages: Iterable[Message]
) -> dict[int, str]:
    """The same for messages that are at hand: the decoder's name for each connection."""
    if contract.envelope.decoder is not None:
        return dict.fromkeys((connection.id for connection in connections), contract.envelope.decoder)
    return {id: choice.name for id, choice in choose_from(connections, messages).items()}


def _is_cut(gap: Gap) -> bool:
    """The frame is there, but not all of its payload."""
    return gap.reason == "payload cut" or gap.reason.startswith("withheld: no JSON")


def cut_frames(gaps: Iterable[Gap]) -> set[int]:
    """The ids of the frames of whose payload some is missing: they came, but cannot be read."""
    return {gap.after_frame_id for gap in gaps if _is_cut(gap)}


def _is_unfinished(gap: Gap) -> bool:
    """The last message of a connection never came whole: nobody received it."""
    return gap.reason.removeprefix("withheld: ") == "unfinished"


def losses(recording: Recording, gaps: Iterable[Gap], connections: Iterable[Connection]) -> dict[int, int]:
    """Since when (ns) frames of a connection are missing: the time of the last frame before the first gap."""
    opened = {connection.id: connection.opened_ns for connection in connections}
    first: dict[int, int] = {}
    for gap in gaps:
        if gap.connection_id in opened and not _is_cut(gap) and not _is_unfinished(gap):
            first[gap.connection_id] = min(gap.after_frame_id, first.get(gap.connection_id, gap.after_frame_id))
    times = {frame.id: frame.t_ns for frame in recording.frames_by_id(sorted(first.values()))} if first else {}
    return {connection: times.get(frame, opened[connection]) for connection, frame in first.items()}


class _RareCollection:
    """Python's thresholds of garbage collection, raised while somebody judges, in whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = (0, 0, 0)  # as they were before the first user came

    def enter(self) -> None:
        with self._lock:
            if not self._users:
                self._before = gc.get_threshold()
                gc.set_threshold(200_000, 50, 1_000)
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                gc.set_threshold(*self._before)


_RARE_COLLECTION = _RareCollection()


@contextmanager
def rare_collection() -> Iterator[None]:
    """Let Python look for reference cycles less often: judging makes many short-lived values, and no cycles of them."""
    _RARE_COLLECTION.enter()
    try:
        yield
    finally:
        _RARE_COLLECTION.leave()
