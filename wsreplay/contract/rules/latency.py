"""`latency`: how long events may be on their way."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.contract.document import Value
from wsreplay.contract.model import Patterns, Rule, may_fit
from wsreplay.contract.parts import Reader, duration_ns
from wsreplay.contract.rules.kind import COMMON, is_enabled, named_kind, read_common
from wsreplay.contract.schema_parts import DURATION, JsonSchema, common_properties, json_object, ref

CLOCKS = ("same", "skewed")
CLOCK: JsonSchema = {"enum": list(CLOCKS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Rule):
    """Received minus sent may be at most `max_ns`, less the connection's smallest difference unless they have one clock."""

    events: Patterns
    max_ns: int
    same_clock: bool = False

    def patterns(self) -> Patterns:
        return self.events

    def may_concern(self, direction: int) -> bool:
        return may_fit(self.events, direction)


def read_latency(value: Value, reader: Reader) -> Rule | None:
    """A rule of this kind, which may stand among the templates too."""
    parts = value.mapping((*COMMON, "latency", "max", "clock"))
    if not is_enabled(parts):
        return None
    for needed in ("latency", "max"):
        if needed not in parts:
            value.fail(f"latency needs `{needed}`, as in {{id: latency, latency: 's2c:*', max: 100ms}}")
    if reader.envelope.sent is None:
        value.fail("latency needs `envelope: {sent: PATH}`, which says where a message tells when it was sent")
    same_clock = "clock" in parts and parts["clock"].choice(CLOCKS) == "same"
    common = read_common(value, parts, "latency")
    if not same_clock and "severity" not in parts:  # what the clocks differ by is a guess
        common["severity"] = "warning"
    return Latency(**common, events=reader.patterns(parts["latency"]), max_ns=duration_ns(parts["max"]), same_clock=same_clock)


def _schema() -> JsonSchema:
    return json_object({**common_properties(), "latency": ref("patterns"), "max": DURATION, "clock": CLOCK})


KIND = named_kind("latency", read_latency, _schema)
