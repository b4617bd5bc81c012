"""The source of handlers that ask whose an event is.

Fast path: the value of a key is known to belong to this owner, who named it. Where a span vouches for its events, nothing is
asked of those within it, and one call asks for all keys of those that come without it: what seldom runs is kept short, since
how long a handler is counts, too.
"""

from __future__ import annotations

from wsreplay.contract.rules.isolation import Bind, Confine
from wsreplay.contract.rules.questions import Questions
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.rules.spans_emit import SpansEmitter

BY_CONNECTION = ("conn.user", "conn.session", "conn.id")
OWN, FOREIGN, LOOSE, SHARED = range(4)  # the viewer's own; somebody else's; nobody's yet who named it; everybody's


class BindEmitter:
    """Writes what one `bind` rule asks; `monitor` is the rule's monitor in generated source."""

    def __init__(self, rule: Bind, number: int, monitor: str) -> None:
        self.rule, self._number, self._monitor = rule, number, monitor
        # owners are connections' users or sessions, not values of the message
        self.by_connection = rule.to in BY_CONNECTION
        # spans that may vouch for their events; None: none may
        self._spans: SpansEmitter | None = None

    def vouch_by(self, spans: SpansEmitter) -> None:
        """These spans may vouch for their events."""
        self._spans = spans

    def table(self, index: int) -> str:
        """The owners of a key, in generated source."""
        return f"bound{self._number}_{index}"

    def emit(self, writer: HandlerWriter) -> None:
        """Write what to do with an event of the writer's direction and type."""
        writer.need(*self.rule.keys, self.rule.to)
        if writer.direction == 0 and self.by_connection:
            self._emit_claims(writer)
        else:
            self._emit_checks(writer)

    def _owner(self, writer: HandlerWriter) -> str:
        return "conn.owner" if self.rule.to == "conn.user" else writer.keys.variable(self.rule.to)

    def _emit_claims(self, writer: HandlerWriter) -> None:
        """What a client names is its own, unless it is somebody's."""
        owner = self._owner(writer)
        # who asks is known where the contract says what asks; else whoever names an id does
        asks = "conn.session.asked == fid" if writer.contract.of(Questions) else "True"
        above = "None"
        for index, key in enumerate(self.rule.keys):
            value = writer.keys.variable(key)
            asked = asks if index == 0 else "False"
            claim = f"{self._monitor}.claim({key!r}, {value}, {above}, {owner}, {asked}, {writer.event})"
            above = f"{self.table(index)}.get({value})"
            writer.add(*self._unless_known(writer, index, value, owner, [claim]))

    def _emit_checks(self, writer: HandlerWriter) -> None:
        """What is shown must be the viewer's."""
        writer.may_be_alien()
        owner = self._owner(writer)
        writer.may_be_loose()
        if self.rule.shared:
            writer.may_be_shared()
        rest = f"{owner}, {self._hint(writer)}, {writer.event}"
        span = self._vouching_span(writer)
        if span is None:
            writer.add(*self._check_one_by_one(writer, owner, rest))
            return
        assert self._spans is not None
        self._spans.look_up(writer, span)
        if writer.inline and not self.rule.shared and not self._spans.starts(writer, span):
            values = ", ".join(writer.keys.variable(key) for key in self.rule.keys)
            lines = self._check(f"check_all(({values},), {rest})")
        else:
            lines = self._check_one_by_one(writer, owner, rest)
        writer.add(f"if i{span} is None or not i{span}.bound:", *indented(lines))

    def _check_one_by_one(self, writer: HandlerWriter, owner: str, rest: str) -> list[str]:
        lines: list[str] = []
        above = "None"
        for index, key in enumerate(self.rule.keys):
            value = writer.keys.variable(key)
            look = self._unless_known(writer, index, value, owner, self._check(f"check({key!r}, {value}, {above}, {rest})"))
            lines += ["if not alien:", *indented(look)] if index else look
            above = f"{self.table(index)}.get({value})"
        return lines

    def _check(self, call: str) -> list[str]:
        """Ask the monitor, and keep what it says."""
        lines = [f"b = {self._monitor}.{call}"]
        lines += [f"if b == {FOREIGN}:", "    alien = True", f"elif b == {LOOSE}:", "    loose = True"]
        if self.rule.shared:
            lines += [f"elif b == {SHARED}:", "    shared = True"]
        return lines

    def _unless_known(self, writer: HandlerWriter, index: int, value: str, owner: str, look: list[str]) -> list[str]:
        """The fast path before a closer look."""
        if not writer.inline:
            return look
        known = f"b is not None and b.owner == {owner} and b.asked"
        return [f"b = {self.table(index)}.get({value})", f"if {known}:", "    b.t = t", "else:", *indented(look)]

    def _hint(self, writer: HandlerWriter) -> str:
        """What an event itself says of whose it is."""
        for rule in writer.contract.of(Confine):
            if rule.to == self.rule.to:
                writer.need(rule.key)
                return writer.keys.variable(rule.key)
        return "None"

    def _vouching_span(self, writer: HandlerWriter) -> int | None:
        """A span that concerns this event and is found by all keys that the rule binds."""
        if self.rule.to != "conn.user" or self._spans is None:
            return None
        for monitor in self._spans.monitors:
            always = all(writer.keys.always(name) for name in monitor.names)
            if always and set(self.rule.keys) <= set(monitor.names) and self._spans.concerns(writer, monitor.span):
                return monitor.number
        return None
