"""All kinds of rules, in the order in which a contract lists its rules: a new one is its file and one line here."""

from __future__ import annotations

from wsreplay.contract.rules import (
    declare,
    isolation,
    json_format,
    latency,
    left_open,
    needs,
    questions,
    reconnect,
    schema,
    sequence,
    silence,
    span,
    startup,
    unique,
    unknown,
    waits,
)
from wsreplay.contract.rules.kind import RuleKind

KINDS: tuple[RuleKind, ...] = (
    json_format.KIND,
    unknown.KIND,
    span.KIND,
    declare.KIND,
    questions.KIND,
    waits.KIND,
    silence.KIND,
    startup.KIND,
    reconnect.KIND,
    left_open.KIND,
    latency.KIND,
    sequence.KIND,
    unique.KIND,
    isolation.KIND,
    schema.KIND,
    needs.KIND,
)
