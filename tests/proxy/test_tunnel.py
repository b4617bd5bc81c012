from __future__ import annotations

import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import rawpeers
from loops import LOOPS
from rawpeers import Listener, accept, frame, read, read_end, read_head, request, reset, upgraded
from relay import Relay

from recordings import checked

Steps = list[tuple[str, bytes | str]]
"""What the client (c) and the server (s) do in turn: send bytes, or end with `eof`, `reset` or `close`."""

PEM = Path(rawpeers.__file__).with_name("localhost.pem")


def deflated(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return (squeeze.compress(data) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


def s2c(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    return frame(opcode, payload, fin=fin, rsv=rsv, mask=None)


CASES: dict[str, Steps] = {
    "text both ways": [("c", frame(1, b"hello")), ("s", s2c(1, b"hello yourself"))],
    "empty frames": [("c", frame(1)), ("s", s2c(2)), ("c", frame(9)), ("s", s2c(10))],
    "every length's form": [("c", frame(2, bytes(size))) for size in (125, 126, 65535, 65536, 300_000)],
    "fragments with a ping between": [
        ("c", frame(1, b"frag", fin=False) + frame(9, b"p") + frame(0, b"ment", fin=False)), ("c", frame(0, b"ed"))
    ],
    "byte by byte": [("c", bytes([byte])) for byte in frame(1, b"slow and steady")],
    "compressed": [("c", frame(1, deflated(b"squeezed" * 50), rsv=4)), ("s", s2c(1, deflated(b"and back" * 50), rsv=4))],
    "compressed nonsense": [("s", s2c(1, b"\xff\xff\xff\xff nonsense", rsv=4)), ("s", s2c(1, b"next", rsv=4))],
    "reserved bits": [("c", frame(1, b"x", rsv=bits)) for bits in range(1, 8)],
    "reserved opcodes": [("c", frame(opcode, b"x")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    "unmasked client": [("c", frame(1, b"naked", mask=None))],
    "masked server": [("s", frame(1, b"dressed"))],
    "long control frames": [("c", frame(9, bytes(126))), ("s", s2c(10, bytes(70_000)))],
    "fragmented control frames": [("c", frame(9, b"a", fin=False)), ("c", frame(0, b"b"))],
    "continuation of nothing": [("c", frame(0, b"?")), ("s", s2c(0, b"!", fin=False))],
    "message inside a message": [("c", frame(1, b"a", fin=False) + frame(2, b"b"))],
    "length in a long form": [("c", b"\x81\xfe\x00\x01" + b"\0\0\0\0x"), ("s", b"\x81\x7f" + b"\0" * 7 + b"\x01x")],
    "length of 64 bits": [("c", b"\x82\xff" + b"\xff" * 8 + b"anything" * 40), ("c", frame(1, b"lost")), ("s", s2c(1, b"ok"))],
    "invalid UTF-8": [("c", frame(1, b"\xce\xba\xed\xa0\x80")), ("s", s2c(1, b"\xff\xfe"))],
    "not WebSocket at all": [("c", b"GET / HTTP/1.1\r\n\r\n"), ("s", b"\0\0\0\0")],
    "close and answer, server ends": [
        ("c", frame(8, b"\x03\xe8bye")), ("s", s2c(8, b"\x03\xe8bye")), ("s", "eof"), ("c", "close")
    ],
    "close and answer, client ends": [("s", s2c(8, b"\x03\xe9")), ("c", frame(8, b"\x03\xe9")), ("c", "eof"), ("s", "close")],
    "odd close frames": [("c", frame(8, b"\x03")), ("s", s2c(8, b"\x00\x00\xff")), ("c", frame(8, bytes(200)))],
    "frames after close": [("c", frame(8, b"\x03\xe8")), ("c", frame(1, b"late")), ("s", s2c(8)), ("s", s2c(1, b"later"))],
    "client half-closes": [("c", frame(1, b"last")), ("c", "eof"), ("s", s2c(1, b"still here")), ("s", "eof")],
    "server half-closes": [("s", "eof"), ("c", frame(1, b"still here")), ("c", "eof")],
    "client closes in a frame": [("c", frame(1, b"0123456789")[:9]), ("c", "close")],
    "server closes in a frame": [("s", s2c(1, b"0123456789")[:9]), ("s", "close")],
    "client resets": [("c", frame(1, b"then gone")), ("c", "reset")],
    "server resets": [("s", s2c(1, b"then gone")), ("s", "reset")],
    "reset behind a half-close": [("c", "eof"), ("s", s2c(1, b"x")), ("s", "reset")],
    "ends at once": [("c", "close")],
    "resets at once": [("s", "reset")],
}


def play(steps: Steps, client: socket.socket, server: socket.socket) -> list[tuple[str, object]]:
    """What the peers saw."""
    ends = {"c": (client, server), "s": (server, client)}
    seen: list[tuple[str, object]] = []
    for who, act in steps:
        actor, other = ends[who]
        if isinstance(act, bytes):
            actor.sendall(act)
            seen.append((who, read(other, len(act))))
            continue
        if act == "eof":
            actor.shutdown(socket.SHUT_WR)
        elif act == "reset":
            reset(actor)
        else:
            actor.close()
        seen.append((who, read_end(other)))
    for sock in (client, server):
        sock.close()
    return seen


@pytest.fixture(scope="module", params=LOOPS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Listener, Relay]]:
    """One relay for all cases."""
    listener = Listener()
    path = tmp_path_factory.mktemp("tunnel") / "a.db"
    relay = Relay(f"ws://127.0.0.1:{listener.port}", path, request.param, forked=True, keep_host=True)
    yield listener, relay
    relay.end()
    listener.close()


def path_of(name: str) -> str:
    return "/" + name.replace(" ", "-").replace(",", "")


def play_case(name: str, listener: Listener, port: int) -> list[tuple[str, object]]:
    """What the peers of a case saw, over the proxy or straight to the listener."""
    answer = ("Sec-WebSocket-Extensions: permessage-deflate",) if "compressed" in name else ()
    return play(CASES[name], *upgraded(listener, port, path=path_of(name), answer=answer))


@pytest.mark.parametrize("name", CASES)
def test_peers_see_the_same_with_and_without_the_proxy(name: str, shared: tuple[Listener, Relay]) -> None:
    listener, relay = shared
    direct, proxied = (play_case(name, listener, port) for port in (listener.port, relay.port))
    assert proxied == direct


@pytest.mark.parametrize("loop", LOOPS)
def test_every_byte_of_every_case_is_recorded(listener: Listener, relay: Callable[..., Relay], loop: str) -> None:
    proxy = relay(loop=loop, keep_host=True)
    for name in CASES:
        play_case(name, listener, proxy.port)
    proxy.stop()
    recorded = checked(proxy.path)
    connections = recorded.by_path()
    for name, steps in CASES.items():
        connection = connections[path_of(name)]
        for direction, who in enumerate("cs"):
            sent = b"".join(act for actor, act in steps if actor == who and isinstance(act, bytes))
            stream = recorded.stream(connection.id, direction)
            assert stream.end + len(stream.tail) == len(sent), name
            assert sent.endswith(stream.tail), name
    endings = {name: str(connections[path_of(name)].ending) for name in CASES}
    assert endings["close and answer, server ends"] == endings["close and answer, client ends"] == "clean"
    assert endings["text both ways"] == endings["client resets"] == "dropped"
    wrong = {"reserved bits", "reserved opcodes", "unmasked client", "masked server", "long control frames", "odd close frames",
             "fragmented control frames", "continuation of nothing", "message inside a message", "length in a long form",
             "length of 64 bits", "not WebSocket at all", "frames after close", "compressed nonsense"}  # fmt: skip
    assert {name for name, ending in endings.items() if ending == "malformed"} == wrong


@pytest.mark.parametrize("loop", LOOPS)
def test_bytes_right_behind_the_handshake_pass(listener: Listener, relay: Callable[..., Relay], loop: str) -> None:
    proxy = relay(loop=loop)
    client = rawpeers.connect(proxy.port)
    early, late = frame(1, b"too eager"), s2c(1, b"in the same packet")
    client.sendall(request() + early)
    server = listener.take()
    read_head(server)
    server.sendall(accept() + late)
    server.shutdown(socket.SHUT_WR)
    assert read_head(client).endswith(b"\r\n\r\n")
    assert read_end(client) == (late, "eof")
    assert read(server, len(early)) == early
    client.close()
    assert read_end(server) == (b"", "eof")
    server.close()
    proxy.stop()
    assert [f.payload for f in checked(proxy.path).stream(1, 0).frames] == [b"too eager"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_slow_reader_slows_the_sender_and_loses_nothing_before_a_reset(
    listener: Listener, relay: Callable[..., Relay], loop: str
) -> None:
    proxy = relay(loop=loop)
    client, server = upgraded(listener, proxy.port)
    sent = b"".join(s2c(2, Random(number).randbytes(50_000)) for number in range(400))
    done = threading.Event()

    def send() -> None:
        server.sendall(sent)
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    assert not done.wait(0.3), "20 MB do not fit into buffers: the sender is held back"
    first = read(client, len(sent) - 300_000)
    sender.join()
    reset(server)
    rest, end = read_end(client)
    assert first + rest == sent
    assert end == "reset"
    client.close()
    proxy.stop()
    assert checked(proxy.path).stream(1, 1).end == len(sent)


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_on_both_legs_carries_the_same_bytes(tmp_path: Path, loop: str) -> None:
    listener = Listener()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(PEM)
    trusting = ssl.create_default_context(cafile=str(PEM))
    options = {"tls_cert": str(PEM), "tls_key": str(PEM)}
    proxy = Relay(f"wss://localhost:{listener.port}", tmp_path / "a.db", loop, insecure=True, forked=True, **options)
    try:
        client = trusting.wrap_socket(rawpeers.connect(proxy.port), server_hostname="localhost")
        client.sendall(request())
        server = serving.wrap_socket(listener.take(), server_side=True)
        assert b"Host: example.org" in read_head(server)  # kept for a backend on this machine
        blob = frame(2, Random(1).randbytes(1_000_000))
        server.sendall(accept() + s2c(1, b"first"))
        read_head(client)
        assert read(client, len(s2c(1, b"first"))) == s2c(1, b"first")
        sender = threading.Thread(target=client.sendall, args=(blob,))
        sender.start()
        assert read(server, len(blob)) == blob
        sender.join()
        server.sendall(s2c(8, b"\x03\xe8"))
        server.close()
        assert read_end(client)[0] == s2c(8, b"\x03\xe8")
        client.close()
        proxy.stop()
        recorded = checked(proxy.path)
        assert recorded.stream(1, 0).end == len(blob)
        assert recorded.connections[0].close_code == 1000
    finally:
        proxy.end()
        listener.close()
