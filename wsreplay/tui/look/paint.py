"""Lines of styled text: what every list here is painted with."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Run = tuple[str, Style]


def line(runs: Iterable[Run], width: int, fill: Style | None = None) -> Strip:
    """One line of exactly `width` cells on the ground `fill`. The text must have gone through `Look.safe`."""
    segments: list[Segment] = []
    used = 0
    for text, style in runs:
        room = width - used
        if room <= 0:
            break
        cells = _cells_of(text)
        if cells > room:
            text, cells = set_cell_size(text, room), room
        segments.append(Segment(text, style if fill is None else fill + style))
        used += cells
    if used < width:
        segments.append(Segment(" " * (width - used), fill))
    return Strip(segments, width)


def fitted(text: str, width: int, *, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells, cut with an ellipsis."""
    cells = _cells_of(text)
    if cells <= width:
        return text + " " * (width - cells)
    return set_cell_size(text, max(0, width - 1)) + ellipsis if width > 0 else ""


def fitted_end(text: str, width: int, *, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells; where it is cut, its end stays: of a path the name."""
    if cell_len(text) <= width or width <= 0:
        return fitted(text, width, ellipsis=ellipsis)
    return ellipsis + set_cell_size(text[::-1], width - 1)[::-1]


def fitted_ends(text: str, width: int, *, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells; where it is cut, both ends stay: names of one kind differ there."""
    if cell_len(text) <= width or width < 3:
        return fitted(text, width, ellipsis=ellipsis)
    head = width // 2
    return set_cell_size(text, head) + ellipsis + set_cell_size(text[::-1], width - head - 1)[::-1]


def split(left: list[Run], right: list[Run], width: int, fill: Style, *, extra: list[Run], ellipsis: str = "…") -> Strip:
    """One line with a left and a right end. `extra` gives way from its last run on where there is no room, then the left."""
    taken, tail = _cells(left), _cells(right) + _cells(extra)
    while extra and taken + tail + 1 > width:
        extra = _without_last(extra)
        tail = _cells(right) + _cells(extra)
    if right and taken + tail + 1 > width:
        left, taken = cut(left, width - tail - 1, ellipsis), max(0, width - tail - 1)
    elif width and cell_len("".join(text for text, _ in left).rstrip()) > width:
        left, taken = cut(left, width, ellipsis), width
    return line([*left, (" " * (width - taken - tail), fill), *right, *extra], width, fill)


def _without_last(runs: list[Run]) -> list[Run]:
    """Runs without the last, and without what is pressed as one with it: a key goes with its words."""
    pressed, runs = runs[-1][1].meta, runs[:-1]
    while runs and pressed and runs[-1][1].meta == pressed:
        runs = runs[:-1]
    return runs


def cut(runs: list[Run], width: int, ellipsis: str) -> list[Run]:
    """As much of some runs as there is room for, with an ellipsis where not all of it fits."""
    if _cells(runs) <= width:
        return runs
    kept: list[Run] = []
    for text, style in runs:
        cells = _cells_of(text)
        if cells >= width:
            return [*kept, (fitted(text + " ", width, ellipsis=ellipsis), style)]
        kept.append((text, style))
        width -= cells
    return kept


def _cells(runs: Iterable[Run]) -> int:
    return sum(map(_cells_of, (text for text, _ in runs)))


def _cells_of(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
