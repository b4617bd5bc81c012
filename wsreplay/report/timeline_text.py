"""The rows of a session's timeline, for people in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from wsreplay.display import cells, fit, gist, pad, visible
from wsreplay.model import Direction
from wsreplay.report import timeline
from wsreplay.report.paint import BLUE, DIM, MISSING, YELLOW, Paint, kind_sign, kind_word
from wsreplay.report.timeline import FoldedRows, TimelineKind, TimelineRow
from wsreplay.units import clock, count_text, duration_text
from wsreplay.validator.findings import Finding

_AROUND, _WHOLE = 3, 40  # rows around a notable one; rows of a session that is shown whole
_MOST_ROWS = 400
WIDEST_TYPE = 32


def timeline_lines(rows: Iterable[TimelineRow], paint: Paint, width: int) -> Iterator[str]:
    """A line a row, at most 400, those that tell nothing folded; `width` is in cells."""
    shown = list(islice(timeline.folded(rows, around=_AROUND, whole=_WHOLE), _MOST_ROWS))
    labels = [cells(visible(row.label)) for row in shown if isinstance(row, TimelineRow) and row.kind is not TimelineKind.FAULT]
    column = min(max(labels, default=0), WIDEST_TYPE, width // 3)
    for row in shown:
        yield _line(row, column, paint, width)
    if len(shown) == _MOST_ROWS:
        yield paint("              … more: wsreplay show, wsreplay tui …", DIM)


def _line(row: TimelineRow | FoldedRows, column: int, paint: Paint, width: int) -> str:
    if isinstance(row, FoldedRows):
        return paint(f"              … {count_text(row.rows, 'event')} …", DIM)
    arrow = "▶" if row.direction == Direction.CLIENT_TO_SERVER else " "
    time = f"{clock(row.t_ns):>12}"
    if row.kind is TimelineKind.FAULT:
        return f"{time} {arrow}{paint(fit(visible(f'{row.label}: {row.text}'), width - cells(time) - 2), YELLOW)}"
    label = pad(visible(row.label), column)
    text = _row_text(row, max(width - cells(time) - column - 6, 8))
    colour = _row_colour(row)
    if row.kind is TimelineKind.GHOST:
        return f"{time} {arrow}{paint(f'{label}    {text}', colour)}"
    return f"{time} {arrow}{paint(label, *([colour] if colour else []))}    {text}"


def _row_colour(row: TimelineRow) -> str:
    if row.kind is TimelineKind.GHOST:
        return BLUE
    if row.findings:
        return min((kind_sign(finding) for finding in row.findings), key=lambda sign: "✗◆⇅▲·".index(sign[0]))[1]
    return DIM if row.kind is TimelineKind.CONNECTION else ""


def _row_text(row: TimelineRow, room: int) -> str:
    """What stands behind a row's type: what is wrong with it, then what it says."""
    if row.kind is TimelineKind.GHOST:
        (finding,) = row.findings
        due = f"due by {clock(finding.until)}, " if finding.until is not None else ""
        return fit(visible(f"{MISSING} missing: {due}{row.text}"), room)
    notes = list(dict.fromkeys(_finding_word(finding) for finding in row.findings))
    text = row.text or gist(row.payload, room, row.label)
    return fit(" · ".join([*notes, visible(text)] if text else notes), room)


def _finding_word(finding: Finding) -> str:
    sign, _ = kind_sign(finding)
    late = f" by {duration_text(finding.late_by)}" if finding.late_by else ""
    return f"{sign} {visible(kind_word(finding))}{late}"
