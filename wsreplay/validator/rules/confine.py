"""A value that names its owner: nobody else's connection may carry it.

State: of each connection and name that it carried wrongly the finding, with the number of events.

Fast path: the value is the owner's name.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from wsreplay.contract.rules.isolation import Confine
from wsreplay.trace.identity import is_pseudonym
from wsreplay.units import count_text, noun_text
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.ownership import MOST_IDS, Leak
from wsreplay.validator.state.trace_event import MessageEvent


class ConfineMonitor(MessageMonitor):
    """A value names its owner; nobody else's connection may carry it."""

    word = "confine"
    sees_aliens = True
    rule: Confine

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # the connection and the name that it carried → the finding that says so
        self._leaks: dict[tuple[int, str], Leak] = {}
        # findings whose number of events has grown since it was told
        self._growing: dict[int, tuple[str, Leak]] = {}

    def collect(self, globals: Globals) -> None:
        self.counts.activate(globals.taken(self.variable))
        for place, (name, leak) in self._growing.items():
            self.reporter.amend(place, count=leak.count, message=self._words(name, leak))
        self._growing.clear()

    def emit(self, writer: HandlerWriter) -> None:
        writer.need(self.rule.key, self.rule.to)
        writer.may_be_alien()
        value, owner = writer.keys.variable(self.rule.key), writer.keys.variable(self.rule.to)
        check = f"{self.variable}.check({value}, {owner}, {writer.event})"
        if writer.inline:
            check = f"{value} != {owner} and {check}"
        writer.add(
            f"if {value} is not None:",
            f"    {writer.count(self.variable)}",
            f"    if {writer.unclaimed} and {check}:",
            "        alien = True",
        )

    def check(self, value: Any, owner: Any, event: MessageEvent) -> bool:
        """An event came with a value. Whether it is somebody else's name."""
        name = str(value)
        if name == str(owner) or any(fnmatchcase(name, glob) for glob in self.rule.shared):
            return False
        if owner is None or is_pseudonym(str(owner)):  # a pseudonym cannot be compared with a name
            self.counts.doubt()
            return False
        leak = self._leaks.get((event.conn.id, name))
        if leak is None:
            leak = Leak(event, event.conn.last_frame)
            if len(self._leaks) < MOST_IDS:
                self._leaks[event.conn.id, name] = leak
        leak.add()
        if leak.reported is not None:
            self._growing[leak.reported.place] = (name, leak)
            return True
        message = self._words(name, leak)
        leak.report(
            self.reporter.report_message(
                self.counts, event, kind="isolation", message=message, seen=event.type, count=leak.count
            )
        )
        return True

    def _words(self, name: str, leak: Leak) -> str:
        to, conn = self.rule.to.removeprefix("conn."), leak.first.conn
        owner = {"conn.user": conn.user, "conn.session": conn.session.key, "conn.id": conn.key}.get(self.rule.to)
        viewer = noun_text(to, owner) if isinstance(owner, str) else str(owner or conn.key)
        events = leak.first.type if leak.count == 1 else f"{count_text(leak.count, 'event')}, {leak.first.type} first"
        if not leak.first.direction:
            return f"{viewer} names {noun_text(self.rule.key, short(name))}: {events}"
        return f"an event for {noun_text(self.rule.key, short(name))} reached {viewer}: {events}"
