"""HTTP while the recorder, or a peer, takes nothing more."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest
import rawpeers
from loops import LOOPS
from rawpeers import Listener, accept, connect, frame, read, read_end, read_head, request, upgraded
from relay import Relay, wait_for

from recordings import checked

Start = Callable[..., Relay]


class Flood:
    """A connection whose client sends one endless frame, so that the recorder's socket is full while the recorder is stopped.

    It is the first one of the recording.
    """

    def __init__(self, listener: Listener, proxy: Relay) -> None:
        self._proxy = proxy
        self._recorder = proxy.recorder()
        self._client, self._server = upgraded(listener, proxy.port, path="/flood")
        self._client.settimeout(0.05)
        self._client.sendall(b"\x82\x7f" + (10**12).to_bytes(8, "big"))
        self._drain = threading.Thread(target=read_end, args=(self._server,))
        self._drain.start()

    def stop_recorder(self) -> None:
        waited = self._proxy.count("waits")
        os.kill(self._recorder, signal.SIGSTOP)
        while self._proxy.count("waits") == waited:
            with contextlib.suppress(TimeoutError):
                self._client.send(bytes(65536))

    def resume_recorder(self) -> None:
        """Return when the recorder commits again: until then, that traffic waits is not told anew."""
        resumed = self._proxy.count("resumed")
        os.kill(self._recorder, signal.SIGCONT)
        wait_for(lambda: self._proxy.count("resumed") > resumed, "the recorder commits again")

    def end(self) -> None:
        self._client.close()
        self._drain.join()
        self._server.close()


def _is_silent(sock: socket.socket) -> bool:
    sock.settimeout(0.3)
    try:
        return sock.recv(1) is None
    except TimeoutError:
        return True
    finally:
        sock.settimeout(rawpeers.TIMEOUT_S)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_upgrade_waits_for_the_recorder_and_so_does_its_answer(listener: Listener, relay: Start, loop: str) -> None:
    proxy = relay(loop=loop)
    flood = Flood(listener, proxy)
    flood.stop_recorder()
    client = connect(proxy.port)
    sender = threading.Thread(target=client.sendall, args=(request() + frame(2, bytes(700_000)),))
    sender.start()
    server = listener.take()
    assert _is_silent(server), "the request is not forwarded before the recorder has it"
    flood.resume_recorder()
    assert read_head(server)
    flood.stop_recorder()
    server.sendall(accept() + frame(1, b"behind it", mask=None))
    server.shutdown(socket.SHUT_WR)
    assert _is_silent(client), "neither is the answer, what follows it, nor the end"
    flood.resume_recorder()
    assert read_head(client) == accept()
    assert read_end(client) == (frame(1, b"behind it", mask=None), "eof")
    sender.join()
    assert read(server, len(frame(2, bytes(700_000)))) == frame(2, bytes(700_000))
    client.close()
    server.close()
    flood.end()
    proxy.stop()
    recorded = checked(proxy.path)
    assert [one.payload for one in recorded.stream(2, 1).frames] == [b"behind it"]
    assert recorded.stream(2, 0).end == len(frame(2, bytes(700_000)))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_whose_early_bytes_filled_the_buffer_goes_on_when_its_upgrade_is_refused(
    listener: Listener, relay: Start, loop: str
) -> None:
    proxy = relay(loop=loop)
    client = connect(proxy.port)
    body = bytes(900_000)
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n"
    sender = threading.Thread(target=client.sendall, args=(request() + post + body,))
    sender.start()
    server = listener.take()
    read_head(server)
    server.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    assert b"POST" in read_head(server)
    assert read(server, len(body)) == body
    sender.join()
    client.close()
    server.close()
    proxy.stop()
