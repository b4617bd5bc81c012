"""An overview for programs: JSON, version 1. Times in seconds, sizes in bytes."""

from __future__ import annotations

from typing import Any

import orjson

from wsreplay.model import Direction
from wsreplay.report.stats_json import times_object
from wsreplay.stats.overview import StatisticsOverview
from wsreplay.stats.totals import RecordingTotals
from wsreplay.units import SECOND

VERSION = 1


def render(overview: StatisticsOverview, *, indented: bool = True) -> str:
    """The document, with a line end; indented, or on one line."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indented else 0)
    return orjson.dumps(document(overview), option=options).decode()


def document(overview: StatisticsOverview) -> dict[str, Any]:
    """The document as plain values."""
    return {
        "version": VERSION,
        "name": _text(overview.name),
        "taken": overview.taken_at,
        "rate": overview.rate,
        **_totals(overview.totals),
        "days": [{"day": day.isoformat() if day else None, **_totals(totals)} for day, totals in overview.days],
        "unreadable": [_text(reason) for reason in overview.unreadable],
    }


def _totals(totals: RecordingTotals) -> dict[str, Any]:
    return {
        "recordings": totals.recordings,
        "live": int(totals.live),
        "sessions": totals.sessions,
        "recorded": totals.lasted_ns / SECOND,
        "frames": totals.frame_total,
        "bytes": totals.payload_bytes.total(),
        "events": [
            {"direction": Direction(direction).short, "type": _text(type_), "count": number}
            for (direction, type_), number in totals.events.most_common()
        ],
        "connections": {name: number for name, number in totals.connections.items() if number},
        "runs": {state: number for state, number in totals.runs.items() if number},
        "spans": [
            {"span": kind, "label": _text(name) or None, "states": dict(group.states), "lasted": times_object(group.lasted)}
            for (kind, name), group in totals.spans.items()
        ],
        "findings": [
            {"rule": rule, "severity": severity, "verdict": verdict, "count": number}
            for (rule, severity, verdict), number in totals.findings.most_common()
            if number
        ],
    }  # fmt: skip


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
