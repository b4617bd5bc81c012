"""Who wants to know of a span's instances: when they begin and end, and when those whom they wait for are back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsreplay.validator.state.state import Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent

SpanEnd = Callable[[Instance, str, int, int | None], None]
"""What is told of an instance that has ended: how, when (ns), and by which frame."""

Answers = Callable[[MessageEvent, Any], bool]
"""Asked of an end event without an instance, and of its key: whether it is an answer."""


class SpanListeners:
    """The other rules that hear of one span, or are asked about it."""

    def __init__(self) -> None:
        # called one after the other, in the contract's order
        self.beginnings: list[Callable[[Instance], None]] = []
        self.ends: list[SpanEnd] = []
        self.resumes: list[Callable[[SessionState, int], None]] = []
        self.waits: list[Callable[[SessionState, Any, int, int], None]] = []
        self.pauses: list[Callable[[Instance, int, str], None]] = []
        # whether an end event that comes before any start is the answer to something else
        self.answers: Answers | None = None
        # whether a session awaits an instance
        self.is_awaited: Callable[[SessionState], bool] = lambda session: False

    def on_begin(self, begin: Callable[[Instance], None]) -> None:
        """Call this with each instance that has begun."""
        self.beginnings.append(begin)

    def on_end(self, end: SpanEnd) -> None:
        """Call this with each instance that has ended."""
        self.ends.append(end)

    def on_resume(self, resume: Callable[[SessionState, int], None]) -> None:
        """Call this when a session's client is back (ns)."""
        self.resumes.append(resume)

    def on_wait(self, end_wait: Callable[[SessionState, Any, int, int], None]) -> None:
        """Call this when a session's client has answered: in which thread (None: any), asked when, answered when (ns)."""
        self.waits.append(end_wait)

    def on_pause(self, pause: Callable[[Instance, int, str], None]) -> None:
        """Call this when nothing came of an instance for too long (ns), as a finding (its id) says."""
        self.pauses.append(pause)

    def answer_by(self, answers: Answers) -> None:
        """Ask this of an end event that says that something failed, before any start."""
        self.answers = answers

    def await_by(self, is_awaited: Callable[[SessionState], bool]) -> None:
        """Ask this whether a session awaits an instance."""
        self.is_awaited = is_awaited
