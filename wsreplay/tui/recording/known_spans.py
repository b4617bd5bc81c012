"""What the validator has said of the spans of the open recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wsreplay.validator.findings import SpanRecord

MOST_KNOWN = 5_000  # more are not sent with a verdict, but read by page when somebody looks at them


class SpanNews(NamedTuple):
    """Spans that began or changed, by one contract; `is_all` where these are all, whatever was said before. `left_out` says how
    many there are beside."""

    contract: str
    records: tuple[SpanRecord, ...]
    is_all: bool
    left_out: int = 0


class KnownSpans:
    """The span log as far as it was sent."""

    def __init__(self) -> None:
        self.contract = ""
        # How often something was said; 0: nothing yet.
        self.revision = 0
        self._records: dict[str, SpanRecord] = {}
        # How many spans were not sent.
        self._left_out = 0

    def take(self, news: SpanNews) -> None:
        if news.is_all or news.contract != self.contract:
            self._records = {}
        self.contract = news.contract
        self._records.update((record.id, record) for record in news.records)
        self._left_out = news.left_out
        self.revision += 1

    def are_all_by(self, contract: str) -> bool:
        """Whether all spans by a contract are known."""
        return bool(self.revision) and not self._left_out and self.contract == contract

    def of_session(self, session: int | None) -> Sequence[SpanRecord]:
        """Those of a session, or of all, in the order of their starts."""
        records = [record for record in self._records.values() if session in (None, record.session)]
        return sorted(records, key=lambda record: (record.start_ns, record.start_frame, record.start_index))
