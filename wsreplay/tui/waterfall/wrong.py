"""What is wrong with a span, as signs on its bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from rich.style import Style

from wsreplay.tui.look.appearance import Appearance

_GRAVEST_FIRST = "error", "warning", "info"


class WrongPlace(NamedTuple):
    """What a finding is about, by its kind if it is one with a sign of its own; and when, in ns on the recording's axis."""

    t_ns: int
    kind: str
    severity: str


def signs_on_bar(
    look: Appearance, places: Iterable[tuple[int, WrongPlace]], left: int, width: int
) -> Iterator[tuple[int, str, Style]]:
    """(column, signs, style) of what is wrong at some columns of a bar that begins at `left`, in ascending order.

    How grave it is stands before what kind it is, as in the lists. Where others are too near for two signs, only how grave it
    is; of several in one column, the gravest.
    """
    gravest: dict[int, WrongPlace] = {}
    for x, place in sorted(places, key=lambda known: (known[0], _GRAVEST_FIRST.index(known[1].severity))):
        gravest.setdefault(x, place)
    columns = [*gravest, width]
    free_from = 0
    for x, next_x in pairwise(columns):
        sign, style = look.sign_of(gravest[x])
        if gravest[x].kind in ("missing", "gap"):
            sign += look.signs.missing
        start = x - len(sign) + 1 if x > left else x  # before the bar, it would be read as another's
        if start < free_from or start + len(sign) > next_x:
            start, sign = x, sign[0]
        free_from = start + len(sign)
        yield start, sign, style
