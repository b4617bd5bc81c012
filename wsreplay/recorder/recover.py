"""Taking in what an earlier run could not write, before a recording is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import msgspec
import orjson

from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, Record
from wsreplay.recorder.recorder import Recorder
from wsreplay.recorder.resume import drop_sealed_tails
from wsreplay.recorder.unwritten import Unwritten
from wsreplay.store import resume
from wsreplay.store.writer import Writer
from wsreplay.wire.frames import MAX_PAYLOAD

BATCH_ROWS = 10_000


def recover(recording: str | Path) -> int:
    """Write what stands beside a recording into it, put gaps where something is lost, remove the file. The caller has the lock.

    Returns how many records were taken in. Raises what `Writer` raises, and WriteStalled: then the file stays.
    """
    left = unwritten.read(recording)
    if left is None:
        return 0
    about, records = left
    applied = 0
    writer = Writer(recording)
    try:
        options = {run.id: orjson.loads(run.options) for run in resume.unended_runs(writer)}.get(about.run_id)
        if options is not None and options.get("redact"):
            drop_sealed_tails(writer, about.run_id)
    finally:
        writer.abandon()
    if options is not None:
        applied = _apply(recording, options.get("max_payload", MAX_PAYLOAD), about, records)
    unwritten.remove(recording)
    return applied


def _apply(recording: str | Path, max_payload: int, about: Unwritten, records: Iterator[Record]) -> int:
    hello = Hello(str(recording), "", "", "", "", token_hex(32), run_id=about.run_id, max_payload=max_payload)
    recorder = Recorder(hello)
    try:
        applied, whole = _apply_all(recorder, about, records)
        if whole:
            recorder.end(clean=True)
        else:
            recorder.note_loss(about.reason)
            recorder.flush()
        recorder.writer.commit()
    finally:
        recorder.writer.abandon()
    return applied


def _apply_all(recorder: Recorder, about: Unwritten, records: Iterator[Record]) -> tuple[int, bool]:
    """How many records were taken in, and whether these were all."""
    applied, number = 0, about.first - 1
    try:
        for number, record in enumerate(records, about.first):
            if number <= recorder.processed:
                continue  # it was committed in the last moment
            full = recorder.apply(record)
            applied += 1
            while full or recorder.writer.waiting >= BATCH_ROWS:
                recorder.flush()
                recorder.writer.commit()
                full = recorder.go_on()
    except (ValueError, KeyError, msgspec.MsgspecError):
        return applied, False  # the file is damaged
    return applied, bool(about.records) and number == about.first + (about.records or 0) - 1
