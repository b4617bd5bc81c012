"""Statistics for programs: JSON, version 1. Times in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from wsreplay.trace.statistics import Group, Histogram, Statistics
from wsreplay.validator.durations import SpanGroup

VERSION = 1


Spans = Mapping[tuple[str, str], SpanGroup]


def render(path: str, statistics: Statistics, spans: Spans, lasted_ns: int) -> str:
    """The document, indented, with a line end."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(path, statistics, spans, lasted_ns), option=options).decode()


def document(path: str, statistics: Statistics, spans: Spans, lasted_ns: int) -> dict[str, Any]:
    """The document as plain values. `lasted_ns` is how long what was counted took."""
    return {
        "version": VERSION,
        "file": path.encode("utf-8", "replace").decode(),
        "duration": lasted_ns / 1e9,
        **_group(statistics.total),
        "untyped": statistics.untyped,
        "forgotten": statistics.forgotten,
        "types": [{"type": name, **_group(group)} for name, group in statistics.types.items()],
        "transitions": [{"from": a, "to": b, **_group(group)} for (a, b), group in statistics.transitions.items()],
        "users": [{"user": name, **_group(group)} for name, group in statistics.users.items()],
        "sessions": [{"session": name, **_group(group)} for name, group in statistics.sessions.items()],
        "spans": [
            {"span": kind, "label": label or None, "states": dict(group.states), "lasted": times_object(group.lasted)}
            for (kind, label), group in spans.items()
        ],
        "density": {"slot": statistics.density.width_ns / 1e9, "counts": statistics.density.slots},
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "count": group.count,
        "bytes": group.size,
        "first": None if group.first_ns is None else group.first_ns / 1e9,
        "last": None if group.first_ns is None else group.last_ns / 1e9,
        "gap": times_object(group.gaps),
    }


def times_object(times: Histogram) -> dict[str, Any] | None:
    """Count, mean and quantiles of times; None where there is none."""
    return {
        "count": times.count, "min": times.least / 1e9, "mean": times.mean / 1e9, "p50": times.quantile(0.5) / 1e9,
        "p95": times.quantile(0.95) / 1e9, "p99": times.quantile(0.99) / 1e9, "max": times.largest / 1e9,
    } if times.count else None  # fmt: skip
