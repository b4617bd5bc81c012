"""All kinds of rules, in the order in which a contract lists its rules: a new one is its file and one line here."""

from __future__ import annotations

from wsreplay.contract.rules import (
    declare,
    isolation,
    json_format,
    latency,
    questions,
    reconnect,
    schema,
    sequence,
    span,
    unique,
    unknown,
)
from wsreplay.contract.rules.kind import RuleKind

KINDS: tuple[RuleKind, ...] = (
    json_format.KIND,
    unknown.KIND,
    span.KIND,
    declare.KIND,
    questions.KIND,
    reconnect.KIND,
    latency.KIND,
    sequence.KIND,
    unique.KIND,
    isolation.KIND,
    schema.KIND,
)
