"""What the client of a session waits for before it says its next message, or goes.

It waits for the ends of the runs that its messages began, also for those that never came: a backend that was mended sends them.
Else, for the last type that was heard. What was heard behind that, such as a message that came too late, is waited for about
as long as it took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wsreplay.formats.client_turns import ClientSide, Heard
from wsreplay.trace.run_types import NO_RUNS, RunTypes
from wsreplay.units import SECOND

_CLIENT, _SERVER = 0, 1
_SPARE_S = 1  # beyond the longest pause that was recorded


@dataclass(frozen=True, slots=True)
class Wait:
    """For a message of this type, so many times; for the end of a run where `run_end` is set, for any message where `type` is
    None. `seconds`: how long at most each time, None for as long as the client waits."""

    type: str | None
    times: int
    seconds: int | None = None
    run_end: bool = False


def waits_of(side: ClientSide, runs: RunTypes = NO_RUNS) -> list[list[Wait]]:
    """What is waited for before each of the client's messages, and at last before it goes."""
    stretches = [*(turn.heard for turn in side.turns), side.heard]
    ends = _count_ends(side, stretches, runs)
    return [list(_stretch_waits(heard, *counted)) for heard, counted in zip(stretches, ends, strict=True)]


def seconds_within(moments: Sequence[int]) -> int:
    """How long to wait for what came at these moments, in ns, after each other."""
    return _SPARE_S + -(-max((later - earlier for earlier, later in pairwise(moments)), default=0) // SECOND)


def _count_ends(side: ClientSide, stretches: Sequence[Sequence[Heard]], runs: RunTypes) -> list[tuple[int, int]]:
    """Of each stretch between two messages of the client: how many runs end in it, and how many of its events come before
    the last of these ends, with it.

    An end is that of the run that began last. A run that never ends is taken to end before the client's message that begins
    the next one.
    """
    counts, lengths = [0] * len(stretches), [0] * len(stretches)
    begun: list[int] = []
    still_open: list[int] = []
    copies: set[int] = set()
    types_said = [None, *(turn.type for turn in side.turns)]
    for number, (type_, heard) in enumerate(zip(types_said, stretches, strict=True)):
        if type_ is not None and runs.begins(_CLIENT, type_):
            begun.append(number)
            still_open.append(number)
        for length, event in enumerate(heard, 1):
            if event.type is None or event.digest in copies:
                continue
            if runs.begins(_SERVER, event.type):
                copies.add(event.digest)
                begun.append(number)
                still_open.append(number)
            elif still_open and runs.ends(_SERVER, event.type):
                copies.add(event.digest)
                still_open.pop()
                counts[number] += 1
                lengths[number] = length
    for number in still_open:
        last = next((later for later in begun if later > number), len(stretches)) - 1
        counts[last] += 1
        lengths[last] = len(stretches[last])
    return list(zip(counts, lengths, strict=True))


def _stretch_waits(heard: Sequence[Heard], ends: int, length: int) -> Iterator[Wait]:
    rest = heard[length:]
    if ends:
        yield Wait(None, ends, run_end=True)
    if rest:
        last = rest[-1].type
        times = len(rest) if last is None else sum(event.type == last for event in rest)
        seconds = seconds_within([event.t_ns for event in heard[max(0, length - 1) :]]) if ends else None
        yield Wait(last, times, seconds)
