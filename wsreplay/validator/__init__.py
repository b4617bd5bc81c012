"""A trace and a contract become findings."""

from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, RunAccount, Severity, Verdict
from wsreplay.validator.judge import judge

__all__ = ["Engine", "Finding", "Judgement", "RuleVerdict", "RunAccount", "Severity", "Verdict", "judge"]
