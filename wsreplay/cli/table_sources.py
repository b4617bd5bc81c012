"""Recordings as tables, for the commands that write or ask tables. Needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsreplay.arrow.tables import TableSource
from wsreplay.cli.options import open_recording
from wsreplay.contract import Contract
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.validator import Judgement, judge_files
from wsreplay.validator.select import select_contracts
from wsreplay.validator.verdict_cache import SavedVerdicts


@contextmanager
def table_source(path: Path, name: str, contract: str | None, read_as: ReadAs = AS_RECORDED) -> Iterator[TableSource]:
    """A recording as tables. What was judged before is not judged again, unless more spans are asked for than are kept.

    Raises UsageError, or an error of the RecordingError family.
    """
    with open_recording(path) as recording:
        names = [] if contract is None else [contract]
        chosen = select_contracts(recording, names, read_as.decoder)[0].read_as(read_as)
        yield TableSource(recording, name, chosen, lambda: _judged(path, chosen))


def _judged(path: Path, contract: Contract) -> Judgement | None:
    (outcome,) = judge_files([(path, contract)], spans=True, saved=SavedVerdicts.open())
    if outcome.error is not None:
        raise outcome.error
    is_whole = outcome.judgement is not None and not outcome.judgement.spans_left_out
    return outcome.judgement if is_whole else None
