"""The validator beside the interface: `python -m wsreplay.tui.validation.process FILE once|follow [CONTRACT]…`.

A process of its own, so that no contract can slow the interface down and one that computes can be ended at any moment. It
writes pickled (kind, value) pairs to stdout, for its parent only. Without a contract it judges by the one that fits.

    progress  share of 1          done     Evidence, and the process ends
    so_far    Evidence            failed   why there is no verdict
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsreplay.contract import Contract
from wsreplay.errors import WsreplayError
from wsreplay.model import Frame
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.evidence import MOST_FINDINGS, Evidence, Source, gather, is_ghost, moment, place, tally
from wsreplay.validator.findings import Finding, Judgement

_FRAMES_PER_LOOK = 4096
_REPORT_S = 0.1
_LIVE_REPORT_S = 0.4


def say(kind: str, value: object) -> None:
    pickle.dump((kind, value), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.flush()


class Counted(Recording):
    """A recording that says how far it has been read."""

    parts = 1.0
    part = 0

    def frames(self, **which: Any) -> Iterator[Frame]:
        last, due = max(1, self.last_id()), 0.0
        for count, frame in enumerate(super().frames(**which)):
            if count % _FRAMES_PER_LOOK == 0 and time.monotonic() >= due:
                due = time.monotonic() + _REPORT_S
                say("progress", min(1.0, (self.part + frame.id / last) / self.parts))
            yield frame


def evidence_of(reader: Recording, findings: list[Finding], judgements: list[Judgement], sources: list[Source]) -> Evidence:
    """Evidence small enough to be sent and shown: the first findings in the order of time, and counts of all."""
    findings.sort(key=moment)
    kept = findings[:MOST_FINDINGS]
    before_ids = [_before(reader, finding) for finding in kept]
    bare = [replace(judgement, findings=(), runs=()) for judgement in judgements]
    return gather(
        kept, before_ids, tallies=tally(findings), judgements=bare, sources=sources, left_out=len(findings) - len(kept),
        belongs=_belongings(reader, kept),
    )  # fmt: skip


def _before(reader: Recording, finding: Finding) -> int:
    """The frame before which a finding stands. Messages that are read at once have one time: what is missing stands behind the
    one that calls for it."""
    first = paging.first_at(reader, moment(finding))
    return max(first, (finding.activation or 0) + 1) if is_ghost(finding) else first


def _belongings(reader: Recording, findings: list[Finding]) -> dict[int, int]:
    """For each frame out of order, the frame it should have come after: the next one of the expected types in its slice."""
    found: dict[int, int] = {}
    for finding in findings:
        at = place(finding)
        if finding.kind == "order" and at is not None and finding.connection is not None and finding.expected:
            values = [value.encode() for _, value in finding.slice]
            later = paging.next_of_types(reader, at, finding.connection, finding.expected)
            match = next((frame.id for frame in later if all(value in frame.payload for value in values)), None)
            if match is not None:
                found[at] = match
    return found


def judge_once(path: Path, names: list[str]) -> None:
    from wsreplay import validator
    from wsreplay.validator.select import select_contracts

    with Counted.open(path) as reader:
        contracts = select_contracts(reader, names)
        reader.parts = len(contracts)
        findings: list[Finding] = []
        judgements: list[Judgement] = []
        for number, one in enumerate(contracts):
            reader.part = number
            judgements.append(validator.judge(reader, one))
            findings.extend(judgements[-1].findings)
        say("done", evidence_of(reader, findings, judgements, [_source(one) for one in contracts]))


def follow(path: Path, names: list[str]) -> None:
    from wsreplay import validator
    from wsreplay.validator.select import await_contracts

    contracts = await_contracts(path, names)
    sources = [_source(one) for one in contracts]
    lock = threading.Lock()
    findings: dict[int, Finding] = {}  # by the identity of what was told last of each, which the validator keeps
    over = threading.Event()
    news = threading.Event()
    news.set()

    def on_finding(finding: Finding) -> None:
        with lock:
            findings[id(finding)] = finding
            news.set()

    def on_amended(before: Finding, after: Finding) -> None:
        with lock:
            findings.pop(id(before), None)
            findings[id(after)] = after
            news.set()

    def report() -> None:
        with Recording.open(path) as reader:
            while not over.wait(_LIVE_REPORT_S):
                with lock:
                    known, is_new = list(findings.values()), news.is_set()
                    news.clear()
                if is_new:
                    say("so_far", evidence_of(reader, known, [], sources))

    reporter = threading.Thread(target=report, name="wsreplay live report", daemon=True)
    reporter.start()
    told = {"on_finding": on_finding, "on_amended": on_amended, "stop": over}
    followers = [threading.Thread(target=validator.follow, args=(path, one), kwargs=told, daemon=True) for one in contracts]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    over.set()
    reporter.join()
    judge_once(path, names)


def _source(contract: Contract) -> Source:
    return Source(contract.name, contract.file, contract.source, contract.digest)


def main(arguments: list[str]) -> None:
    path, mode, *names = arguments
    with suppress(OSError):
        os.nice(10)
    try:
        (follow if mode == "follow" else judge_once)(Path(path), names)
    except WsreplayError as error:
        say("failed", str(error))
    except BrokenPipeError:
        os._exit(0)  # the interface is gone, and nobody reads what is left in the buffer


if __name__ == "__main__":
    main(sys.argv[1:])
