"""What is still owed at a time: the ends of open spans that are due, soonest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.tui.recording.extra_rows import OwedRow

if TYPE_CHECKING:
    from wsreplay.tui.recording.lanes import DrawnSpan

MOST_OWED = 4  # rows; how many spans are open is said elsewhere


class SpanEnd(NamedTuple):
    """What ends a span of some kind, and how long after its start that is due, ns; None where it is not."""

    types: tuple[str, ...]
    within_ns: int | None


def owed_rows(open_spans: Iterable[DrawnSpan], ends: Mapping[str, SpanEnd], at_ns: int) -> tuple[OwedRow, ...]:
    """A row for each end that is due after a time; what is due by then is missing, and has a row of its own."""
    rows: list[OwedRow] = []
    for span in open_spans:
        end = ends.get(span.kind)
        until_ns = span.until_ns
        if until_ns is None and not span.owes and end is not None and end.within_ns is not None:
            until_ns = span.start_ns + end.within_ns
        types = span.owes or (end.types if end is not None else ())
        if until_ns is not None and until_ns > at_ns and types and not span.implied:
            bare = tuple(type_.removeprefix("s2c:").removeprefix("c2s:") for type_ in types)
            rows.append(OwedRow(span.id, span.start_frame, span.name, bare, until_ns, at_ns))
    return tuple(sorted(rows, key=lambda row: row.until_ns)[:MOST_OWED])
