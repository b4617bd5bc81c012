"""Which rows of a comparison have some words, and in what order they stand, as a task beside the interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wsreplay.diff.conversation import ComparedMessage
from wsreplay.diff.rows import Kind, Row
from wsreplay.tui.diff.alignment import RowPayloads
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.widgets.list_filter import is_kept

WORDS = {Kind.SAME: "same", Kind.CHANGED: "changed", Kind.MOVED: "moved", Kind.ONLY_A: "only in A", Kind.ONLY_B: "only in B"}
SEARCHED = 100_000  # bytes of a payload that are looked into
CHUNK = 200  # rows whose payloads are read in one go
_DIFFERENT_FIRST = {Kind.ONLY_A: 0, Kind.ONLY_B: 0, Kind.CHANGED: 1, Kind.MOVED: 2}


def _delay_ns(row: Row) -> int:
    return abs(row.b.t_ns - row.a.t_ns) if row.a is not None and row.b is not None else -1


SORTS = (
    Sort("order", lambda _row: 0), Sort("difference", lambda row: _DIFFERENT_FIRST.get(row.kind, 3)),
    Sort("event", lambda row: row.said.shown_name), Sort("delay", lambda row: -_delay_ns(row)),
)  # fmt: skip


def narrow(
    rows: Sequence[Row], wanted: str, key: Callable[[Row], Any], files: tuple[Path, Path], context: JobContext
) -> None:
    """Publishes the rows that have the wanted words in what they show or in their payloads, in the order of `key`.

    `files` are the recordings of both sides; what cannot be read of them is not looked into.
    """
    sides = [RowPayloads(path) for path in files]
    try:
        kept: list[Row] = []
        for first in range(0, len(rows), CHUNK) if wanted else ():
            if context.cancelled:
                return
            chunk = rows[first : first + CHUNK]
            for payloads, messages in zip(sides, ([row.a for row in chunk], [row.b for row in chunk]), strict=True):
                payloads.read_ahead(message for message in messages if message is not None)
            kept += (row for row in chunk if is_kept(_text(row, sides), wanted))
        context.publish(sorted(kept if wanted else rows, key=key))
    finally:
        for payloads in sides:
            payloads.close()


def _text(row: Row, sides: Sequence[RowPayloads]) -> str:
    messages = zip(sides, (row.a, row.b), strict=True)
    return "\t".join([WORDS[row.kind], *(_said(payloads, message) for payloads, message in messages if message is not None)])


def _said(payloads: RowPayloads, message: ComparedMessage) -> str:
    return f"{message.frame_id} {message.shown_name} " + payloads.of(message)[:SEARCHED].decode("utf-8", "replace")
