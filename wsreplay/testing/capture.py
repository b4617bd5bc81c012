"""Events kept with the times at which they came, to be asked about afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsreplay.contract import Contract
from wsreplay.testing.event import EventReader, HasEvent, members_of
from wsreplay.trace import jsonpath as paths

_THREAD = (paths.parse("$.thread_id"), paths.parse("$.payload.thread_id"))

ThreadOf = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Captured(HasEvent):
    """One event. `at` is in seconds since the capture was made or cleared; `name` is the type that a decoder gives it."""

    event: Mapping[str, Any]
    at: float
    name: str | None = None


def thread_of(event: Mapping[str, Any]) -> str | None:
    """`thread_id` of an event, at its top or in its payload."""
    for path in _THREAD:
        if isinstance(value := paths.get(event, path), str | int):
            return str(value)
    return None


class EventCapture:
    """Keeps events in the order in which they came.

        capture = EventCapture()
        capture.capture({"type": "agent_started", "thread_id": "t1"})
        assert capture.types("t1") == ["agent_started"]
        assert capture.count("agent_started") == 1

    `thread_of` returns the thread that an event belongs to. Raw messages are read by `decoder`, and by the `envelope` of a
    `contract` (a name, a file, or a Contract) if their type is not at `$.type`.
    """

    def __init__(
        self, thread_of: ThreadOf = thread_of, decoder: str | None = None, contract: str | Path | Contract | None = None
    ) -> None:
        self._thread_of = thread_of
        self._reader = EventReader(decoder, contract)
        self.clear()

    def capture(self, event: Mapping[str, Any], at: float | None = None) -> Captured:
        """Keep an event that came now, or `at` seconds after the start."""
        captured = Captured(event, time.monotonic() - self._began if at is None else at)
        self._events.append(captured)
        return captured

    def take(self, message: str | bytes, at: float | None = None, *, sent: bool = False) -> list[Captured]:
        """Keep the events of a raw message that came, or was sent: a message may have several events, or none."""
        events = self._reader.read(0 if sent else 1, message)
        at = time.monotonic() - self._began if at is None else at
        captured = [Captured(members_of(event), at, event.name or None) for event in events]
        self._events += captured
        return captured

    def clear(self) -> None:
        """Forget all events, and start the time at 0 again."""
        self._events: list[Captured] = []
        self._began = time.monotonic()

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Captured]:
        return iter(self._events)

    def events(self, thread: str | None = None, type: str | None = None) -> list[Captured]:
        """All events, or those of a thread, or of a type."""
        return [event for event in self._events if self._fits(event, thread) and type in (None, event.type)]

    def _fits(self, event: Captured, thread: str | None) -> bool:
        return thread is None or self._thread_of(event.event) == thread

    def types(self, thread: str | None = None) -> list[str | None]:
        """The types in order of arrival; None for what has none."""
        return [event.type for event in self.events(thread)]

    def threads(self) -> list[str]:
        """The threads seen, in order of their first event."""
        threads = (self._thread_of(event.event) for event in self._events)
        return list(dict.fromkeys(thread for thread in threads if thread is not None))

    def count(self, type: str, thread: str | None = None) -> int:
        """How often a type came."""
        return len(self.events(thread, type))

    def counts(self, thread: str | None = None) -> Counter[str]:
        """How often each type came."""
        return Counter(event.type for event in self.events(thread) if event.type is not None)

    def between(self, first: str, last: str, thread: str | None = None) -> float:
        """Seconds from the first event of one type to the last of another. Raises LookupError where one never came."""
        __tracebackhide__ = True
        return self._one(last, thread, -1).at - self._one(first, thread, 0).at

    def _one(self, type: str, thread: str | None, index: int) -> Captured:
        __tracebackhide__ = True
        events = self.events(thread, type)
        if not events:
            place = "" if thread is None else f" in thread {thread}"
            raise LookupError(f"no {type} was captured{place}: {', '.join(map(str, self.types(thread))) or 'nothing came'}")
        return events[index]
