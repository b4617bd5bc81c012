"""Payloads of frames that are in a recording, or come into one, without their secrets: for `cut` and `import`."""

from __future__ import annotations

from wsreplay.model import Direction, Frame, Opcode
from wsreplay.trace.payload_secrets import FIRST_MESSAGES
from wsreplay.trace.redaction import Redactor

WITHHELD = "withheld: no JSON to redact"


class FrameRedactor:
    """Takes the frames of all connections in their order."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # By connection and direction: the frames of the message in progress.
        self._unfinished: dict[tuple[int, int], list[Frame]] = {}
        # By connection: how many messages the client has sent.
        self._sent: dict[int, int] = {}

    def payload(self, frame: Frame) -> tuple[bytes, int]:
        """What is kept of a frame's payload, and how many bytes of its message are withheld.

        The text of a fragmented message moves into its last frame.
        """
        if frame.opcode >= Opcode.CLOSE or not self._redactor.hides_payloads:
            return frame.payload, 0
        parts = self._unfinished.setdefault((frame.connection_id, frame.direction), [])
        if frame.opcode:
            parts.clear()
        parts.append(frame)
        if not frame.fin:
            return b"", 0
        message, is_text = b"".join(part.payload for part in parts), parts[0].opcode == Opcode.TEXT
        parts.clear()
        is_first = False
        if frame.direction == Direction.CLIENT_TO_SERVER:
            sent = self._sent[frame.connection_id] = self._sent.get(frame.connection_id, 0) + 1
            is_first = sent <= FIRST_MESSAGES
        shown = self._redactor.message(message, is_text=is_text, is_first=is_first)
        return (b"", len(message)) if shown is None else (shown, 0)
