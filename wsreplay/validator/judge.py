"""A recording and a contract become a judgement."""

from __future__ import annotations

import gc
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from wsreplay.contract import Contract
from wsreplay.model import Connection, Message, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices, choose_from
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Judgement
from wsreplay.validator.recording_context import RecordingContext
from wsreplay.validator.reporting import LogClaim
from wsreplay.validator.span_log import SpanLog


def judge(
    recording: Recording,
    contract: Contract,
    *,
    sessions: Sequence[Session] | None = None,
    span_log: SpanLog | None = None,
    log_claim: LogClaim | None = None,
) -> Judgement:
    """Judge a recording as it stands now: all of it, or the sessions given. Its spans go into `span_log`, if one is given;
    `log_claim` is told of each id that somebody may own.

    Raises the errors of the RecordingError family. A recording that is being written is judged as far as it reaches.
    """
    with recording.snapshot(), rare_collection():
        context = RecordingContext.read(recording, contract)
        chosen = None if sessions is None else {connection.id for session in sessions for connection in session.connections}
        if chosen is not None:
            context = context.among(chosen)
        engine = prepare(recording, contract, context, span_log)
        if log_claim is not None:
            engine.log_claims(log_claim)
        for rows in recording.rows(connections=chosen):
            engine.run(rows)
        engine.finish(context.reached_ns)
    return with_notes(engine.judgement(), context.refusals())


def with_notes(judgement: Judgement, notes: Sequence[str]) -> Judgement:
    """The same with what else is to be said of the recording."""
    return replace(judgement, notes=(*notes, *judgement.notes)) if notes else judgement


def prepare(recording: Recording, contract: Contract, context: RecordingContext, span_log: SpanLog | None = None) -> Engine:
    """An engine that knows what befalls the connections of a context, and awaits their messages."""
    engine = Engine(contract, span_log=span_log)
    choices = judged_choices(contract)
    choices.refresh(recording, context.connections)
    engine.set_decoders(choices.names())
    tell_context(engine, context)
    engine.expect(context.lifecycle())
    return engine


def tell_context(engine: Engine, context: RecordingContext) -> None:
    """What an engine is to know of a context beside what befalls connections."""
    engine.set_holds(context.holds)
    engine.set_cut_frames(context.cut_frames)
    engine.set_epochs(context.runs)
    engine.trace_state.set_named(context.named)


def judged_choices(contract: Contract) -> Choices:
    """Which decoders read a recording that a contract judges: the contract's, else what each connection shows to need."""
    return Choices(contract.envelope.decoder, "as the contract says")


def decoder_names(
    contract: Contract, connections: Collection[Connection], messages: Iterable[Message]
) -> dict[int, str]:
    """The same for messages that are at hand: the decoder's name for each connection."""
    if contract.envelope.decoder is not None:
        return dict.fromkeys((connection.id for connection in connections), contract.envelope.decoder)
    return {id: choice.name for id, choice in choose_from(connections, messages).items()}


class _RareCollection:
    """Python's thresholds of garbage collection, raised while somebody judges, in whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # how many judge now
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
