"""An overview as a page: one file without a script, which a browser loads again while something is being recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from wsreplay.display import visible
from wsreplay.model import Direction
from wsreplay.report.html import load_asset, style_hash
from wsreplay.report.overview_text import DAY_COLUMNS, day_figures, finding_total, ordered_runs
from wsreplay.stats.overview import PLOTTED_S, StatisticsOverview
from wsreplay.units import count_text, duration_text, size_text
from wsreplay.validator.findings import Verdict

_MOST_ROWS = 50
_MOST_DAYS = 90
_COLOURS = {"completed": "good", "failed": "bad", "cut": "bad", "stalled": "bad", "cancelled": "warn", "open": "dim"}
Row = Sequence[tuple[str, str]]
"""Cells: text and class."""


def render(overview: StatisticsOverview, *, refresh_s: int | None = None) -> str:
    """The page; one that is loaded again every so many seconds, if something is being recorded."""
    style = load_asset("overview.css")
    policy = f"default-src 'none'; style-src {style_hash(style)}; base-uri 'none'; form-action 'none'"
    again = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s and overview.totals.live else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{_shown(overview.name)} · wsreplay</title><style>{style}</style></head>\n<body>{''.join(_body(overview))}"
        "</body></html>\n"
    )


def _body(overview: StatisticsOverview) -> Iterator[str]:
    totals = overview.totals
    live = ' <span class="live">● REC</span>' if totals.live else ""
    taken = f"{datetime.fromtimestamp(overview.taken_at).astimezone():%Y-%m-%d %H:%M:%S}"
    yield f"<header><h1>{_shown(overview.name)}{live}</h1>"
    about = f"{count_text(totals.recordings, 'recording')} · {duration_text(totals.lasted_ns)} recorded"
    yield f"<p>{about} · as of {taken}</p></header>"
    yield from _tiles(overview)
    for reason in overview.unreadable:
        yield f'<p class="trouble">not read: {_shown(reason)}</p>'
    title = f"events in the last {PLOTTED_S} seconds" + ("" if totals.live else " of what was recorded")
    yield f"<main><section><h2>{title}</h2>{_bars(overview.rate_plot)}</section>"
    yield '<div class="columns">'
    yield from _sections(overview)
    yield "</div></main>"


def _tiles(overview: StatisticsOverview) -> Iterator[str]:
    totals = overview.totals
    figures = day_figures(totals)
    tiles = (
        (f"{overview.rate:,.1f}", "events a second"), _counted(totals.event_total, "event"),
        (size_text(totals.payload_bytes.total()), "payload"), _counted(totals.connections["open"], "open connection"),
        _counted(totals.runs.total(), "run"), (figures["completed"], "of them completed"),
        (figures["p95"], "95th percentile of a run"), _counted(finding_total(totals), "finding"),
    )  # fmt: skip
    yield '<div class="tiles">'
    yield from (f'<div class="tile"><b>{escape(value)}</b><span>{name}</span></div>' for value, name in tiles)
    yield "</div>"


def _counted(number: int, noun: str) -> tuple[str, str]:
    figure, _, name = count_text(number, noun).partition(" ")
    return figure, name


def _sections(overview: StatisticsOverview) -> Iterator[str]:
    totals = overview.totals
    total = totals.runs.total()
    yield _table("runs", ("state", "count", "share"), [
        ((state, _COLOURS.get(state, "")), (f"{number:,}", "n"), (f"{100 * number / total:.1f}%", "n"))
        for state, number in ordered_runs(totals)
    ])  # fmt: skip
    spans = sorted(totals.spans.items(), key=lambda item: -item[1].states.total())[:_MOST_ROWS]
    yield _table("how long it took", ("what", "count", "not completed", "p50", "p95", "p99", "max"), [
        ((f"{kind} {name}", ""), (f"{group.states.total():,}", "n"),
         (f"{group.states.total() - group.states['completed']:,}", "n"),
         *((duration_text(value) if group.lasted.count else "–", "n") for value in (
             group.lasted.quantile(0.5), group.lasted.quantile(0.95), group.lasted.quantile(0.99), group.lasted.largest)))
        for (kind, name), group in spans
    ])  # fmt: skip
    findings = sorted(((key, number) for key, number in totals.findings.items() if number), key=lambda item: -item[1])
    yield _table("findings", ("rule", "count", "severity"), [
        ((rule, "bad" if verdict == Verdict.VIOLATED and severity == "error" else "warn"), (f"{number:,}", "n"),
         (severity if verdict == Verdict.VIOLATED else verdict, ""))
        for (rule, severity, verdict), number in findings[:_MOST_ROWS]
    ])  # fmt: skip
    yield _table("events", ("type", "count", "direction"), [
        ((type_, ""), (f"{number:,}", "n"), (Direction(direction).short, ""))
        for (direction, type_), number in totals.events.most_common(_MOST_ROWS)
    ])  # fmt: skip
    yield _table("connections", ("ending", "count"), [
        ((ending, ""), (f"{number:,}", "n")) for ending, number in totals.connections.most_common() if number
    ])  # fmt: skip
    if len(overview.days) > 1:
        yield _trend(overview)


def _trend(overview: StatisticsOverview) -> str:
    days = overview.days[-_MOST_DAYS:]
    rows: list[Row] = []
    for day, totals in days:
        figures = day_figures(totals)
        rows.append((
            (str(day or "unknown"), ""), *((figures[name], "n") for name in DAY_COLUMNS),
        ))  # fmt: skip
    plot = _bars([totals.runs.total() for _, totals in days])
    return _table("day by day", ("day", *DAY_COLUMNS), rows, plot)


def _table(title: str, heads: Sequence[str], rows: Sequence[Row], plot: str = "") -> str:
    if not rows:
        return f'<section><h2>{title}</h2><p class="dim">none</p></section>'
    head = "".join(f'<th{_classed("n" if number and cell == "n" else "")}>{name}</th>'
                   for number, (name, (_, cell)) in enumerate(zip(heads, rows[0], strict=True)))  # fmt: skip
    body = "".join("<tr>" + "".join(f"<td{_classed(kind)}>{_shown(text)}</td>" for text, kind in row) + "</tr>" for row in rows)
    return f"<section><h2>{title}</h2>{plot}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></section>"


def _classed(name: str) -> str:
    return f' class="{name}"' if name else ""


def _bars(counts: Sequence[int]) -> str:
    """Bars as high as the counts."""
    highest = max([*counts, 1])
    bars = "".join(
        f'<rect x="{number * 10}" y="{100 - 100 * count / highest:.1f}" width="8" height="{100 * count / highest:.1f}">'
        f"<title>{count:,}</title></rect>"
        for number, count in enumerate(counts)
        if count
    )
    return f'<svg viewBox="0 0 {10 * max(len(counts), 1)} 100" preserveAspectRatio="none" role="img">{bars}</svg>'


def _shown(text: str) -> str:
    return escape(visible(text))
