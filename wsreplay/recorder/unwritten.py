"""What could not be written into a recording, beside it.

    chat.db-unwritten    one line of JSON, the `Unwritten`; then records as the relay sends them (recorder/protocol.py)

The file stands there as soon as nothing can be written, without records: if both processes are killed then, it alone tells that
something is missing. A relay that has to end puts the records into it. Whoever opens the recording to write takes them in, or
puts a gap where they are lost, and removes the file. It is 0600 and holds no secrets: heads are redacted, and where payload
fields are to be redacted it holds no records.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from wsreplay.recorder.protocol import Record, RecordKind, RecordReader, head
from wsreplay.recorder.recorder import read_opening
from wsreplay.trace.identity import UserSource
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.heads import parse_head

READ = 2**20
_MAX_HEADER = 2**16


class Unwritten(msgspec.Struct, frozen=True):
    """The head of the file: which run it belongs to, why nothing could be written, and which records follow.

    `first` is the number of the first record. `records` is how many follow, 0 where they could not be kept, None while the
    relay runs: if it is found so, relay and recorder were killed.
    """

    run_id: int
    reason: str
    first: int = 0
    records: int | None = None


def path_of(recording: str | Path) -> Path:
    """The file beside a recording."""
    return Path(f"{recording}-unwritten")


def remove(recording: str | Path) -> None:
    """Remove the file, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path_of(recording).unlink(missing_ok=True)


def mark(recording: str | Path, about: Unwritten) -> bool:
    """Note that nothing can be written now. False: the note cannot be written either."""
    try:
        _write(path_of(recording), about, ())
    except OSError:
        return False
    return True


def save(recording: str | Path, about: Unwritten, records: Iterable[bytes]) -> Path | None:
    """Put records beside the recording, or else into the folder for temporary files; None where neither can be done."""
    kept = list(records)
    about = msgspec.structs.replace(about, records=len(kept))
    beside = path_of(recording)
    for path in (beside, Path(tempfile.gettempdir()) / beside.name):
        try:
            _write(path, about, kept)
        except OSError:
            continue
        return path
    return None


def _write(path: Path, about: Unwritten, records: Iterable[bytes]) -> None:
    """Write the whole file, or leave what was there as it was. Raises OSError."""
    whole = path.with_name(f"{path.name}.part")
    descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(about) + b"\n")
            file.writelines(records)
        whole.replace(path)
    except OSError:
        whole.unlink(missing_ok=True)
        raise


def without_secrets(record: bytes, redactor: Redactor, users: Iterable[UserSource] = ()) -> bytes:
    """A record as it may be kept: heads are redacted."""
    (parsed,) = RecordReader().feed(record)
    kind, direction, connection, t_ns, body = parsed
    if kind == RecordKind.OPEN:
        kind, body = RecordKind.OPENED, msgspec.json.encode(read_opening(body, redactor, users))
    elif kind == RecordKind.ACCEPT:
        start, headers = parse_head(body)
        lines = (f"{name}: {value}" for name, value in redactor.headers(tuple(headers)))
        body = "\r\n".join((" ".join(start).rstrip(), *lines, "", "")).encode("latin-1", "replace")
    else:
        return record
    return head(kind, len(body), t_ns, connection, direction) + body


def read(recording: str | Path) -> tuple[Unwritten, Iterator[Record]] | None:
    """What stands beside a recording, if anything does: its head, and its records while they are asked for.

    Of a file that is not one of ours, or that is damaged at its head: nothing is known but that it is there.
    """
    try:
        file = path_of(recording).open("rb")
    except OSError:
        return None
    line = file.readline(_MAX_HEADER)
    try:
        about = msgspec.json.decode(line, type=Unwritten)
    except msgspec.DecodeError:
        about = Unwritten(0, "the note about it cannot be read")

    def records() -> Iterator[Record]:
        reader = RecordReader()
        with file:
            while data := file.read(READ):
                yield from reader.feed(data)

    return about, records()
