"""Where findings stand in the waterfall: on the bar of the span that they belong to, else in a lane of their own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsreplay import units
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.waterfall.wrong import WrongPlace

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

OTHERS = "other findings"
"""What the lane of findings that belong to no span is called."""


class PlacedFindings(NamedTuple):
    """`on_spans` gives, by the frame that began a span, what is wrong with it; `others` belong to no span, in the order of
    their moments."""

    on_spans: Mapping[int, Sequence[WrongPlace]]
    others: Sequence[Finding]


NONE_PLACED = PlacedFindings({}, ())


def place_findings(findings: Iterable[Finding], spans: Iterable[DrawnSpan], page: range | None = None) -> PlacedFindings:
    """Lay findings onto spans: what never came, came late or out of order belongs to the span that its activation began.

    `page` are the frames that the spans were read for, where these are not all spans: a finding of other frames may belong to
    a span that is not known here, and is none of the others.
    """
    starts = {span.start_frame for span in spans}
    on_spans: defaultdict[int, list[WrongPlace]] = defaultdict(list)
    others: list[Finding] = []
    for finding in findings:
        frames = begun_by(finding)
        for frame_id in frames:
            on_spans[frame_id].append(wrong_place(finding))
        is_elsewhere = page is not None and bool(frames) and not any(frame_id in page for frame_id in frames)
        if starts.isdisjoint(frames) and not is_elsewhere:
            others.append(finding)
    return PlacedFindings(on_spans, sorted(others, key=moment))


def begun_by(finding: Finding) -> set[int]:
    """The frames of which one may have begun the span that a finding belongs to; none where it says nothing of a span."""
    if finding.kind not in ("late", "order") and not finding.is_ghost:
        return set()
    return {frame_id for frame_id in (finding.activation, *finding.frames[:1]) if frame_id is not None}


def wrong_place(finding: Finding) -> WrongPlace:
    """How a finding is drawn; its kind is told where it has a sign of its own."""
    has_sign = finding.kind in ("late", "order") or finding.is_ghost
    return WrongPlace(moment(finding), finding.kind if has_sign else "", str(finding.severity))


def tally_text(look: Appearance, findings: Sequence[Finding]) -> str:
    """`2 other findings ✗1 ▲1`; empty where there are none."""
    if not findings:
        return ""
    counts = Counter(str(finding.severity) for finding in findings)
    signs = (f"{look.signs.severity(name)}{counts[name]:,}" for name in ("error", "warning", "info") if counts[name])
    return f"{units.count_text(len(findings), 'other finding')} {' '.join(signs)}"
