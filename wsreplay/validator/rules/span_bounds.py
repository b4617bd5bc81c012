"""By when instances of a span must have ended, and when that stands still.

The bound is one for all instances, so that the first started is the first due, but for those whose bound ran from later. It
stands still while the client is away, and runs anew when it is back; and while the server waits for the client.

State: the open instances in the order of their deadlines, and those whose deadlines passed while they stood still.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import Instance, SessionState


class SpanBounds:
    """The deadlines of one span; without `within_ns` there are none."""

    def __init__(self, within_ns: int | None, clock: Clock) -> None:
        self._within_ns, self._clock = within_ns, clock
        # in the order of their deadlines; starts are added by the monitor
        self.queue: deque[Instance] = deque()
        # instances whose deadlines passed while they stood still
        self._parked: list[Instance] = []
        # the key by which servers wait
        self._wait_key: str | None = None

    def wait_by(self, key: str) -> None:
        """Servers wait by the values of this key."""
        self._wait_key = key

    def due(self, instance: Instance) -> int:
        """When it must have ended (ns)."""
        return instance.t + instance.waited + (self._within_ns or 0)

    def next_due(self) -> int | None:
        """The first deadline of all."""
        queue = self.queue
        while queue and not queue[0].open:
            queue.popleft()
        return self.due(queue[0]) if queue else None

    def renew(self, instance: Instance, t: int) -> None:
        """What it must have ended by runs from now on."""
        instance.wait(t - instance.t)
        if self._within_ns is not None and instance.overdue_finding is None:
            (self._parked if instance in self._parked else self.queue).remove(instance)
            self.queue.append(instance)
            self._clock.look_now()

    def stands_still(self, instance: Instance) -> bool:
        """Whether its client is away, or the server waits for it."""
        return instance.session.left or self.is_waiting(instance)

    def is_waiting(self, instance: Instance) -> bool:
        """Whether the server waits for the client in what the instance is part of."""
        return instance.session.waits is not None and instance.session.is_waiting(self._waits_in(instance))

    def _waits_in(self, instance: Instance | None) -> Any:
        """What the instance is part of; None where it names nothing."""
        while instance is not None:
            if self._wait_key in instance.names:
                value = instance.values()[instance.names.index(self._wait_key)]
                return None if isinstance(value, Token) else value
            instance = instance.parent
        return None

    def park(self, instance: Instance) -> None:
        """Its deadline has passed while it stood still."""
        self._parked.append(instance)

    def resume(self, session: SessionState, t: int) -> list[Instance]:
        """The session's client is back: bounds run anew, those of these instances."""
        back = self._unpark(session)
        for instance in back:
            instance.wait(t - instance.t)
            self.queue.append(instance)
            self._clock.look_now()
        return back

    def end_wait(self, session: SessionState, thread: Any, since: int, t: int) -> list[Instance]:
        """The client has answered what the server asked at `since` (ns): later run the bounds of these instances."""
        back = self._unpark(session)
        here = [instance for instance in (*self.queue, *back) if instance.session is session and instance.open]
        late = [instance for instance in here if thread is None or self._waits_in(instance) in (thread, None)]
        for instance in late:
            instance.wait(instance.waited + t - max(since, instance.t))
        queue = sorted((*self.queue, *back), key=self.due)
        self.queue.clear()
        self.queue.extend(queue)
        self._clock.look_now()
        return late

    def _unpark(self, session: SessionState) -> list[Instance]:
        back = [instance for instance in self._parked if instance.session is session and instance.open]
        self._parked = [instance for instance in self._parked if instance.session is not session]
        return back
