"""What of a recording is to be exported: spans as they end, each with the findings about it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from wsreplay.contract import Contract
from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.telemetry.traces import SpanTranslator, TraceSpan
from wsreplay.trace.identity import UserSource
from wsreplay.validator.findings import Finding, SpanRecord

BATCH = 2_000  # spans
_MOST_REMEMBERED = 20_000
Slice = tuple[int, frozenset[tuple[str, str]]]


class SpanCollector:
    """Watches a recording, and hands its spans to `send`, in batches. `session`: only those of this one.

    A finding is an event of the innermost span that it is about; one that is decided after that was sent is a span of no
    length beside it. Raises the errors of the RecordingError family.
    """

    def __init__(
        self, path: Path, contract: Contract | None, send: Callable[[list[TraceSpan]], None], *, session: int | None = None,
        decoder: str | None = None, users: Sequence[UserSource] = (),
    ) -> None:  # fmt: skip
        self._watch = RecordingWatch(
            path, contract, decoder=decoder, users=users, on_end=self._end, on_finding=self._find,
            on_amended=self._amend,
        )  # fmt: skip
        self._send, self._session = send, session
        self._translator = SpanTranslator(self._watch.recording, self._watch.user_of)
        # what is not sent yet: spans, each with the outermost that it is a part of, and findings by id
        self._ended: list[tuple[SpanRecord, SpanRecord]] = []
        self._findings: dict[str, Finding] = {}
        # spans that were sent: their ids, and the last ones by what they were about
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._about: OrderedDict[Slice, TraceSpan] = OrderedDict()
        self.spans = self.findings = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def totals(self) -> RecordingTotals:
        """The totals of the recording as they stand."""
        return self._watch.totals

    def close(self) -> None:
        """Close the file."""
        self._watch.close()

    def look(self) -> bool:
        """Take and send what is new. False where nobody writes the recording any more: everything is sent then."""
        live = self._watch.look()
        self._flush(at_end=not live)
        return live

    def _end(self, record: SpanRecord, root: SpanRecord) -> None:
        if record.id not in self._sent and self._session in (None, record.session):
            _remember(self._sent, record.id, None)
            self._ended.append((record, root))

    def _find(self, finding: Finding) -> None:
        if finding.caused_by is None and self._session in (None, finding.session):
            self._findings[finding.id] = finding

    def _amend(self, before: Finding, after: Finding) -> None:
        """More is known of a finding; of one that was sent, the recording alone tells it."""
        if self._findings.pop(before.id, None) is not None:
            self._find(after)

    def _flush(self, *, at_end: bool) -> None:
        contract = self._watch.contract
        if contract is None:
            return
        self._translator.refresh(self._watch.connections, self._watch.runs)
        reached_ns = self._watch.recording.reached_ns()
        about: dict[Slice, int] = {}
        spans: list[TraceSpan] = []
        for record, root in self._ended:
            about[record.session, frozenset(record.slice)] = len(spans)
            spans.append(self._translator.span(record, root, contract, reached_ns))
        self._ended = []
        late = self._attach(about, spans, at_end)
        for key, place in about.items():
            _remember(self._about, key, spans[place])
        spans += late
        self.spans += len(spans) - len(late)
        for start in range(0, len(spans), BATCH):
            self._send(spans[start : start + BATCH])

    def _attach(self, about: dict[Slice, int], spans: list[TraceSpan], at_end: bool) -> list[TraceSpan]:
        """Put findings on the spans that they are about; those about spans that were sent become spans themselves."""
        waiting: dict[str, Finding] = {}
        late = []
        for finding in self._findings.values():
            place = _innermost(finding, about)
            sent = self._about.get(key) if (key := _innermost_key(finding, self._about)) is not None else None
            if place is not None:
                event = self._translator.finding_event(finding)
                spans[place] = spans[place]._replace(events=(*spans[place].events, event))
            elif sent is not None or at_end:
                late.append(self._translator.finding_span(finding, sent))
            else:
                waiting[finding.id] = finding
                continue
            self.findings += 1
        self._findings = waiting
        return late


def _innermost(finding: Finding, about: dict[Slice, int]) -> int | None:
    key = _innermost_key(finding, about)
    return None if key is None else about[key]


def _innermost_key(finding: Finding, about: Any) -> Slice | None:
    """The key of the span with the most keys, of those that a finding names all keys of."""
    if finding.session is None:
        return None
    keys = list(finding.slice)
    for length in range(len(keys), 0, -1):
        key = finding.session, frozenset(keys[:length])
        if key in about:
            return key
    return None


def _remember(memory: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    memory[key] = value
    if len(memory) > _MOST_REMEMBERED:
        memory.popitem(last=False)
