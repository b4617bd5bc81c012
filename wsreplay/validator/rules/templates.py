"""The templates and what stands beside them, each a file of its own: a new one is its file and one line here."""

from __future__ import annotations

from wsreplay.contract.model import Declare
from wsreplay.validator.missing_events import MissingEvents
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.rules.assemble import AssembleTemplate
from wsreplay.validator.rules.consistent import ConsistentTemplate
from wsreplay.validator.rules.existence import Absence, End, Existence, Init
from wsreplay.validator.rules.monotonic import MonotonicTemplate
from wsreplay.validator.rules.rate import RateTemplate
from wsreplay.validator.rules.recurrence import RecurrenceTemplate
from wsreplay.validator.rules.relation import NotCoExistence, Precedence, RespondedExistence, Response
from wsreplay.validator.rules.scoped import Scoped
from wsreplay.validator.rules.template import Template
from wsreplay.validator.rules.total import TotalTemplate
from wsreplay.validator.rules.value_template import ScopedValues, ValueTemplate
from wsreplay.validator.state.clock import Clock

_TEMPLATES: dict[str, type[Template]] = {
    "existence": Existence, "absence": Absence, "init": Init, "end": End, "response": Response, "precedence": Precedence,
    "responded_existence": RespondedExistence, "not_co_existence": NotCoExistence, "recurrence": RecurrenceTemplate,
    "rate": RateTemplate, "monotonic": MonotonicTemplate, "count": TotalTemplate, "sum": TotalTemplate,
    "assemble": AssembleTemplate, "consistent": ConsistentTemplate,
}  # fmt: skip


def build_template(
    rule: Declare, number: int, counts: Counts, reporter: Reporter, clock: Clock, missed: MissingEvents
) -> Template:
    """The monitor of a rule."""
    inner = _TEMPLATES[rule.template](rule, number, counts, reporter, clock, missed)
    if not rule.after and not rule.until:
        return inner
    return ScopedValues(inner) if isinstance(inner, ValueTemplate) else Scoped(inner)
