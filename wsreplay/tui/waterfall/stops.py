"""What is gone to in the waterfall one after the other: spans with findings, and findings that belong to no span."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from wsreplay.tui.recording.evidence import moment, place
from wsreplay.tui.recording.lanes import DrawnSpan

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

Stop: TypeAlias = "DrawnSpan | Finding"


def time_and_frame(stop: Stop) -> tuple[int, int]:
    """Where a stop stands: a span at its start. The order of stops."""
    return (stop.start_ns, stop.start_frame) if isinstance(stop, DrawnSpan) else (moment(stop), frame_of(stop))


def frame_of(finding: Finding) -> int:
    """The frame to look at for a finding, or for one of something that never came the one before its place; 0: none."""
    return place(finding) or finding.after or finding.before or 0


def next_stop(stops: Sequence[Stop], here: Stop | None, steps: int) -> Stop | None:
    """Of stops in order the one that comes after one, which need not be among them, or before it; None: no further one."""
    first = bisect_left(stops, time_and_frame(here), key=time_and_frame) if here is not None else 0
    same = next((at for at in range(first, len(stops)) if stops[at] is here), None)  # a frame may begin several spans
    at = (same if same is not None else first - (steps > 0)) + steps
    return stops[at] if 0 <= at < len(stops) else None


def stop_at(frame_id: int, spans: Iterable[DrawnSpan], findings: Iterable[Finding]) -> Stop | None:
    """The span that a frame began or ended, else the finding that stands there."""
    begun = (span for span in spans if frame_id in (span.start_frame, span.end_frame))
    return next(begun, None) or next((finding for finding in findings if frame_of(finding) == frame_id), None)


def frame_beyond(frames: Iterable[int], here: Stop | None, stop: Stop | None, steps: int) -> int:
    """Of some frames, that of which one comes first after a stop, or before it, if it comes before the next stop; 0: none."""
    if here is None:
        return 0
    (_, from_frame), (_, until_frame) = time_and_frame(here), time_and_frame(stop) if stop is not None else (0, None)
    onward = [frame_id for frame_id in frames if (frame_id - from_frame) * steps > 0]
    nearest = min(onward, key=lambda frame_id: abs(frame_id - from_frame), default=0)
    return nearest if until_frame is None or (until_frame - nearest) * steps > 0 else 0
