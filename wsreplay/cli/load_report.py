"""What `wsreplay replay client --users` says of a load: latencies, verdicts, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from wsreplay.contract import Contract
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS
from wsreplay.replay.client import Result
from wsreplay.replay.latencies import LatencyRow
from wsreplay.replay.limits import LatencyLimit, span_rows
from wsreplay.store.reader import Recording
from wsreplay.units import SECOND, count_text, duration_text
from wsreplay.validator.durations import SpanTally
from wsreplay.validator.findings import Judgement, Verdict
from wsreplay.validator.judge import judge


def judge_load(result: Result, path: Path, out: Path, contract: Contract | None, limits: Sequence[LatencyLimit]) -> int:
    """Latencies and verdicts on stdout; 1 where a session was lost, departed, or shows what the recorded ones did not, and
    where a limit is broken."""
    tally = SpanTally()
    judged = None if contract is None else _judge(path, out, contract, tally)
    rows = [*result.latencies.rows(), *span_rows(tally.groups), *result.own.rows()]
    _print_rows(rows)
    rate, took = result.over / max(result.seconds, 1e-9), duration_text(result.seconds * SECOND)
    click.echo(f"{count_text(result.over, 'session')} in {took}: {rate:,.1f} a second, up to {result.most:,} at once")
    mismatched = {(mismatch.session, mismatch.connection) for mismatch in result.mismatches}
    click.echo(f"{len(result.played):,} connections, {len(result.lost):,} lost, {len(result.mismatches):,} mismatches"
               f"{f' in {len(mismatched):,} recorded connections' if mismatched else ''}")  # fmt: skip
    is_worse = judged is not None and _print_verdicts(*judged)
    is_broken = _print_limits(limits, {row.name: row for row in rows})
    return EXIT_VIOLATIONS if result.lost or result.mismatches or is_worse or is_broken else EXIT_CLEAN


def _judge(path: Path, out: Path, contract: Contract, tally: SpanTally) -> tuple[Judgement, frozenset[str]]:
    """The verdict of the load, and what was wrong before."""
    with Recording.open(path) as before, Recording.open(out) as after:
        known = frozenset(finding.fingerprint for finding in judge(before, contract).findings)
        return judge(after, contract, span_log=tally), known


def _print_rows(rows: Sequence[LatencyRow]) -> None:
    click.echo(f"{'answer':<44}{'times':>8}{'p50':>12}{'p95':>12}{'p99':>12}{'max':>12}")
    for row in rows:
        times = "".join(f"{duration_text(value * SECOND):>12}" for value in (row.p50, row.p95, row.p99, row.max))
        click.echo(f"{visible(row.name)[:43]:<44}{row.times:>8,}{times}")


def _print_verdicts(judgement: Judgement, known: frozenset[str]) -> bool:
    """Whether anything is wrong that was not."""
    verdicts = Counter(str(verdict) for verdict in judgement.session_verdicts.values())
    counts = ", ".join(f"{number:,} {name}" for name, number in verdicts.most_common())
    click.echo(f"{judgement.sessions:,} sessions: {counts}")
    new_findings = [finding for finding in judgement.findings if finding.fingerprint not in known]
    new = Counter(finding.rule for finding in new_findings if finding.verdict is Verdict.VIOLATED)
    for rule, number in new.most_common():
        click.echo(f"  ✗ {rule}: {count_text(number, 'finding')} that the recorded sessions do not have")
    undecided = Counter(finding.rule for finding in new_findings if finding.verdict is Verdict.INCONCLUSIVE)
    for rule, number in undecided.most_common():
        click.echo(f"  ? {rule}: {number:,} undecided: wsreplay itself was too busy; try a longer --ramp or fewer --users")
    return bool(new)


def _print_limits(limits: Sequence[LatencyLimit], rows: dict[str, LatencyRow]) -> bool:
    """Whether one is broken."""
    reasons = [(limit, limit.why_broken(rows)) for limit in limits]
    for limit, reason in reasons:
        sign, why = ("✓", "") if reason is None else ("✗", f": {visible(reason)}")
        click.echo(f"  {sign} limit {visible(limit.text)}{why}")
    return any(reason is not None for _, reason in reasons)
