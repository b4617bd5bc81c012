"""A trace and a contract become findings."""

from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, SpanRecord, Verdict
from wsreplay.validator.follow import follow
from wsreplay.validator.judge import judge
from wsreplay.validator.parallel import FileOutcome, judge_files
from wsreplay.validator.span_log import SpanLog

__all__ = [
    "Engine",
    "FileOutcome",
    "Finding",
    "Judgement",
    "RuleVerdict",
    "Severity",
    "SpanLog",
    "SpanRecord",
    "Verdict",
    "follow",
    "judge",
    "judge_files",
]
