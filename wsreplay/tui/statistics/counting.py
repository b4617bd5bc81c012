"""Counting a recording for the statistics screen, as a task beside the interface."""

from __future__ import annotations

from collections.abc import Sequence

from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.jobs.task import JobContext


def count(
    only: Sequence[int] | None, contracts: Sequence[str], read_as: ReadAs, reader: Recording, context: JobContext
) -> None:
    """Publishes the `Figures` of some connections (None: all) by the first of the contracts, or by what fits; `read_as` is how
    the user says that they are read."""
    from wsreplay.contract import load
    from wsreplay.stats.figures import count_figures

    contract = load(contracts[0]) if contracts else None
    context.publish(count_figures(reader, contract, read_as.decoder, only, read_as.users))
