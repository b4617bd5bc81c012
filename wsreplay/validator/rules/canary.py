"""Canaries: marks that are planted for one user, wherever in a message they stand; nobody else may be shown one.

A data leak leaves no id behind where a product mixes texts: an answer that holds what another user has said. So testers let
each user say something that is nowhere else, such as `CANARY-7f3a`, and look for it everywhere.

A canary belongs to whose client said it first; until somebody has, to whom it was first shown. One finding says it for each
canary and connection, with the number of events.

State: of each canary its owner and who else was shown it. Fast path: none, since every message is searched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from wsreplay.contract.rules.isolation import Canary
from wsreplay.trace.regex import compile_finder, compile_pattern
from wsreplay.units import count_text, noun_text
from wsreplay.validator.emit.exact import Body
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import LogClaim, frames_of, short
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.ownership import MOST_IDS, Binding, Leak, may_be_the_same
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.clock import IDLE_NS
from wsreplay.validator.state.state import SessionState
from wsreplay.validator.state.trace_event import MessageEvent

_MOST_IN_ONE = 100  # canaries of one message


class CanaryMonitor(MessageMonitor):
    """What is planted for one user is shown to nobody else."""

    word = "canary"
    sees_aliens = True
    rule: Canary

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        self._search = compile_pattern(self.rule.pattern)
        self._find = compile_finder(self.rule.pattern)
        # by canary, whose it is
        self._owners: dict[str, Binding] = {}
        # findings whose number of events has grown since it was told
        self._growing: dict[int, tuple[str, Binding, Leak]] = {}
        # who is told of each canary that somebody may own
        self._log: LogClaim | None = None

    def log_claims(self, log: LogClaim) -> None:
        self._log = log

    def collect(self, globals: Globals) -> None:
        for place, (canary, binding, leak) in self._growing.items():
            self.reporter.amend(place, count=leak.count, message=self._words(canary, binding, leak))
        self._growing.clear()

    def emit(self, writer: HandlerWriter) -> None:
        writer.name({f"find_canary{self.number}": self._search})
        check = f"{self.variable}.check(payload, {writer.event})"
        writer.add(f"if payload.__class__ is not bytes or find_canary{self.number}(payload) is not None:", f"    {check}")

    def check(self, body: Body, event: MessageEvent) -> None:
        """An event came that may hold canaries."""
        text = body if isinstance(body, bytes) else orjson.dumps(body, default=str)
        for number, match in enumerate(self._find(text)):
            if number >= _MOST_IN_ONE:
                self.reporter.forget("canaries")
                return
            canary = match[0].decode("utf-8", "replace")
            if event.direction:
                self._shown(canary, event)
            else:
                self._said(canary, event)

    def _said(self, canary: str, event: MessageEvent) -> None:
        """A client said it."""
        binding = self._owners.get(canary)
        if binding is None:
            self._bind(canary, Binding(event.conn.owner, event.fid, event.t, asked=True))
            return
        binding.touch(event.t)
        if binding.asked or binding.is_of(event.conn.owner):
            binding.ask()
            return
        if self._log is not None:
            self._log(self.rule.id, canary, event.conn.owner)
        shown = binding.shown or {}
        binding.pass_to(event.conn.owner, event.fid, asked=True)
        for leak in shown.values():
            if not binding.is_of(leak.first.conn.owner) and not may_be_the_same(leak.first.conn.owner, event.conn.owner):
                self._tell(canary, binding, leak, event.t)

    def _shown(self, canary: str, event: MessageEvent) -> None:
        """It was shown to somebody."""
        binding = self._owners.get(canary) or self._bind(canary, Binding(event.conn.owner, event.fid, event.t))
        binding.touch(event.t)
        if binding.asked and (binding.is_of(event.conn.owner) or may_be_the_same(binding.owner, event.conn.owner)):
            return
        leak = binding.view(event)
        if not binding.is_of(event.conn.owner):
            self._tell(canary, binding, leak, event.t)

    def _bind(self, canary: str, binding: Binding) -> Binding:
        if self._log is not None:
            self._log(self.rule.id, canary, binding.owner)
        if len(self._owners) >= MOST_IDS:
            for old in oldest(self._owners):
                del self._owners[old]
                self.reporter.forget("canaries")
                self.counts.doubt()
        self._owners[canary] = binding
        self.counts.activate()
        return binding

    def _tell(self, canary: str, binding: Binding, leak: Leak, t: int) -> None:
        if self._log is not None and leak.reported is None:
            self._log(self.rule.id, canary, leak.first.conn.owner)
        if leak.reported is not None:
            self._growing[leak.reported.place] = (canary, binding, leak)
            return
        leak.report(
            self.reporter.report_message(
                self.counts, leak.first,
                kind="isolation",
                message=self._words(canary, binding, leak),
                activation=binding.fid,
                frames=frames_of(binding.fid, leak.first.fid),
                decided_at=t,
                seen=leak.first.type,
                count=leak.count,
                after=leak.after,
            )
        )  # fmt: skip

    @staticmethod
    def _words(canary: str, binding: Binding, leak: Leak) -> str:
        events = leak.first.type if leak.count == 1 else f"{count_text(leak.count, 'event')}, {leak.first.type} first"
        return f"{noun_text('canary', short(canary))} of {_who(binding.owner)} reached {_who(leak.first.conn.owner)}: {events}"

    def sweep(self, t: int, sessions: Iterable[SessionState]) -> None:
        idle = [canary for canary, binding in self._owners.items() if t - binding.t >= IDLE_NS]
        for canary in idle:
            del self._owners[canary]
        if idle:
            self.reporter.forget("canaries", len(idle))


def _who(owner: Any) -> str:
    if isinstance(owner, SessionState):
        return noun_text("user", owner.user) if owner.user is not None else f"session {owner.id} (user unknown)"
    return noun_text("user", str(owner))
