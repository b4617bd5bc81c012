"""What cannot be read as HTTP passes as it came, and is never silently missing from the recording."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from random import Random

import pytest
from loops import LOOPS
from oddheads import odd_request
from rawpeers import Listener, accept, connect, frame, read, read_end, read_head, request
from relay import Relay, wait_for

from recordings import Recorded, checked

Start = Callable[..., Relay]
HI, HO = frame(1, b'{"type":"hi"}'), frame(1, b'{"type":"ho"}', mask=None)
BYE, BYE_TOO = frame(8, b"\x03\xe8"), frame(8, b"\x03\xe8", mask=None)

# Handshakes that some server accepts, as they differ from one by the book.
ODD_REQUESTS: dict[str, Callable[[bytes], bytes]] = {
    "no host": lambda head: head.replace(b"Host: example.org\r\n", b""),
    "two hosts": lambda head: head.replace(b"Host:", b"Host: a\r\nHost:"),
    "HTTP/2.0": lambda head: head.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "two spaces": lambda head: head.replace(b"GET ", b"GET  ").replace(b" HTTP", b"  HTTP"),
    "POST": lambda head: head.replace(b"GET", b"POST"),
    "odd names": lambda head: head.replace(b"Host:", b"X Y: 1\r\nX-Z : 1\r\n: \r\ngarbage\r\nHost:"),
    "space in the target": lambda head: head.replace(b"/ws", b"/ws?q=a b"),
    "control characters": lambda head: head.replace(b"Host:", b"Cookie: a=\x01\x7f\x00\r\nHost:"),
    "bare line feeds": lambda head: head.replace(b"\r\n", b"\n"),
    "no Connection": lambda head: head.replace(b"Connection: Upgrade\r\n", b""),
    "RTSP": lambda head: head.replace(b"HTTP/1.1", b"RTSP/1.0"),
}
ODD_ANSWERS: dict[str, bytes] = {
    "illegal header line": accept("X-Foo Bar: 1"),
    "line without a colon": accept("garbage"),
    "bare line feeds": accept().replace(b"\r\n", b"\n"),
    "lower case": accept().replace(b"HTTP/1.1 101 Switching Protocols", b"http/1.0  101"),
    "length and coding": accept("Content-Length: 0", "Transfer-Encoding: identity"),
    "no Upgrade": accept().replace(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b""),
}


def chat(listener: Listener, port: int, asked: bytes, answered: bytes) -> None:
    """A handshake, a frame and a close each way: each side gets the other's bytes."""
    with connect(port) as client:
        client.sendall(asked)
        with listener.take() as server:
            assert read(server, len(asked)) == asked
            server.sendall(answered + HO)
            assert read(client, len(answered + HO)) == answered + HO
            client.sendall(HI + BYE)
            assert read(server, len(HI + BYE)) == HI + BYE
            server.sendall(BYE_TOO)
            assert read(client, len(BYE_TOO)) == BYE_TOO


def gaps(recorded: Recorded, connection: int) -> dict[int, tuple[str, int]]:
    return {gap.direction: (gap.reason, gap.bytes) for gap in recorded.gaps if gap.connection_id == connection}


@pytest.mark.parametrize("loop", LOOPS)
def test_odd_handshakes_are_recorded(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    forms = [(write(request()), accept()) for write in ODD_REQUESTS.values()]
    forms += [(request(), answered) for answered in ODD_ANSWERS.values()]
    for asked, answered in forms:
        chat(listener, proxy.port, asked, answered)
    proxy.stop()
    recorded = checked(proxy.path)
    assert not recorded.gaps
    assert not proxy.count("warned")
    assert [(connection.status, str(connection.ending)) for connection in recorded.connections] == [(101, "clean")] * len(forms)
    for connection in recorded.connections:
        assert connection.path.startswith("/ws")
        assert [frame.type for frame in recorded.stream(connection.id, 0).frames] == ["hi", None]
        assert [frame.type for frame in recorded.stream(connection.id, 1).frames] == ["ho", None]


UNREAD_REQUESTS = {
    "bytes that are not HTTP/1.x": b"\x81\x85 no head\r\n\r\n",
    "both Content-Length and Transfer-Encoding in a request": request("/ws", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "a Content-Length or Transfer-Encoding that is oddly written": request("/ws", "Transfer-Encoding : chunked"),
    "a Content-Length that is not one number": request("/ws", "Content-Length: 0x0"),
    "a head of more than 256 KiB": request("/ws", "Cookie: a=" + "x" * 300_000),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_what_a_client_sends_and_cannot_be_read_passes_with_a_row_a_gap_and_a_word(
    loop: str, listener: Listener, relay: Start
) -> None:
    proxy = relay(loop=loop, keep_host=True)
    for asked in UNREAD_REQUESTS.values():
        chat(listener, proxy.port, asked, accept())
    proxy.stop()
    recorded = checked(proxy.path)
    assert len(recorded.connections) == proxy.count("warned") == len(UNREAD_REQUESTS)
    for connection, (reason, asked) in zip(recorded.connections, UNREAD_REQUESTS.items(), strict=True):
        # What the server sends behind its 101 is certain, so it is there.
        assert (connection.status, str(connection.ending)) == (101, "clean"), reason
        assert connection.path == ("" if asked.startswith(b"\x81") else "/ws")
        assert [frame.type for frame in recorded.stream(connection.id, 1).frames] == ["ho", None]
        assert gaps(recorded, connection.id) == {0: (f"passed unread: {reason}", len(asked + HI + BYE))}
        assert any(f"connection {connection.id} is not recorded from here on: the client sent {reason}" == line["warned"]
                   for line in proxy.says if "warned" in line)  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_that_cannot_be_read_does_not_stop_the_chat(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    answered = b"ICY 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    chat(listener, proxy.port, request(), answered)
    proxy.stop()
    recorded = checked(proxy.path)
    (connection,) = recorded.connections
    assert (connection.path, connection.status, str(connection.ending)) == ("/ws", None, "malformed")
    assert connection.error == "server: sent bytes that are not HTTP/1.x; it was forwarded unread"
    assert gaps(recorded, 1) == {
        0: ("passed unread: what follows an answer that was not read", len(HI + BYE)),
        1: ("passed unread: bytes that are not HTTP/1.x", len(answered + HO + BYE_TOO)),
    }
    assert proxy.told("warned")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_that_is_not_read_may_be_refused_and_what_follows_is_counted(
    loop: str, listener: Listener, relay: Start
) -> None:
    proxy = relay(loop=loop, keep_host=True)
    asked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"
    answer, more = b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 3\r\n\r\nno\n", request("/hidden")
    with connect(proxy.port) as client:
        client.sendall(asked)
        with listener.take() as server:
            assert read(server, len(asked)) == asked
            server.sendall(answer)
            assert read(client, len(answer)) == answer
            client.sendall(more)
            assert read(server, len(more)) == more
            server.sendall(accept() + HO)
            assert read(client, len(accept() + HO)) == accept() + HO
    proxy.stop()
    recorded = checked(proxy.path)
    (connection,) = recorded.connections
    assert (connection.path, connection.status, str(connection.ending)) == ("/", 501, "malformed")
    assert {direction: size for direction, (_, size) in gaps(recorded, 1).items()} == {
        0: len(asked + more), 1: len(accept() + HO)
    }  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_frames_behind_an_upgrade_with_a_body_are_not_guessed(loop: str, listener: Listener, relay: Start) -> None:
    """Some servers read the body first, others take it for the first frames."""
    proxy = relay(loop=loop, keep_host=True)
    chat(listener, proxy.port, request("/ws", "Content-Length: 2") + b"{}", accept())
    proxy.stop()
    recorded = checked(proxy.path)
    assert gaps(recorded, 1) == {0: ("passed unread: where the client's frames begin is not certain", len(HI + BYE))}
    assert [frame.type for frame in recorded.stream(1, 1).frames] == ["ho", None]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_101_to_a_request_that_was_not_seen_to_ask_is_recorded(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    chat(listener, proxy.port, request().replace(b"Upgrade: websocket", b"X-Upgrade: websocket"), accept())
    proxy.stop()
    recorded = checked(proxy.path)
    (connection,) = recorded.connections
    assert (connection.path, connection.status, str(connection.ending)) == ("/ws", 101, "clean")
    assert not recorded.gaps


@pytest.mark.parametrize("loop", LOOPS)
def test_another_protocol_is_no_gap(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\0\0\0\4"
    with connect(proxy.port) as client:
        client.sendall(asked)
        with listener.take() as server:
            assert read(server, len(asked)) == asked
            server.sendall(answer)
            assert read(client, len(answer)) == answer
            client.sendall(b"\0\1\2")
            assert read(server, 3) == b"\0\1\2"
    proxy.stop()
    recorded = checked(proxy.path)
    assert not recorded.connections and not recorded.gaps and not proxy.count("warned")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_killed_recorder_goes_on_counting(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    with connect(proxy.port) as client:
        client.sendall(b"\x16\x03\x01")
        with listener.take() as server:
            assert read(server, 3) == b"\x16\x03\x01"
            proxy.kill_recorder()
            client.sendall(bytes(1000))
            assert read(server, 1000) == bytes(1000)
            server.sendall(b"\x15\x03\x03")
            assert read(client, 3) == b"\x15\x03\x03"
    proxy.stop()
    recorded = checked(proxy.path)
    assert {direction: size for direction, (_, size) in gaps(recorded, 1).items()} == {0: 1003, 1: 3}
    assert "a TLS handshake" in proxy.told("warned")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_leaves_halfway_through_a_head_is_no_gap(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True)
    with connect(proxy.port) as client:
        client.sendall(b"GET /ws HT")
        client.shutdown(socket.SHUT_WR)
        with listener.take() as server:
            assert read_end(server) == (b"GET /ws HT", "eof")
    proxy.stop()
    assert not checked(proxy.path).connections


HEAD_END = re.compile(rb"\n\r?\n")


@pytest.mark.parametrize("count", [60, pytest.param(3_000, marks=(pytest.mark.campaign, pytest.mark.timeout(900)))])
def test_odd_heads_that_a_server_takes_pass_and_are_recorded_or_said(count: int, listener: Listener, relay: Start) -> None:
    """The server takes whatever ends like a head for a handshake, and speaks as one that has switched."""
    proxy = relay(keep_host=True)
    random = Random(count)
    asked: list[bytes] = []
    while len(asked) < count:
        data = odd_request(random)
        if HEAD_END.search(data.lstrip(b"\r\n")) and not data.lstrip(b"\r\n").startswith((b"CONNECT ", b"PRI ")):
            asked.append(data)
    for data in asked:
        with connect(proxy.port) as client:
            client.sendall(data)
            with listener.take() as server:
                got = b""
                while not HEAD_END.search(got.lstrip(b"\r\n")):
                    got += server.recv(65536)
                server.sendall(accept() + HO)
                assert read(client, len(accept() + HO)) == accept() + HO, data
                client.sendall(HI)
                client.shutdown(socket.SHUT_WR)
                assert got + read_end(server)[0] == data + HI
    proxy.stop()
    recorded = checked(proxy.path)
    assert len(recorded.connections) == count
    for connection, data in zip(recorded.connections, asked, strict=True):
        lost = gaps(recorded, connection.id)
        from_client, from_server = (recorded.stream(connection.id, direction) for direction in (0, 1))
        assert 1 in lost or [frame.type for frame in from_server.frames] == ["ho"], data
        assert 0 in lost or (from_client.frames and from_client.frames[-1].type == "hi") or from_client.tail, data


# Limits


@pytest.mark.parametrize("loop", LOOPS)
def test_slow_peers_end(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True, limits={"head_s": 0.6, "upgrade_s": 0.8, "idle_s": 0.8})
    half, idle, unanswered, kept = (connect(proxy.port) for _ in range(4))
    unanswered.sendall(request("/slow"))
    server = listener.take()
    read_head(server)
    kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    other = listener.take()
    read_head(other)
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    other.sendall(ok)
    assert read(kept, len(ok)) == ok
    half.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
    listener.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.take()  # nothing is dialled for half a head
    text, end = read_end(half)
    assert text.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and end == "eof"
    assert read_end(idle) == (b"", "eof")
    text, end = read_end(unanswered)
    assert text.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n") and b"did not answer the upgrade request within 0.8 s" in text
    assert read_end(kept) == (b"", "eof")
    assert [read_end(one) for one in (server, other)] == [(b"", "eof")] * 2
    for one in (half, idle, unanswered, kept, server, other):
        one.close()
    proxy.stop()
    (connection,) = checked(proxy.path).connections
    assert (connection.path, connection.status, connection.closed_by) == ("/slow", 504, "proxy")


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_that_takes_its_time_is_waited_for(loop: str, listener: Listener, relay: Start) -> None:
    """Event streams and long polls are silent for as long as they like; so is a WebSocket."""
    proxy = relay(loop=loop, keep_host=True, limits={"head_s": 0.2, "upgrade_s": 0.2, "idle_s": 0.2})
    chat_client = connect(proxy.port)
    chat_client.sendall(request())
    chat_server = listener.take()
    read_head(chat_server)
    chat_server.sendall(accept())
    read_head(chat_client)
    with connect(proxy.port) as client, connect(proxy.port) as probe:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        with listener.take() as server:
            read_head(server)
            server.sendall(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            read_head(client)
            assert read(client, 9) == b"data: 1\n\n"
            assert read_end(probe) == (b"", "eof"), "by now what is idle has been ended"
            server.sendall(b"data: 2\n\n")
            assert read(client, 9) == b"data: 2\n\n"
    chat_client.sendall(HI)
    assert read(chat_server, len(HI)) == HI
    chat_client.close()
    chat_server.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_more_connections_than_there_may_be_are_refused_with_a_word(loop: str, listener: Listener, relay: Start) -> None:
    proxy = relay(loop=loop, keep_host=True, limits={"connections": 2})
    clients = [connect(proxy.port) for _ in range(2)]
    with connect(proxy.port) as third:
        assert read_end(third)[0].startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    words = wait_for(lambda: proxy.told("warned"))
    assert words == "2 connections are open, and the limit is 2: 1 client was refused with 503"
    clients.pop().close()

    def is_let_in() -> bool:
        with connect(proxy.port) as client:
            client.sendall(request())
            client.settimeout(0.5)
            try:
                return not client.recv(1)
            except TimeoutError:
                return True
            except ConnectionError:
                return False

    wait_for(is_let_in, "there is room again")
    clients.pop().close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors")
def test_the_limit_of_descriptors_is_one_of_connections(listener: Listener, relay: Start) -> None:
    import resource

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    proxy = relay(preexec=few)
    clients = [connect(proxy.port) for _ in range(18)]
    with connect(proxy.port) as late:
        assert read_end(late)[0].startswith(b"HTTP/1.1 503 ")
    assert "the limit is 18" in wait_for(lambda: proxy.told("warned"))
    for client in clients:
        client.close()
