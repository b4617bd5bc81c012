"""What of an HTTP exchange goes into the recording: its opening handshakes, and that bytes were not read."""

from __future__ import annotations

import asyncio

import msgspec

from wsreplay.proxy.ordered_writer import OrderedWriter
from wsreplay.proxy.recording import OutputRecording
from wsreplay.proxy.route import Route
from wsreplay.recorder.protocol import Closing, RecordKind


class HandshakeRecord:
    """Records the connections of one client, each in the recording that was current when it was opened."""

    def __init__(self, route: Route, client: asyncio.Transport) -> None:
        self._route = route
        self._client = client
        self.recording: OutputRecording = route.recording
        # Connections that were opened and not ended.
        self._open = 0
        # The connection that stands for bytes which are not read, and the directions of which the recording says so.
        self.unread: int | None = None
        self._told_unread: set[int] = set()

    def open(self, head: bytes, writer: OrderedWriter) -> int:
        """A connection begins with this request head."""
        if not self._open:
            self.recording = self._route.recording
        self._open += 1
        connection = self.recording.open()
        self._hand_over(RecordKind.OPEN, _address(self._client).encode() + b"\n" + head, connection, writer)
        return connection

    def accept(self, head: bytes, connection: int, writer: OrderedWriter) -> None:
        """The request was answered, with a 101 or otherwise."""
        self._hand_over(RecordKind.ACCEPT, head, connection, writer)

    def end(self, connection: int, by: str, error: str | None) -> None:
        """The connection is over without having become a tunnel."""
        self._open -= 1
        if connection == self.unread:
            self.unread = None
        self.recording.recorder.record(RecordKind.CLOSE, msgspec.json.encode(Closing(by=by, error=error)), connection)
        self.recording.ended()

    def pass_unread(self, direction: int, raw: bytes, reason: str, writer: OrderedWriter) -> None:
        """Bytes of the unread connection go into a writer; what was not read has a gap."""
        if self.unread is not None:
            self.tell_unread(self.unread, direction, reason, writer)
            self._hand_over(RecordKind.CHUNK, raw, self.unread, writer, direction)
        writer.write(raw)

    def tell_unread(self, connection: int, direction: int, reason: str, writer: OrderedWriter) -> None:
        """From here on a direction is not read."""
        if direction not in self._told_unread:
            self._told_unread.add(direction)
            self._hand_over(RecordKind.UNREAD, reason.encode(), connection, writer, direction)

    def _hand_over(self, kind: RecordKind, body: bytes, connection: int, writer: OrderedWriter, direction: int = 0) -> None:
        """What follows in this writer waits until the recorder has the record."""
        if not self.recording.recorder.record(kind, body, connection, direction):
            writer.block()
            self.recording.recorder.on_sent(writer.unblock)


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return "unix" if isinstance(transport.get_extra_info("sockname"), str) else "unknown"
    host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
    return f"{host}:{peer[1]}"
