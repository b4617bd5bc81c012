"""Taking in what an earlier run could not write, before a recording is gone on with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import orjson

from wsreplay.errors import WsreplayError
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, Record
from wsreplay.recorder.recorder import Recorder
from wsreplay.recorder.resume import drop_sealed_tails
from wsreplay.recorder.unwritten import Unwritten
from wsreplay.store import resume
from wsreplay.store.writer import RowRefused, Writer
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
    with _recorder(hello) as recorder:
        before = recorder.processed
        whole = _take_in(recorder, about, records)
        applied = recorder.processed - before
        if whole:
            recorder.end(clean=True)
            recorder.writer.commit()
            return applied
    again = unwritten.read(recording)
    if again is not None:
        with _recorder(hello) as recorder:  # what comes before the record that cannot be written is well
            _take_in(recorder, about, again[1], singly=True)
    with _recorder(hello) as recorder:
        applied = recorder.processed - before
        recorder.note_loss(about.reason)
        recorder.flush()
        recorder.writer.commit()
    return applied


@contextlib.contextmanager
def _recorder(hello: Hello) -> Iterator[Recorder]:
    recorder = Recorder(hello)
    try:
        yield recorder
    finally:
        recorder.writer.abandon()


def _take_in(recorder: Recorder, about: Unwritten, records: Iterator[Record], *, singly: bool = False) -> bool:
    """Write the records, each for itself or many at once; whether these were all, and all could be written."""
    number = about.first - 1
    try:
        for number, record in enumerate(records, about.first):
            if number <= recorder.processed:
                continue  # it was committed in the last moment
            due = recorder.apply(record) or singly or recorder.writer.waiting >= BATCH_ROWS
            while due:
                recorder.flush()
                recorder.writer.commit()
                due = recorder.go_on()
        recorder.flush()
        recorder.writer.commit()
    except RowRefused:
        return False
    except (WsreplayError, MemoryError):
        raise
    except Exception:  # the file is damaged, or holds what no recorder can digest
        return False
    return bool(about.records) and number == about.first + (about.records or 0) - 1
