"""Where all findings of a recording stand, a few numbers each, however many there are; and their words, read page by page.

The interface is told of the first ten thousand findings in full. The others are in the index, by which rows are marked, filters
decide and one goes to the next; what they say is unpacked when somebody looks at them.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

PAGE = 500  # findings that are unpacked together
SKETCHED = 4_096  # stretches of time
MOST_PAGES = 1_000  # of which is kept what they say
_RANK = {"error": 2, "warning": 1, "info": 0}


class FindingKind(NamedTuple):
    """What is known of a finding without its words."""

    rule: str
    severity: str
    kind: str
    is_ghost: bool
    follows: bool  # from another one

    @property
    def gravity(self) -> tuple[bool, int]:
        return not self.follows, _RANK[self.severity]


class Located(NamedTuple):
    """A finding, and the frame that it stands at or, where no frame does, before."""

    place: int
    finding: Finding


class PlacedFinding(NamedTuple):
    """A located finding, when a replay shows it, and when it stands, ns."""

    located: Located
    since_ns: int
    at_ns: int


class FindingIndex:
    """Findings in the order of their places; each has a number. Can be pickled."""

    def __init__(self, places: Sequence[PlacedFinding]) -> None:
        located = [place.located for place in places]
        self.places = array("Q", (place for place, _ in located))
        self._since = array("q", (place.since_ns for place in places))
        # Those that stand for themselves, in the order in which a replay shows them.
        decided = (number for number, (_, finding) in enumerate(located) if not finding.caused_by)
        self._decided = array("I", sorted(decided, key=self._since.__getitem__))
        self._sessions = array("I", (finding.session or 0 for _, finding in located))
        # Which of the kinds each is.
        self._kinds: list[FindingKind] = []
        self._codes = array("I", self._code(located))
        self.judged = FrameJudgements(located)
        # Of what stands close together in a session the gravest: (time, number).
        self._sketch = self._sketched([place.at_ns for place in places])

    def __len__(self) -> int:
        return len(self.places)

    def _code(self, located: Sequence[Located]) -> Iterator[int]:
        codes: dict[FindingKind, int] = {}
        for _, finding in located:
            kind = FindingKind(finding.rule, finding.severity, finding.kind, finding.is_ghost, bool(finding.caused_by))
            code = codes.setdefault(kind, len(codes))
            if code == len(self._kinds):
                self._kinds.append(kind)
            yield code

    def _sketched(self, times: Sequence[int]) -> Sequence[tuple[int, int]]:
        gravest: dict[tuple[int, int], int] = {}
        first, last = min(times, default=0), max(times, default=0)
        for number, at_ns in enumerate(times):
            if not self.kind(number).follows:
                cell = self._sessions[number], (at_ns - first) * SKETCHED // max(1, last - first)
                known = gravest.get(cell)
                if known is None or self.kind(number).gravity > self.kind(known).gravity:
                    gravest[cell] = number
        return [(times[number], number) for number in sorted(gravest.values())]

    def sketch(self, session: int | None) -> list[tuple[int, FindingKind]]:
        """When findings of a session (None: all) stand, and the gravest kind where many stand close together."""
        return [(t_ns, self.kind(number)) for t_ns, number in self._sketch if session in (None, self._sessions[number])]

    def next_decided(self, t_ns: int, session: int | None) -> tuple[int, int] | None:
        """The next finding that a replay shows after a time: when (ns), and its number."""
        first = bisect_right(self._decided, t_ns, key=self._since.__getitem__)
        numbers = (self._decided[at] for at in range(first, len(self._decided)))
        number = next((number for number in numbers if session in (None, self._sessions[number])), None)
        return None if number is None else (self._since[number], number)

    def kind(self, number: int) -> FindingKind:
        return self._kinds[self._codes[number]]

    def at_frame(self, frame_id: int) -> FindingKind | None:
        """The gravest finding that stands at a frame."""
        first, end = bisect_left(self.places, frame_id), bisect_right(self.places, frame_id)
        kinds = (kind for number in range(first, end) if not (kind := self.kind(number)).is_ghost)
        return max(kinds, key=lambda kind: kind.gravity, default=None)

    def pages_of(self, first_id: int, last_id: int) -> range:
        """The pages that hold what stands from one frame to another."""
        first, end = bisect_left(self.places, first_id), bisect_right(self.places, last_id)
        return range(first // PAGE, -(-end // PAGE)) if end > first else range(0)

    def onward(self, frame_id: int, steps: int, session: int | None) -> Iterator[int]:
        """The findings of a session (None: all) from a frame on, or back from it, each by its number."""
        if steps > 0:
            numbers = range(bisect_left(self.places, frame_id), len(self))
        else:
            numbers = range(bisect_right(self.places, frame_id) - 1, -1, -1)
        return (number for number in numbers if session in (None, self._sessions[number]))


class FrameJudgements(Mapping[int, tuple[tuple[int, str], ...]]):
    """The (severity, rule) of the findings that point at each frame, for filters; severities as `trace.filter` numbers them."""

    def __init__(self, located: Sequence[Located]) -> None:
        # each pair there is, once; a code is a place in it
        self._judgements: list[tuple[int, str]] = []
        codes: dict[tuple[int, str], int] = {}
        pairs: set[tuple[int, int]] = set()
        for _, finding in located:
            judgement = _RANK[finding.severity], finding.rule
            code = codes.setdefault(judgement, len(codes))
            if code == len(self._judgements):
                self._judgements.append(judgement)
            pairs.update((frame_id, code) for frame_id in finding.frames)
            if finding.activation is not None:
                pairs.add((finding.activation, code))
        by_frame = sorted(pairs)
        self._frames = array("Q", (frame_id for frame_id, _ in by_frame))
        self._codes = array("I", (code for _, code in by_frame))

    def __getitem__(self, frame_id: int) -> tuple[tuple[int, str], ...]:
        first, end = bisect_left(self._frames, frame_id), bisect_right(self._frames, frame_id)
        if first == end:
            raise KeyError(frame_id)
        return tuple(sorted(self._judgements[code] for code in self._codes[first:end]))

    def __iter__(self) -> Iterator[int]:
        before = None
        for frame_id in self._frames:
            if frame_id != before:
                yield frame_id
            before = frame_id

    def __len__(self) -> int:
        return sum(1 for _ in self)


def pack(located: Sequence[Located]) -> tuple[bytes, ...]:
    """The first pages of findings, each to be unpacked alone: a thousand findings that nobody looks at take some kilobytes."""
    firsts = range(0, min(len(located), MOST_PAGES * PAGE), PAGE)
    return tuple(zlib.compress(pickle.dumps(located[first : first + PAGE], pickle.HIGHEST_PROTOCOL), 1) for first in firsts)


def unpack(page: bytes) -> Sequence[Located]:
    """Of what `pack` gave."""
    located: Sequence[Located] = pickle.loads(zlib.decompress(page))
    return located
