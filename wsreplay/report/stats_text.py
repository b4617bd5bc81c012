"""Statistics for people, in a terminal: tables with small plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wsreplay.display import cells, fit, pad, visible
from wsreplay.report.paint import BLUE, BOLD, DIM, Paint
from wsreplay.trace.statistics import Group, Statistics, most
from wsreplay.units import count_text, duration_text, size_text
from wsreplay.validator.durations import SpanGroup

_BARS = "▁▂▃▄▅▆▇█"
_EDGES = tuple(round(10 ** (power / 2)) for power in range(6, 22))  # 1µs to about 30s, two to a decade
_MOST_ROWS = 30
_NAME = 44
_COLUMNS = {"count": 10, "size": 10, "p50": 9, "p95": 9, "p99": 9, "max": 9}
_NARROW = 110  # below it plots, sizes and the p99 are left out
_LESS = ("size", "p99")


def render(
    path: str, statistics: Statistics, spans: Mapping[tuple[str, str], SpanGroup], lasted_ns: int, *, color: bool = False,
    width: int = 100,
) -> str:  # fmt: skip
    """The tables: spans, types, transitions, users, sessions. `lasted_ns` is how long what was counted took; gaps are times
    since the event before, in the same run or thread; a span's times are how long it took."""
    paint = Paint(color)
    return "\n".join(line.rstrip() for line in _lines(path, statistics, spans, lasted_ns, paint, max(width, 60))) + "\n"


def _lines(
    path: str, statistics: Statistics, spans: Mapping[tuple[str, str], SpanGroup], lasted_ns: int, paint: Paint, width: int
) -> Iterator[str]:
    total = statistics.total
    untyped = f" · {count_text(statistics.untyped, 'message')} without a type" if statistics.untyped else ""
    about = f"{count_text(total.count, 'event')} in {duration_text(lasted_ns)} · {size_text(total.size)} of payload{untyped}"
    yield f"{paint(visible(path), BOLD)}   {about}"
    if not total.count:
        return
    yield from _density(statistics, paint, width)
    if spans:
        yield ""
        lasting = {span_name(*name, group): Group(group.states.total(), gaps=group.lasted) for name, group in spans.items()}
        yield from table("how long it took", lasting, paint, width, sized=False)
    sections: Sequence[tuple[str, dict[Any, Group]]] = (
        ("event type", statistics.types),
        ("transition", {f"{a} → {b}": group for (a, b), group in statistics.transitions.items()}),
        ("user", statistics.users),
        ("session", {f"session {name}": group for name, group in statistics.sessions.items()}),
    )
    for title, groups in sections:
        if groups:
            yield ""
            yield from table(title, groups, paint, width)
    if statistics.forgotten:
        yield paint(f"to save memory, {statistics.forgotten:,} runs and threads were not followed to their end", DIM)


def _density(statistics: Statistics, paint: Paint, width: int) -> Iterator[str]:
    slots = statistics.density.slots
    last = max((number for number, events in enumerate(slots) if events), default=0)
    room = min(width - 24, last + 1)
    joined = [sum(slots[number * (last + 1) // room : (number + 1) * (last + 1) // room]) for number in range(room)]
    bar_ns = statistics.density.width_ns * (last + 1) / room
    yield f"  {paint(plot(joined), BLUE)}  {paint(f'each {duration_text(round(bar_ns))}', DIM)}"


def span_name(kind: str, label: str, group: SpanGroup) -> str:
    """`tool search · 1 cut`: what did not complete is said."""
    odd = (f"{number:,} {state}" for state, number in sorted(group.states.items()) if state != "completed")
    return " · ".join([f"{kind} {label}".strip(), *odd])


def table(title: str, groups: dict[Any, Group], paint: Paint, width: int, *, sized: bool = True) -> Iterator[str]:
    """A line for each of the largest groups: how many, and the quantiles of their times."""
    plots = width >= _NARROW
    columns = {name: cells_ for name, cells_ in _COLUMNS.items() if plots or name not in _LESS}
    if not sized:
        columns.pop("size", None)
    room = max(width - sum(columns.values()) - (len(_EDGES) + 4 if plots else 2), 12)
    listed = list(most(groups, _MOST_ROWS))
    room = min(room, max(_NAME if len(listed) > 1 else 0, *(cells(visible(str(name))) for name, _ in listed), cells(title)))
    head = "".join(f"{name:>{cells_}}" for name, cells_ in columns.items())
    yield paint(f"{pad(title, room)}{head}" + ("   1µs … 30s" if plots else ""), DIM)
    for name, group in listed:
        drawn = f"   {paint(plot(group.gaps.spread(_EDGES)), BLUE)}" if plots and group.gaps.count else ""
        yield f"{pad(fit(visible(str(name)), room), room)}{_numbers(group, columns)}{drawn}"
    if len(groups) > len(listed):
        yield paint(f"… {len(groups) - len(listed):,} more: see --json …", DIM)


def _numbers(group: Group, columns: dict[str, int]) -> str:
    gaps = group.gaps
    texts = {"count": f"{group.count:,}", "size": size_text(group.size), "p50": "–", "p95": "–", "p99": "–", "max": "–"}
    if gaps.count:
        texts |= {f"p{percent}": duration_text(gaps.quantile(percent / 100)) for percent in (50, 95, 99)}
        texts["max"] = duration_text(gaps.largest)
    return "".join(f"{texts[name]:>{width}}" for name, width in columns.items())


def plot(counts: Sequence[int]) -> str:
    """Bars as high as the counts; nothing for none, and at least a line for one."""
    highest = max(counts, default=0)
    if not highest:
        return " " * len(counts)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // highest)] if number else " " for number in counts)
