"""What the validator has said of the spans of the open recording."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wsreplay.tui.recording.lanes import DrawnSpan
    from wsreplay.tui.recording.owed import SpanEnd
    from wsreplay.tui.recording.pairs import Pairs
    from wsreplay.validator.findings import SpanRecord
else:
    DrawnSpan = SpanEnd = Pairs = SpanRecord = object  # the first screen does without

MOST_KNOWN = 5_000  # more are not sent with a verdict, but read by page when somebody looks at them


class SpanNews(NamedTuple):
    """Spans that began or changed, by one contract; `is_all` where these are all, whatever was said before. `left_out` says how
    many there are beside, `pairs` which frames began and ended all of them (None: those of the records); `ends`
    what ends each kind of span."""

    contract: str
    records: tuple[SpanRecord, ...]
    is_all: bool
    left_out: int = 0
    pairs: Pairs | None = None
    ends: Mapping[str, SpanEnd] | None = None


class KnownSpans:
    """The span log as far as it was sent."""

    def __init__(self) -> None:
        # Which one they are by.
        self.contract = ""
        # What ends each kind of span.
        self.ends: Mapping[str, SpanEnd] = {}
        # How often something was said; 0: nothing yet.
        self.revision = 0
        # By id.
        self._records: dict[str, SpanRecord] = {}
        # How many spans were not sent.
        self._left_out = 0
        # Which frames began and ended them; None where that is to be found of the records.
        self._pairs: Pairs | None = None

    def take(self, news: SpanNews) -> None:
        if news.is_all or news.contract != self.contract:
            self._records = {}
        self.contract = news.contract
        self.ends = news.ends or {}
        self._records.update((record.id, record) for record in news.records)
        self._left_out = news.left_out
        self._pairs = news.pairs
        self.revision += 1

    @property
    def pairs(self) -> Pairs:
        """Which frames began and ended what."""
        if self._pairs is None:
            from wsreplay.tui.recording.pairs import Pair, Pairs

            self._pairs = Pairs(
                Pair(record.end_frame or 0, record.start_frame, (record.end_ns or record.start_ns) - record.start_ns)
                for record in filter(_is_pair, self._records.values())
            )
        return self._pairs

    def lasted(self, frame_id: int) -> int | None:
        """How long that took which a frame ended, ns; None where it ended nothing."""
        pair = self.pairs.ended_by(frame_id) if self.revision else None
        return None if pair is None else pair.lasted_ns

    def open_in(self, session: int | None) -> Sequence[DrawnSpan]:
        """Those that have not ended, as far as they were sent."""
        from wsreplay.tui.recording.lanes import draw_spans

        records = (record for record in self._records.values() if record.end_ns is None and session in (None, record.session))
        return draw_spans(sorted(records, key=lambda record: record.start_ns))

    def are_all_by(self, contract: str) -> bool:
        """Whether all spans by a contract are known."""
        return bool(self.revision) and not self._left_out and self.contract == contract

    def of_session(self, session: int | None) -> Sequence[SpanRecord]:
        """Those of a session, or of all, in the order of their starts."""
        records = [record for record in self._records.values() if session in (None, record.session)]
        return sorted(records, key=lambda record: (record.start_ns, record.start_frame, record.start_index))


def _is_pair(record: SpanRecord) -> bool:
    """Whether one event began a span, and one ended it."""
    return record.state in ("completed", "failed", "cancelled") and bool(record.start_frame and record.end_frame)
