"""Why nothing can be written into the recording: told to the user once, and noted beside it in case both processes are killed.

A relay that has to end then puts what it kept into that note (recorder/unwritten.py).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.spawned_recorder import DescriptorReserve
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello
from wsreplay.recorder.unwritten import Unwritten
from wsreplay.trace.identity import parse_user_source
from wsreplay.trace.redaction import Redactor


class Outage:
    """The time in which nothing is written, or none. `first` is everywhere the number of the first record that is kept."""

    def __init__(self, callbacks: Callbacks, reserve: DescriptorReserve) -> None:
        self._callbacks = callbacks
        # What the note is written with, when connections have taken all other descriptors.
        self._reserve = reserve
        # Why nothing is written, as the user was told; None: all is well.
        self.reason: str | None = None
        # Whether the user was told that the traffic waits.
        self._waiting_told = False

    @property
    def reason_text(self) -> str:
        """Why something is missing at the end, also where nothing was told."""
        return self.reason or "the recorder has not finished"

    def begin(self, reason: str, keeps: int, hello: Hello, first: int) -> bool:
        """Say why nothing is written, and how many bytes are kept before traffic waits. False: it was said already."""
        if reason == self.reason:
            return False
        self.reason = reason
        self._callbacks.stalled(reason, keeps)
        self.note(hello, first)
        self._reserve.fill()
        return True

    def tell_waiting(self) -> None:
        """Say that traffic waits, once."""
        if not self._waiting_told:
            self._waiting_told = True
            self._callbacks.waiting()

    def end(self, path: str) -> None:
        """Records are committed again."""
        self.reason, self._waiting_told = None, False
        unwritten.remove(path)
        self._callbacks.resumed()

    def note(self, hello: Hello, first: int, records: int | None = None) -> None:
        """Note beside the recording that something is missing; `records` as in `Unwritten`. Descriptors are given back."""
        self._reserve.release()
        unwritten.mark(hello.path, self._about(hello, first, records))

    def save(self, hello: Hello, first: int, records: Collection[bytes]) -> Path | None:
        """Put these records beside the recording. Where payload fields are to be redacted, none may be put anywhere."""
        if hello.redact:
            self.note(hello, first, 0)
            return None
        self._reserve.release()
        redactor = Redactor(bytes.fromhex(hello.key), hello.redact)
        users = [parse_user_source(text) for text in hello.users]
        redacted = [unwritten.without_secrets(record, redactor, users) for record in records]
        return unwritten.save(hello.path, self._about(hello, first, len(redacted)), redacted)

    def _about(self, hello: Hello, first: int, records: int | None) -> Unwritten:
        return Unwritten(hello.run_id or 0, self.reason_text, first, records)
