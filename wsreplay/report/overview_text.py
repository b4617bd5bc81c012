"""An overview for people, in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wsreplay.display import cells, fit, pad, visible
from wsreplay.model import Direction
from wsreplay.report.paint import BLUE, BOLD, DIM, GREEN, RED, YELLOW, Paint
from wsreplay.report.stats_text import plot, span_name, table
from wsreplay.stats.overview import PLOTTED_S, StatisticsOverview
from wsreplay.stats.totals import RecordingTotals
from wsreplay.trace.statistics import Group
from wsreplay.units import count_text, duration_text, size_text
from wsreplay.validator.findings import Verdict

_NAME = 32
_MOST_DAYS = 31
DAY_COLUMNS = ("recordings", "sessions", "runs", "completed", "p95", "findings")
_STATES = ("completed", "failed", "cancelled", "cut", "stalled", "open")
_STATE_COLOURS = {"completed": GREEN, "failed": RED, "cut": RED, "stalled": RED, "open": BLUE}


def render(overview: StatisticsOverview, *, color: bool = False, width: int = 100) -> str:
    """The overview, of lines of at most `width` cells, or of 60."""
    paint = Paint(color)
    return "\n".join(line.rstrip() for line in _lines(overview, paint, max(width, 60))) + "\n"


def summary(overview: StatisticsOverview) -> str:
    """One line, for logs: what a page of the overview begins with."""
    totals = overview.totals
    runs = ", ".join(f"{number:,} {state}" for state, number in ordered_runs(totals))
    parts = [
        f"{overview.rate:,.1f} events/s", count_text(totals.event_total, "event"),
        count_text(totals.connections["open"], "open connection"), f"runs: {runs or 'none'}",
        count_text(finding_total(totals), "finding"),
    ]  # fmt: skip
    return " · ".join(parts)


def _lines(overview: StatisticsOverview, paint: Paint, width: int) -> Iterator[str]:
    totals = overview.totals
    about = [count_text(totals.sessions, "session"), count_text(totals.event_total, "event"),
             f"{size_text(totals.payload_bytes.total())} of payload", duration_text(totals.lasted_ns)]  # fmt: skip
    if totals.recordings != 1:
        about.insert(0, count_text(totals.recordings, "recording"))
    live = paint(" ● REC", RED) if totals.live else ""
    while cells(" · ".join(about)) > width - 24 and len(about) > 1:
        about.pop()
    room = max(width - cells(" · ".join(about)) - 10, 12)
    name = visible(overview.name)
    shown = name if cells(name) <= room else fit(f"…/{Path(name).name}", room)
    yield f"{paint(shown, BOLD)}{live}   {' · '.join(about)}"
    yield from _rate(overview, paint, width)
    yield f"  {_joined(sorted(totals.connections.items(), key=lambda item: item[0] != 'open'), 'connections')}"
    for reason in overview.unreadable:
        yield paint(fit(f"  not read: {visible(reason)}", width), YELLOW)
    yield from _runs(totals, paint)
    if totals.spans:
        yield ""
        lasting = {span_name(*name, group): Group(group.states.total(), gaps=group.lasted)
                   for name, group in totals.spans.items()}  # fmt: skip
        yield from table("how long it took", lasting, paint, width, sized=False)
    yield from _findings(totals, paint)
    yield from _events(totals, paint)
    if len(overview.days) > 1:
        yield from _days(overview, paint, width)


def _rate(overview: StatisticsOverview, paint: Paint, width: int) -> Iterator[str]:
    counts = overview.rate_plot
    room = min(PLOTTED_S, width - 40)
    joined = [sum(counts[number * PLOTTED_S // room : (number + 1) * PLOTTED_S // room]) for number in range(room)]
    plotted = f"  {paint(plot(joined), BLUE)}  {paint(f'the last {PLOTTED_S}s', DIM)}" if overview.totals.live else ""
    yield f"  {overview.rate:,.1f} events/s{plotted}"


def _joined(counts: Iterable[tuple[str, int]], noun: str) -> str:
    return f"{noun}: " + (" · ".join(f"{number:,} {name}" for name, number in counts if number) or "none")


def ordered_runs(totals: RecordingTotals) -> Iterator[tuple[str, int]]:
    """How many runs ended how, those that went well first."""
    for state in _STATES:
        if totals.runs[state]:
            yield state, totals.runs[state]


def _runs(totals: RecordingTotals, paint: Paint) -> Iterator[str]:
    total = totals.runs.total()
    if total:
        yield ""
        yield paint(f"{'runs':<{_NAME}}{'count':>10}{'share':>9}", DIM)
    for state, number in ordered_runs(totals):
        share = f"{100 * number / total:.1f}%"
        yield f"{paint(f'{state:<{_NAME}}', _STATE_COLOURS.get(state, DIM))}{number:>10,}{share:>9}"


def _findings(totals: RecordingTotals, paint: Paint) -> Iterator[str]:
    counted = sorted(((key, number) for key, number in totals.findings.items() if number), key=lambda item: -item[1])
    if counted:
        yield ""
        yield paint(f"{'findings':<{_NAME}}{'count':>10}   severity", DIM)
    for (rule, severity, verdict), number in counted:
        colour = YELLOW if verdict != Verdict.VIOLATED or severity != "error" else RED
        word = severity if verdict == Verdict.VIOLATED else verdict
        yield f"{paint(pad(visible(rule), _NAME), colour)}{number:>10,}   {word}"


def _events(totals: RecordingTotals, paint: Paint) -> Iterator[str]:
    if not totals.events:
        return
    yield ""
    yield paint(f"{'events':<{_NAME}}{'count':>10}   direction", DIM)
    for (direction, type_), number in totals.events.most_common(20):
        yield f"{pad(visible(type_), _NAME)}{number:>10,}   {Direction(direction).short}"
    if len(totals.events) > 20:
        yield paint(f"… {len(totals.events) - 20:,} more types", DIM)


def _days(overview: StatisticsOverview, paint: Paint, width: int) -> Iterator[str]:
    days = {str(day or "unknown"): day_figures(totals) for day, totals in overview.days[-_MOST_DAYS:]}
    widths = {name: 2 + max(map(len, (name, *(figures[name] for figures in days.values())))) for name in DAY_COLUMNS}
    if 11 + sum(widths.values()) > width:
        del widths["recordings"]
    yield ""
    yield paint(f"{'day':<11}" + "".join(f"{name:>{column}}" for name, column in widths.items()), DIM)
    for day, figures in days.items():
        yield f"{day:<11}" + "".join(f"{figures[name]:>{column}}" for name, column in widths.items())


def day_figures(totals: RecordingTotals) -> Mapping[str, str]:
    """What is compared from day to day, as texts."""
    runs, lasted = totals.runs.total(), totals.run_times.lasted
    return {
        "recordings": f"{totals.recordings:,}", "sessions": f"{totals.sessions:,}", "runs": f"{runs:,}",
        "completed": f"{100 * totals.runs['completed'] / runs:.1f}%" if runs else "–",
        "p95": duration_text(lasted.quantile(0.95)) if lasted.count else "–",
        "findings": f"{finding_total(totals):,}",
    }  # fmt: skip


def finding_total(totals: RecordingTotals) -> int:
    """How many findings there are, of any severity."""
    return sum(number for (_, _, verdict), number in totals.findings.items() if verdict == Verdict.VIOLATED)
