"""Validating a recording, as a task for a child process: no contract can slow the interface down.

Without a contract, recordings are validated with the one that fits. What a task publishes is a `ValidatorEvent`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wsreplay.model import Frame
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.evidence import Evidence, Source, moment, place
from wsreplay.tui.recording.finding_index import FindingIndex, pack
from wsreplay.tui.recording.gathering import MOST_FINDINGS, gather, known_places, locate
from wsreplay.tui.recording.known_spans import MOST_KNOWN, SpanNews
from wsreplay.tui.recording.owed import SpanEnd
from wsreplay.tui.recording.pairs import Pairs

if TYPE_CHECKING:
    # The interface, which hands these tasks over, does without the validator.
    from wsreplay.contract import Contract
    from wsreplay.validator.findings import Finding, Judgement, SpanRecord

_NICE = 5  # more than other jobs: a filter goes first
_FRAMES_PER_LOOK = 4096
_REPORT_S = 0.1
_LIVE_REPORT_S = 0.4


class Progress(NamedTuple):
    """The validator has come this far; share of 1."""

    done: float


class ValidationResult(NamedTuple):
    """There is new evidence. `final` is False while a live recording is followed."""

    evidence: Evidence
    final: bool = True


ValidatorEvent = Progress | SpanNews | ValidationResult


class CountedRecording(Recording):
    """A recording that reports how far it has been read, as a share of 1."""

    # None: nobody wants to know
    _report: Callable[[float], object] | None = None
    # Which reading this is, from 0, and how many there will be.
    _reading, _readings = 0, 1

    def report_to(self, report: Callable[[float], object], reading: int, readings: int) -> None:
        """Report from now on: this is one of several readings, from 0."""
        self._report, self._reading, self._readings = report, reading, readings

    def frames(self, **which: Any) -> Iterator[Frame]:
        last, due = max(1, self.last_id()), 0.0
        for count, frame in enumerate(super().frames(**which)):
            if self._report is not None and count % _FRAMES_PER_LOOK == 0 and time.monotonic() >= due:
                due = time.monotonic() + _REPORT_S
                self._report(min(1.0, (self._reading + frame.id / last) / self._readings))
            yield frame


def evidence_of(reader: Recording, findings: list[Finding], judgements: list[Judgement], sources: list[Source]) -> Evidence:
    """Evidence small enough to be sent and shown: the first findings, where all of them stand, and counts of all."""
    from wsreplay.validator.preview import broken_rules, tally

    findings = sorted((_at_its_frame(reader, finding) for finding in findings), key=moment)
    all_places: FindingIndex | None = None
    packed: tuple[bytes, ...] = ()
    kept = findings
    if len(findings) > MOST_FINDINGS:
        places = known_places(locate(finding, _before(reader, finding)) for finding in findings)
        located = [place.located for place in places]
        all_places, packed = FindingIndex(places), pack(located)
        kept = sorted((finding for _, finding in located[:MOST_FINDINGS]), key=moment)
    before_ids = [_before(reader, finding) for finding in kept]
    bare = [replace(judgement, findings=(), spans=()) for judgement in judgements]
    return gather(
        kept, before_ids, tallies=tally(findings), judgements=bare, sources=sources, left_out=len(findings) - len(kept),
        belongs=_belongings(reader, kept), all_places=all_places, packed=packed, broken=broken_rules(findings),
    )  # fmt: skip


def _at_its_frame(reader: Recording, finding: Finding) -> Finding:
    """What came out of order stands where it came: a validator says when it was missed."""
    at = place(finding)
    if finding.kind != "order" or finding.at_ns is None or at in (None, finding.activation):
        return finding
    return replace(finding, at_ns=paging.time_of(reader, at))


def _before(reader: Recording, finding: Finding) -> int:
    """The frame before which a finding stands."""
    if finding.session is None:
        return paging.first_at(reader, moment(finding))
    return finding.before or (finding.after or 0) + 1


def _belongings(reader: Recording, findings: list[Finding]) -> dict[int, int]:
    """For each frame out of order, the frame it should have come after: the next one of the expected types in its slice."""
    places: dict[int, int] = {}
    for finding in findings:
        at = place(finding)
        if finding.kind == "order" and at is not None and finding.connection is not None and finding.expected:
            values = [value.encode() for _, value in finding.slice]
            later = paging.next_of_types(reader, at, finding.connection, finding.expected)
            match = next((frame.id for frame in later if all(value in frame.payload for value in values)), None)
            if match is not None:
                places[at] = match
    return places


def validate_once(path: Path, names: Sequence[str], read_as: ReadAs, context: JobContext) -> None:
    """Publishes how far it is, and the evidence at the end. `read_as` is how the user says that it is read."""
    _give_way()
    _validate(path, names, read_as, context)


def _validate(path: Path, names: Sequence[str], read_as: ReadAs, context: JobContext) -> None:
    from wsreplay import validator
    from wsreplay.tui.validation.pair_log import PairLog
    from wsreplay.validator.select import select_contracts

    def report(share: float) -> None:
        context.publish(Progress(share))

    with CountedRecording.open(path) as reader:
        contracts = [contract.read_as(read_as) for contract in select_contracts(reader, names, read_as.decoder)]
        judgements: list[Judgement] = []
        log = PairLog()
        for number, contract in enumerate(contracts):
            reader.report_to(report, number, len(contracts))
            judgements.append(validator.judge(reader, contract, span_log=None if number else log))
        context.publish(_all_spans(names[0] if names else contracts[0].name, judgements[0], log.pairs, _ends_of(contracts[0])))
        findings = [finding for judgement in judgements for finding in judgement.findings]
        context.publish(ValidationResult(evidence_of(reader, findings, judgements, list(map(_source, contracts)))))


def _all_spans(contract: str, judgement: Judgement, pairs: Pairs, ends: Mapping[str, SpanEnd]) -> SpanNews:
    """The spans of a recording, if they are not too many; `contract` is what it was asked for by."""
    records = () if judgement.spans_left_out else judgement.spans
    return SpanNews(contract, records, is_all=True, left_out=judgement.spans_left_out, pairs=pairs, ends=ends)


def _ends_of(contract: Contract) -> Mapping[str, SpanEnd]:
    """What ends each kind of span, and when that is due."""
    from wsreplay.validator.reporting import names

    return {name: SpanEnd(names(span.end_patterns), span.within_ns) for name, span in contract.spans.items()}


class _Spans:
    """The spans of a live recording that began or changed since they were sent last."""

    def __init__(self, contract: str, ends: Mapping[str, SpanEnd]) -> None:
        self._lock = threading.Lock()
        self._contract, self._ends = contract, ends
        # by id
        self._changed: dict[str, SpanRecord] = {}
        # all that were seen: beyond some thousands none are sent any more
        self._seen: set[str] = set()

    def add(self, _contract: Contract, records: Sequence[SpanRecord]) -> None:
        with self._lock:
            if len(self._seen) <= MOST_KNOWN:
                self._seen.update(record.id for record in records)
                self._changed.update((record.id, record) for record in records)

    def take_news(self) -> SpanNews | None:
        """None where there is nothing new since the last time."""
        with self._lock:
            changed, self._changed = self._changed, {}
            if not changed:
                return None
            if len(self._seen) > MOST_KNOWN:
                return SpanNews(self._contract, (), is_all=True, left_out=len(self._seen), ends=self._ends)
            return SpanNews(self._contract, tuple(changed.values()), is_all=False, ends=self._ends)


class _Findings:
    """The findings of a live recording so far; validators in several threads add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # as they were reported last, by contract and id
        self._findings: dict[tuple[str, str], Finding] = {}
        # whether there are others since they were taken last; at first so, to say that there are none
        self._is_new = True

    def add(self, contract: str, finding: Finding) -> None:
        with self._lock:
            self._findings[contract, finding.id] = finding
            self._is_new = True

    def amend(self, contract: str, before: Finding, after: Finding) -> None:
        self.add(contract, after)

    def take_news(self) -> list[Finding] | None:
        """All of them; None where there is nothing new since the last time."""
        with self._lock:
            is_new, self._is_new = self._is_new, False
            return list(self._findings.values()) if is_new else None


def follow(path: Path, names: Sequence[str], read_as: ReadAs, context: JobContext) -> None:
    """Publishes evidence while a recording is being written, and that of all of it at the end."""
    from wsreplay import validator
    from wsreplay.validator.select import await_contracts

    _give_way()
    contracts = [contract.read_as(read_as) for contract in await_contracts(path, names, read_as.decoder)]
    sources = list(map(_source, contracts))
    spans = _Spans(names[0] if names else contracts[0].name, _ends_of(contracts[0]))
    findings, over = _Findings(), threading.Event()

    def report() -> None:
        with Recording.open(path) as reader:
            while not over.wait(_LIVE_REPORT_S):
                if (span_news := spans.take_news()) is not None:
                    context.publish(span_news)
                if (news := findings.take_news()) is not None:
                    context.publish(ValidationResult(evidence_of(reader, news, [], sources), final=False))

    reporter = threading.Thread(target=report, name="wsreplay live report", daemon=True)
    reporter.start()
    def judge_while_it_grows(contract: Contract) -> None:
        validator.follow(
            path, contract, on_finding=partial(findings.add, contract.name), on_amended=partial(findings.amend, contract.name),
            on_spans=spans.add if contract is contracts[0] else None, stop=over,
        )  # fmt: skip

    followers = [threading.Thread(target=judge_while_it_grows, args=(contract,), daemon=True) for contract in contracts]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    over.set()
    reporter.join()
    _validate(path, names, read_as, context)


def _give_way() -> None:
    with suppress(OSError):
        os.nice(_NICE)


def _source(contract: Contract) -> Source:
    return Source(contract.name, contract.file, contract.texts, contract.digest)
