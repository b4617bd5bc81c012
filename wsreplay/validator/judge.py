"""A recording and a contract become a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsreplay.contract import Contract
from wsreplay.model import Session
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import lifecycle
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Judgement

if TYPE_CHECKING:
    from wsreplay.store.reader import Recording


def judge(recording: Recording, contract: Contract, *, sessions: Sequence[Session] | None = None) -> Judgement:
    """Judge a recording as it stands now: all of it, or the sessions given.

    Raises the errors of the RecordingError family. A recording that is being written is judged as far as it reaches.
    """
    engine = Engine(contract)
    with recording.snapshot():
        connections = recording.connections()
        all_sessions = stitch(connections, contract.resume_within_ns)
        chosen = None
        if sessions is not None:
            chosen = {connection.id for session in sessions for connection in session.connections}
            connections = [connection for connection in connections if connection.id in chosen]
        engine.set_holds(recording.holds())
        engine.set_gaps(recording.gaps())
        engine.upcoming.extend(lifecycle(connections, all_sessions, recording.runs()))
        engine.clock.due = -1
        engine.run((m.id, m.connection_id, m.t_ns, m.direction, m.opcode, m.payload) for m in recording.messages(connections=chosen))
        engine.finish(recording.reached_ns())
    return engine.judgement()
