"""The recorder process over its socket: in a thread here, so that its bounds can be made small."""

from __future__ import annotations

import fcntl
import json
import socket
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import rawpeers

from recordings import checked, write_locked
from wsreplay.recorder import process
from wsreplay.recorder.protocol import Hello, RecordKind, head


class Relay:
    """The other end of a recorder's socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sock, self._theirs = socket.socketpair()
        self.sock.settimeout(30)
        self._reports = self.sock.makefile("rb")
        self._thread = threading.Thread(target=process.RecorderProcess(self._theirs, ()).run, daemon=True)
        self._thread.start()
        hello = Hello(str(path), "ws://u", "ws://l", "2026-11-20T10:00:00Z", "1", "00" * 32)
        self.send(RecordKind.HELLO, msgspec.json.encode(hello))
        self.wait_for("ready")
        self.send(RecordKind.OPEN, b"127.0.0.1:2\n" + rawpeers.request("/1"), 1)
        self.send(RecordKind.ACCEPT, rawpeers.accept(), 1)
        self.number = 2

    def send(self, kind: RecordKind, body: bytes = b"", connection: int = 0) -> None:
        self.sock.sendall(head(kind, len(body), 1, connection, 0) + body)

    def say(self, payload: bytes) -> None:
        self.number += 1
        self.send(RecordKind.CHUNK, rawpeers.frame(1, payload), 1)

    def wait_for(self, word: str, value: object = None) -> None:
        while True:
            said = json.loads(self._reports.readline()).get(word)
            if said is not None and said is not False and value in (None, said):
                return

    def close(self) -> None:
        self._reports.close()
        self.sock.close()
        self._thread.join(30)
        self._theirs.close()

    def end(self) -> list[bytes]:
        """What is in the recording."""
        self.send(RecordKind.BYE)
        self.wait_for("closed")
        self.close()
        return [frame.payload for frame in checked(self.path).stream(1, 0).frames]


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """With a recorder that reads no more than one piece ahead while nothing can be committed."""
    monkeypatch.setattr(process, "READ_AHEAD", 1)
    relay = Relay(tmp_path / "a.db")
    yield relay
    relay.close()


def test_what_was_read_ahead_comes_before_what_came_later(relay: Relay) -> None:
    """Also where the commit that stalls is one that became due while the recorder waited."""
    relay.wait_for("committed", relay.number)
    with write_locked(relay.path):
        relay.say(b"in the batch")
        relay.wait_for("stalled")
        relay.say(b"read ahead")
        while _unread(relay.sock):
            pass
        relay.say(b"read later")
        relay.send(RecordKind.HEARTBEAT)
    assert relay.end() == [b"in the batch", b"read ahead", b"read later"]


def _unread(sock: socket.socket) -> bool:
    """Whether the recorder has not read what was sent to it."""



    return fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)) != bytes(4)
