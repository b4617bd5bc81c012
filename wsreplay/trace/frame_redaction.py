"""Payloads of frames that are in a recording, or come into one, without their secrets: for `cut` and `import`."""

from __future__ import annotations

from wsreplay.decode import RawMessage
from wsreplay.model import Frame, Opcode
from wsreplay.trace.message_redaction import MessageRedactor
from wsreplay.trace.redaction import Redactor

WITHHELD = "withheld: it cannot be redacted"


class FrameRedactor:
    """Takes the frames of all connections in their order."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # By connection and direction: the frames of the message in progress.
        self._unfinished: dict[tuple[int, int], list[Frame]] = {}
        # By connection: what knows how its messages are read.
        self._messages: dict[int, MessageRedactor] = {}

    def open(self, connection_id: int, path: str, subprotocol: str | None = None) -> None:
        """A connection begins; what it is read by follows from that, and from its messages."""
        self._messages[connection_id] = MessageRedactor(self._redactor, path, subprotocol)

    def accept(self, connection_id: int, subprotocol: str | None) -> None:
        """The server has chosen a subprotocol."""
        if connection_id in self._messages:
            self._messages[connection_id].accept(subprotocol)

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
        message = b"".join(part.payload for part in parts)
        opcode = parts[0].opcode
        parts.clear()
        if frame.connection_id not in self._messages:
            self.open(frame.connection_id, "/")
        shown = self._messages[frame.connection_id].hide(RawMessage(frame.direction, opcode, message))
        return (b"", len(message)) if shown is None else (shown, 0)
