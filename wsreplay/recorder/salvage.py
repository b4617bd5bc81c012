"""Going on in a new file, where the recording turned out to be damaged while it was written.

The new file gets all rows that can be read. What is missing is told by gaps and a mark. Where it is not known how far an open
connection had come, its bytes cannot be told apart any more: they pass unread, and are counted.
"""

from __future__ import annotations

from pathlib import Path

from wsreplay.recorder.direction import UNREAD
from wsreplay.recorder.protocol import Hello
from wsreplay.store import resume
from wsreplay.store.salvage import copy_readable, note_losses
from wsreplay.store.writer import Writer
from wsreplay.trace.redaction import Redactor

REASON = "the recording was damaged"


def salvage(hello: Hello) -> None:
    """Copy what can be read of the damaged recording into the new one, unless that was done. Raises what `Writer` raises."""
    assert hello.run_id is not None
    writer = Writer(hello.path, durability=hello.durability)
    try:
        if resume.run_state(writer, hello.run_id) is not None:
            return
        salvaged = copy_readable(Path(hello.damaged), writer)
        note_losses(writer, hello.run_id, salvaged, f"frames may be lost here: {REASON}", f"{UNREAD}{REASON}")
        if hello.run_id not in salvaged.runs:
            redactor = Redactor(bytes.fromhex(hello.key), hello.redact)
            writer.insert_run(
                started_at=hello.started_at, start_ns=salvaged.reached_ns, run_id=hello.run_id,
                upstream=redactor.url(hello.upstream), listen=hello.listen, version=hello.version,
                options={**hello.options, "redact": hello.redact, "max_payload": hello.max_payload},
            )  # fmt: skip
        if salvaged.tables:
            note = f"{Path(hello.damaged).name} was damaged: rows are missing of {', '.join(sorted(salvaged.tables))}"
            writer.add_mark(salvaged.reached_ns, note)
        writer.commit()
    finally:
        writer.abandon()
