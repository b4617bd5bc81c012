"""The line that tells of one span, or of a finding that belongs to none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from wsreplay import units
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.paint import Run
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.evidence import known_at, moment, place, seen_from
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.waterfall.canvas import STATES

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding


def about_runs(
    look: Appearance, clock: ShownClock, span: DrawnSpan, until_ns: int, findings: Iterable[Finding], rank: int
) -> list[Run]:
    """What a span is, as it is known at a time, with what was found of it; `rank` is its place among the slowest, from 1."""
    if span.start_ns > until_ns:
        return [(" ", look.style("dim"))]
    if span.end_ns is not None and span.end_ns > until_ns:
        span, rank = replace(span, end_ns=None, end_frame=None, state="open", detail=""), 0  # nobody knows yet how it ends
    lasted = units.duration_text((span.end_ns or until_ns) - span.start_ns)
    known = [finding for finding in findings if known_at(finding) <= until_ns]
    began = [finding for finding in known if span.start_frame in (finding.activation, *finding.frames[:1])]
    kind = "" if span.name.startswith(f"{span.kind} ") else f"{span.kind} "  # which a span without a name begins with
    late = max(
        (finding for finding in began if finding.kind == "late" and finding.late_by),
        key=lambda finding: finding.late_by or 0, default=None,
    )  # fmt: skip
    is_said = late is not None and span.detail == f"{units.duration_text(late.late_by or 0)} late"
    return [
        (kind, look.style("dim")), (look.safe(span.name), look.style("strong", bold=True)),
        (f"  {clock.text(span.start_ns)} {look.own('→')} ", look.style("dim")),
        (clock.text(span.end_ns) if span.end_ns is not None else "still open", look.style("dim")),
        (f"  {look.own(lasted)}  ", look.style("text")),
        (span.state, look.style(STATES[span.state], bold=True)),
        (f": {look.safe(span.detail)}" if span.detail and not is_said else "", look.style("dim")),
        ("  its start never came" if span.implied else "", look.style("missing", bold=True)),
        (look.safe(_owed(span, until_ns)), look.style("dim")),
        *_late_runs(look, late),
        (f"  slowest {rank}" if rank else "", look.style("word")),
        (_frames(span, look.own("–")), look.style("faint")),
    ]  # fmt: skip


def about_finding(look: Appearance, clock: ShownClock, finding: Finding, until_ns: int | None) -> list[Run]:
    """The line that tells of a finding that belongs to no span, as soon as it is known; `until_ns` None: now."""
    if until_ns is not None and seen_from(finding) > until_ns:
        return [(" ", look.style("dim"))]
    sign, style = look.sign_of(finding)
    return [
        (f"{sign} ", style), (look.safe(finding.message), look.style("strong", bold=True)),
        (f"  {clock.text(moment(finding))}", look.style("dim")),
        (f"  frame {at_frame}" if (at_frame := place(finding)) else "", look.style("faint")),
        (f"  {look.safe(finding.rule)}", look.style("faint")),
    ]  # fmt: skip


def _late_runs(look: Appearance, finding: Finding | None) -> list[Run]:
    """How grave it is, and by how much."""
    if finding is None:
        return []
    sign = look.signs.severity(finding.severity)
    return [(f"  {sign} late by {units.duration_text(finding.late_by or 0)}", look.severity(finding))]


def _frames(span: DrawnSpan, dash: str) -> str:
    return f"  frames {span.start_frame} {dash} {span.end_frame}" if span.end_frame else f"  frame {span.start_frame}"


def _owed(span: DrawnSpan, at_ns: int) -> str:
    """What a span that has not ended still owes, and when it is due."""
    if span.end_ns is not None or not span.owes:
        return ""
    due = f" in {units.duration_text(span.until_ns - at_ns)}" if span.until_ns is not None and span.until_ns > at_ns else ""
    return f"  due: {' or '.join(owed.removeprefix('s2c:').removeprefix('c2s:') for owed in span.owes)}{due}"
