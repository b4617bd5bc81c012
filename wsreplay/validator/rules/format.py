"""The form of text messages: JSON (RFC 8259), an object, with a type, its names unique (RFC 7493, section 2.3).

What is no event has no type, and so no handler: the engine asks this rule about it. What the decoder refuses may still be
well-formed: a payload that the recording does not hold whole, or one nested deeper than is read. Such a message is
inconclusive, here and for every rule that it may have concerned.

State: none. Fast path: a message that the decoder takes, and whose type has a handler, is well-formed; nothing is called.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.json_format import Format
from wsreplay.validator.emit.exact import DEEPEST
from wsreplay.validator.emit.repeated_names import repeated_name
from wsreplay.validator.findings import Severity, Verdict
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.state.trace_event import MessageEvent


class FormatMonitor(Monitor):
    """Every text message is JSON, an object, with a type, as far as the contract says so."""

    word = "format"
    rule: Format

    def activations(self, events: int, untyped: int) -> int:
        return events + untyped

    def check_json(self, event: MessageEvent, message: str) -> str | None:
        """The text is not JSON, or not of its connection's protocol, as the message says. The id of the finding, if any."""
        return self._say(event, message, Verdict.VIOLATED) if self.rule.text != "any" else None

    def check_strict(self, event: MessageEvent, warning: str) -> None:
        """The text was read, but a strict parser would refuse it."""
        if self.rule.text != "any":
            self._say(event, warning, Verdict.VIOLATED, severity=Severity.WARNING)

    def check_undecodable(self, event: MessageEvent, why: str) -> None:
        """The text may or may not be JSON."""
        if self.rule.text != "any":
            self._say(event, f"a message could not be checked: {why}", Verdict.INCONCLUSIVE)

    def check_no_object(self, event: MessageEvent, value: Any) -> str | None:
        """The text is JSON, and no object. The id of the finding, if there is one."""
        if self.rule.text != "object":
            return None
        word = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
        return self._say(event, f"{word} instead of a JSON object", Verdict.VIOLATED)

    def check_names(self, event: MessageEvent, payload: bytes) -> None:
        """An object came that its handler did not take: a name may stand in it twice."""
        name = repeated_name(payload) if self.rule.names_unique else None
        if name is not None:
            message = f"the key {short(name)} appears twice in one object: a reader may take either value"
            self._say(event, message, Verdict.VIOLATED)

    def check_no_type(self, event: MessageEvent, value: Any) -> str | None:
        """An object came whose type is no text. The id of the finding, if there is one."""
        if not self.rule.type_required:
            return None
        what = "has no type" if value is None else f"has a type that is not a string: {short(value)}"
        return self._say(event, f"the message {what}", Verdict.VIOLATED)

    def _say(self, event: MessageEvent, message: str, verdict: Verdict, **details: Any) -> str:
        return self.reporter.report_message(
            self.counts, event,
            kind="format",
            message=message,
            verdict=verdict,
            **details,
        ).id  # fmt: skip


def why_undecodable(payload: bytes, cut: bool) -> str | None:
    """Why a text that the decoder refused may still be a well-formed message; None where it is not."""
    if cut:
        return "its payload was cut when it was recorded"
    return f"nested deeper than {DEEPEST:,} levels" if _depth(payload) > DEEPEST else None


def _depth(payload: bytes) -> int:
    """How deep the brackets nest, those in strings not counted; stops above what matters."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > DEEPEST:
                return depth
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
