from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import rawpeers
from loops import LOOPS
from rawpeers import Listener, accept, connect, frame, read, read_end, read_head, request, upgraded
from relay import Relay, wait_for

from recordings import checked

Start = Callable[..., Relay]
Steps = list[tuple[str, bytes | str]]
PEM = Path(rawpeers.__file__).with_name("localhost.pem")

BODY = bytes(range(256)) * 300
COOKIE = b"Cookie: c%d=" + b"x" * 4000 + b"\r\n"
CHUNKED = b"5\r\nhello\r\n1;name=value\r\n!\r\n0\r\nTrailer: yes\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: example.org\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\neh?\n"

CASES: dict[str, Steps] = {
    "health check, kept alive": [("c", GET), ("s", OK), ("c", GET), ("s", OK), ("c", "eof"), ("s", "close")],
    "odd writing is left alone": [
        ("c", b"GET /a%20b?c=d&&e HTTP/1.1\r\nhOsT:example.org\r\nX-Empty:\r\nX-Odd:   spaces \t\r\nX-Odd: twice\r\n\r\n"),
        ("s", b"HTTP/1.1 200\r\nx-y:  z\r\ncontent-length: 0\r\n\r\n"),
    ],
    "asset until the connection closes": [
        ("c", b"GET /a.js HTTP/1.0\r\n\r\n"), ("s", b"HTTP/1.0 200 OK\r\n\r\n" + BODY), ("s", "eof"), ("c", "close")
    ],
    "posted in chunks, answered in chunks": [
        ("c", b"POST / HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n"), ("c", CHUNKED),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED), ("c", GET), ("s", OK),
    ],
    "waits for 100 Continue": [
        ("c", b"PUT /f HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)),
        ("s", b"HTTP/1.1 100 Continue\r\n\r\n"), ("c", BODY), ("s", OK), ("c", GET), ("s", OK),
    ],
    "pipelined": [("c", GET + GET + GET), ("s", OK + OK), ("s", OK)],
    "head, 204 and 304 have no body": [
        ("c", b"HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
        ("c", GET), ("s", b"HTTP/1.1 204 No Content\r\n\r\n"), ("c", GET),
        ("s", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), ("c", GET), ("s", OK),
    ],
    "large cookies": [
        ("c", b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(COOKIE % n for n in range(30)) + b"\r\n"),
        ("s", b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=%s\r\n" % (b"y" * 60_000) + b"Content-Length: 0\r\n\r\n"),
    ],
    "client half-closes behind its request": [("c", GET), ("c", "eof"), ("s", OK), ("s", "close")],
    "absolute target": [("c", b"GET http://example.org/x HTTP/1.1\r\nHost: example.org\r\n\r\n"), ("s", OK)],
    "any host": [("c", b"OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n"), ("s", OK)],
    "early hints": [("c", GET), ("s", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), ("s", OK)],
    "no HTTP": [("c", b"\x16\x03\x01\x02\x00\x01 is TLS, and this is plain\r\n\r\n"), ("s", BAD_REQUEST), ("s", "close")],
    "no HTTP answer": [("c", GET), ("s", b"SSH-2.0-OpenSSH_9.6\r\n"), ("s", "close")],
    "server leaves without an answer": [("c", GET), ("s", "close")],
    "server resets": [("c", GET), ("s", "reset")],
    "client resets": [("c", GET), ("c", "reset")],
    "upgrade behind other requests": [
        ("c", GET), ("s", OK), ("c", request()), ("s", accept()), ("c", frame(1, b"hi")), ("s", frame(1, b"ho", mask=None)),
    ],
    "upgrade refused, then granted": [
        ("c", request()), ("s", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nno!\n"),
        ("c", request()), ("s", accept()), ("c", frame(1, b"hi")), ("s", "close"),
    ],
    "upgrade by byte": [("c", bytes([byte])) for byte in request()] + [("s", bytes([byte])) for byte in accept()],
}


def play(steps: Steps, listener: Listener, port: int) -> list[tuple[str, object]]:
    """What the peers saw. The server is connected to once a head is whole, without the proxy with the first bytes."""
    client = connect(port)
    server: socket.socket | None = None
    seen: list[tuple[str, object]] = []
    by_byte = len(steps) > 100
    for who, act in steps:
        if server is None and who == "s":
            server = listener.take()
        if isinstance(act, bytes):
            (client if who == "c" else server).sendall(act)  # type: ignore[union-attr]
            if server is None and not by_byte:
                server = listener.take()
            if not by_byte:  # else a head is held until it is whole
                seen.append((who, read(server if who == "c" else client, len(act))))
            continue
        assert server is not None
        actor, other = (client, server) if who == "c" else (server, client)
        if act == "eof":
            actor.shutdown(socket.SHUT_WR)
        elif act == "reset":
            rawpeers.reset(actor)
        else:
            actor.close()
        seen.append((who, read_end(other)))
    assert server is not None
    if by_byte:
        seen += [("c", read(server, len(request()))), ("s", read(client, len(accept())))]
    client.close()
    server.close()
    return seen


@pytest.fixture(scope="module", params=LOOPS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """One relay for all cases."""
    listener = Listener()
    path = tmp_path_factory.mktemp("http") / "a.db"
    relay = Relay(f"ws://127.0.0.1:{listener.port}", path, request.param, forked=True, keep_host=True)
    yield listener, relay
    relay.end()
    listener.close()


@pytest.mark.parametrize("name", CASES)
def test_http_passes_byte_for_byte(name: str, shared: tuple[Listener, Relay]) -> None:
    listener, relay = shared
    assert play(CASES[name], listener, relay.port) == play(CASES[name], listener, listener.port)


@pytest.mark.parametrize("loop", LOOPS)
def test_requests_are_counted_and_only_upgrades_recorded(listener: Listener, relay: Start, loop: str) -> None:
    proxy = relay(loop=loop, keep_host=True)
    for steps in CASES.values():
        play(steps, listener, proxy.port)
    summary = proxy.stop()
    connections = checked(proxy.path).connections
    assert [(connection.status, str(connection.ending)) for connection in connections] == [
        (400, "refused"), (None, "malformed"), (101, "dropped"), (401, "refused"), (101, "dropped"), (101, "dropped")
    ]  # fmt: skip
    assert summary["requests"] >= len(CASES)


@pytest.mark.parametrize("loop", LOOPS)
def test_only_host_path_and_given_headers_are_rewritten_in_every_request(listener: Listener, relay: Start, loop: str) -> None:
    proxy = relay(
        f"ws://127.0.0.1:{listener.port}/app/v1/", loop=loop,
        set_headers=[("X-Trace", "on"), ("origin", "https://given.example"), ("X-Trace", "twice")],
        allow_origins=["https://example.org"], keep_host=False,
    )  # fmt: skip
    client = connect(proxy.port)
    lines = ("Origin: https://example.org", "Cookie: a=b", "Sec-WebSocket-Protocol: chat, jwt.x.y", "Authorization: Basic eA==")
    sent = request("/ws?q=1&token=t", *lines)
    upstream = f"127.0.0.1:{listener.port}".encode()
    expected = (
        sent.replace(b"GET /ws", b"GET /app/v1/ws").replace(b"Host: example.org", b"Host: " + upstream)
        .replace(b"Origin: https://example.org", b"Origin: https://given.example")[:-2]
        + b"X-Trace: on\r\nX-Trace: twice\r\n\r\n"
    )  # fmt: skip
    server = None
    for _ in range(2):
        client.sendall(sent)
        server = server or listener.take()
        assert read_head(server) == expected
        server.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        read_head(client)
    client.close()
    assert server is not None
    server.close()
    proxy.stop()
    recorded = checked(proxy.path).connections[0]
    assert recorded.path.startswith("/ws?q=1&token=redacted:"), "as the client asked, not as it was forwarded"
    assert ("Origin", "https://example.org") in recorded.request_headers


def _answer(port: int, sent: bytes = request("/refused")) -> bytes:
    with connect(port) as client:
        client.sendall(sent)
        return read_end(client)[0]


def _deaf() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose queue is full: who connects now gets no answer at all."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("why", ["refused", "unresolvable", "no name", "timed out", "no TLS", "untrusted"])
def test_an_upstream_that_cannot_be_reached_is_answered_for(listener: Listener, relay: Start, loop: str, why: str) -> None:
    with contextlib.ExitStack() as cleanup:
        port = listener.port
        if why == "refused":
            listener.close()
        if why == "timed out":
            deaf, fillers = _deaf()
            port = deaf.getsockname()[1]
            for one in (deaf, *fillers):
                cleanup.callback(one.close)
        url, status, said = {
            "refused": (f"ws://127.0.0.1:{port}", 502, "nothing listens at "),
            "unresolvable": ("ws://no-such-host.invalid:1", 502, "the host name cannot be resolved"),
            "no name": ("ws://a..b:1", 502, "the host name is not valid"),
            "timed out": (f"ws://127.0.0.1:{port}", 504, "did not answer within 500ms"),
            "no TLS": (f"wss://127.0.0.1:{port}", 502, ""),
            "untrusted": (f"wss://localhost:{port}", 502, "has a certificate that is not trusted"),
        }[why]
        if why in ("no TLS", "untrusted"):
            thread = threading.Thread(target=_greet, args=(listener, why == "untrusted"))
            thread.start()
            cleanup.callback(thread.join)
        proxy = relay(url, loop=loop, dial_timeout_s=0.5 if why == "timed out" else 10)
        answer = _answer(proxy.port)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert url.encode() in body
        assert said.encode() in body
        proxy.stop()
        (connection,) = checked(proxy.path).connections
        assert (connection.path, connection.status, str(connection.ending)) == ("/refused", status, "refused")
        assert connection.closed_by == "proxy"
        assert connection.error
        assert connection.error in body.decode()


def _greet(listener: Listener, tls: bool) -> None:
    """A server that speaks TLS with a certificate of its own making, or no TLS."""
    sock = listener.take()
    with sock, contextlib.suppress(OSError):
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(PEM)
            context.wrap_socket(sock, server_side=True)
        else:
            sock.recv(10)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("loop", LOOPS)
def test_clients_that_leave_while_the_upstream_is_dialled_leak_nothing(listener: Listener, relay: Start, loop: str) -> None:
    deaf, fillers = _deaf()
    proxy = relay(f"ws://127.0.0.1:{deaf.getsockname()[1]}", loop=loop, dial_timeout_s=1)

    def descriptors() -> int:
        return len(list(Path(f"/proc/{proxy.process.pid}/fd").iterdir()))

    before = descriptors()
    clients = [connect(proxy.port) for _ in range(30)]
    for number, client in enumerate(clients):
        client.sendall(request(f"/{number}"))
    wait_for(lambda: descriptors() >= before + 60, "all are dialled for")
    for number, client in enumerate(clients):
        if number % 2:
            rawpeers.reset(client)
        else:
            client.close()
    wait_for(lambda: descriptors() == before, "nothing is left of them")
    proxy.stop()
    for one in (deaf, *fillers):
        one.close()
    assert {str(connection.ending) for connection in checked(proxy.path).connections} == {"refused"}


@pytest.mark.parametrize("loop", LOOPS)
def test_both_legs_speak_ipv6(relay: Start, loop: str) -> None:
    listener = Listener("::1")
    proxy = relay(f"ws://[::1]:{listener.port}", loop=loop, host="::1", keep_host=False)
    client = connect(proxy.port, "::1")
    client.sendall(request())
    server = listener.take()
    assert f"Host: [::1]:{listener.port}\r\n".encode() in read_head(server)
    for sock in (client, server):
        sock.close()
    listener.close()
    proxy.stop()
    peer = checked(proxy.path).connections[0].peer
    assert peer is not None
    assert peer.startswith("[::1]:")


def test_what_is_open_when_the_proxy_stops_is_truncated(listener: Listener, relay: Start) -> None:
    proxy = relay()
    client, server = upgraded(listener, proxy.port)
    client.sendall(frame(1, b"last words"))
    read(server, len(frame(1, b"last words")))
    waiting = connect(proxy.port)
    waiting.sendall(request("/unanswered"))
    unanswered = listener.take()
    read_head(unanswered)
    proxy.stop()
    assert [read_end(sock)[0] for sock in (client, server, waiting, unanswered)] == [b""] * 4
    for sock in (client, server, waiting, unanswered):
        sock.close()
    recorded = checked(proxy.path)
    assert [str(connection.ending) for connection in recorded.connections] == ["truncated", "truncated"]
    assert [one.payload for one in recorded.stream(1, 0).frames] == [b"last words"]


@pytest.mark.parametrize("loop", LOOPS)
def test_no_page_of_a_stranger_drives_the_backend(listener: Listener, relay: Start, loop: str) -> None:
    proxy = relay(loop=loop, allow_origins=["https://app.example"])
    refused = _answer(proxy.port, request("/ws", "Origin: https://evil.example"))
    assert refused.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"--allow-origin https://evil.example lets them" in refused
    rebound = request("/ws", "Origin: http://localhost", host="evil.example")
    assert _answer(proxy.port, rebound).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    posted = b"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n"
    assert _answer(proxy.port, posted).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    for lines in (("Origin: https://app.example",), ("Origin: http://127.0.0.1:3000",), ()):
        client, server = upgraded(listener, proxy.port, *lines) if not lines else _let_in(listener, proxy.port, lines[0])
        client.close()
        server.close()
    proxy.stop()
    connections = checked(proxy.path).connections
    assert [(connection.status, connection.closed_by) for connection in connections[:2]] == [(403, "proxy")] * 2
    assert [connection.status for connection in connections[2:]] == [101] * 3
    assert [line["warned"] for line in proxy.says if "warned" in line] == [
        f"refused with 403: pages of {origin} may not use this port; --allow-origin {origin} lets them"
        for origin in ("https://evil.example", "http://evil.example")
    ]


def _let_in(listener: Listener, port: int, line: str) -> tuple[socket.socket, socket.socket]:
    client = connect(port)
    client.sendall(request("/ws", line, host="localhost"))
    server = listener.take()
    read_head(server)
    server.sendall(accept())
    assert read_head(client).startswith(b"HTTP/1.1 101")
    return client, server


@pytest.mark.parametrize("loop", LOOPS)
def test_what_a_reverse_proxy_cannot_do_is_said(listener: Listener, relay: Start, loop: str) -> None:
    proxy = relay(f"ws://127.0.0.1:{listener.port}/app", loop=loop)
    connected = _answer(proxy.port, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
    assert connected.startswith(b"HTTP/1.1 405 ")
    assert b"this is not a forward proxy: connect to it in place of ws://" in connected
    spoken = _answer(proxy.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    assert spoken.startswith(b"\0\0\0\4\0\0\0\0\0") and spoken.endswith(b"this port speaks HTTP/1.1, not HTTP/2")
    for target in (b"/../admin", b"/a/%2e%2e/..%2fadmin", b"http://h/../admin"):
        left = _answer(proxy.port, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert left.startswith(b"HTTP/1.1 400 ") and b"the path leads out of /app" in left
    proxy.stop()
    assert not checked(proxy.path).connections
