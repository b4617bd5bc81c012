"""Which session is played to whom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from wsreplay.contract.identities import IdMap
from wsreplay.replay.script import Script, SessionScript
from wsreplay.trace.sessions import RESUME_WITHIN_NS, plain_path


@dataclass
class Pass:
    """One time through the recording. `ids` are learned in one session and known to the others."""

    left: list[SessionScript]
    ids: IdMap = field(default_factory=IdMap)


@dataclass
class AssignedSession:
    """One live client, and the session that is played to it."""

    script: SessionScript
    user: str | None
    path: str
    ids: IdMap
    # the index of the script that its next connection plays
    next: int = 0
    # whether a connection of its plays
    playing: bool = False
    # when its last connection ended (monotonic, s)
    closed_at: float = 0.0

    def take(self) -> Script:
        """The script of its next connection."""
        script = self.script.scripts[self.next]
        self.next += 1
        self.playing = True
        return script

    def leave(self) -> None:
        """Its connection is over; another one may continue it for a while."""
        self.playing = False
        self.closed_at = time.monotonic()

    def may_go_on(self, now: float) -> bool:
        """Whether it plays, or another connection may still continue it."""
        return self.playing or now - self.closed_at <= RESUME_WITHIN_NS / 1e9

    def continues(self, user: str | None, path: str, now: float) -> bool:
        """Whether a new connection is this client's next one; as sessions of a recording are stitched."""
        return (
            not self.playing
            and 0 < self.next < len(self.script.scripts)
            and (self.user, self.path) == (user, path)
            and self.may_go_on(now)
        )


class SessionAssignment:
    """Gives every client that connects a session: the one it has begun, else one that nobody plays yet.

    Of those that nobody plays, the first that was recorded with the client's user and path is taken, else with its path, else
    the first. When all are taken the recording begins anew.
    """

    def __init__(self, scripts: Sequence[SessionScript]) -> None:
        self._scripts = list(scripts)
        self._pass = Pass(list(scripts))
        # those that play, or may still come back
        self._assigned: list[AssignedSession] = []

    def choose(self, user: str | None, path: str) -> AssignedSession:
        """The client whose connection this is. Its `take` gives the script."""
        path, now = plain_path(path), time.monotonic()
        self._assigned = [assigned for assigned in self._assigned if assigned.may_go_on(now)]
        going_on = [assigned for assigned in self._assigned if assigned.continues(user, path, now)]
        if going_on:
            return min(going_on, key=lambda assigned: assigned.closed_at)
        if not self._pass.left:
            self._pass = Pass(list(self._scripts))
        script = min(self._pass.left, key=lambda left: (left.session.user != user, plain_path(left.session.path) != path))
        self._pass.left.remove(script)
        assigned = AssignedSession(script, user, path, IdMap(self._pass.ids))
        self._assigned.append(assigned)
        return assigned
