"""Where the proxy is pointed: socket files, credentials, nobody there, itself."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ports
import pytest
import rawpeers
from websockets.asyncio.client import connect, unix_connect
from websockets.asyncio.server import ServerConnection, serve, unix_serve
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from wsreplay.errors import UsageError
from wsreplay.model import Connection, Ending
from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.proxy.upstream import Upstream, nothing_listens
from wsreplay.store.reader import Recording

PEM = Path(rawpeers.__file__).with_name("localhost.pem")


def connections(path: Path) -> list[Connection]:
    with Recording.open(path) as recording:
        return recording.connections()


class Backend:
    """Echoes, and keeps the requests it got. `refuses` is a status for every upgrade."""

    def __init__(self, refuses: int | None = None) -> None:
        self.requests: list[Request] = []
        self.refuses = refuses

    async def talk(self, connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return connection.respond(self.refuses, "no\n") if self.refuses else None  # type: ignore[arg-type]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with serve(self.talk, "127.0.0.1", 0, process_request=self.admit) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def header(self, name: str) -> str | None:
        return self.requests[-1].headers.get(name)


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def options(warnings: list[str]) -> Options:
    return Options(callbacks=Callbacks(warn=warnings.append))


# Socket files.


async def test_socket_files_on_both_sides(tmp_path: Path) -> None:
    backend, near, far = Backend(), tmp_path / "near.sock", tmp_path / "far.sock"
    async with (
        unix_serve(backend.talk, str(far), process_request=backend.admit),
        RecordingProxy(f"unix:{far}:/app", tmp_path / "a.db", Options(host=f"unix:{near}")) as proxy,
    ):
        assert (proxy.url, proxy.port, near.stat().st_mode & 0o777) == (f"unix:{near}", 0, 0o600)
        async with unix_connect(str(near), uri="ws://localhost/ws") as client:
            await client.send("hello")
            assert await client.recv() == "hello"
    assert backend.requests[0].path == "/app/ws"
    assert not near.exists()
    (connection,) = connections(tmp_path / "a.db")
    assert (connection.path, connection.peer, connection.ending) == ("/ws", "unix", Ending.CLEAN)


async def test_a_socket_file_that_was_left_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(left))
    async with RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db", Options(host=f"unix:{left}")):
        with pytest.raises(UsageError, match="another program listens there already"):
            await RecordingProxy("ws://127.0.0.1:1", tmp_path / "b.db", Options(host=f"unix:{left}")).start()
        assert left.exists()


@pytest.mark.parametrize(
    ("name", "says"), [("file", "not a socket file"), ("x" * 200, "too long"), ("no/folder", "no such file")]
)
async def test_what_cannot_be_a_socket_file_is_said(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=says):
        await RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db", Options(host=f"unix:{tmp_path / name}")).start()
    assert not (tmp_path / "a.db").exists()


# Credentials.


async def test_credentials_in_the_url_are_sent_and_kept_nowhere(tmp_path: Path) -> None:
    backend = Backend()
    async with backend.listening() as address, RecordingProxy(f"ws://user:hush@{address}", tmp_path / "a.db") as proxy:
        async with connect(f"{proxy.url}/ws", proxy=None) as client:
            await client.send("hello")
            await client.recv()
        assert backend.header("Authorization") == "Basic dXNlcjpodXNo"
        async with connect(f"{proxy.url}/ws", proxy=None, additional_headers={"Authorization": "Bearer own"}):
            assert backend.requests[-1].headers.get_all("Authorization") == ["Bearer own"]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240
    assert b"hush" not in kept
    assert b"dXNlcjpodXNo" not in kept


def test_credentials_are_not_for_any_web_page(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would let any web page use them: name the origins") as raised:
        RecordingProxy("ws://user:hush@h.example", tmp_path / "a.db", Options(allow_origins=["*"]))
    assert "hush" not in str(raised.value)


# Host and Origin.


@pytest.mark.parametrize(("keep", "kept"), [(None, True), (True, True), (False, False)])
async def test_the_host_of_the_client_is_kept_by_default(keep: bool | None, kept: bool, tmp_path: Path) -> None:
    backend, options = Backend(), Options(keep_host=keep)
    async with (
        backend.listening() as address,
        RecordingProxy(f"ws://{address}", tmp_path / "a.db", options) as proxy,
        connect(f"ws://localhost:{proxy.port}/ws", proxy=None),
    ):
        assert backend.header("Host") == (f"localhost:{proxy.port}" if kept else address)


class SameOrigin(Backend):
    """Accepts what Tornado, Jupyter and Streamlit do: an Origin that is the Host; redirects to an absolute URL."""

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        host = request.headers["Host"]
        if "Upgrade" not in request.headers:
            response = connection.respond(307, "")  # type: ignore[arg-type]
            response.headers["Location"] = f"http://{host}/chat"
            return response
        if urlsplit(request.headers.get("Origin", f"http://{host}")).netloc != host:
            return connection.respond(403, "Cross origin websockets not allowed\n")  # type: ignore[arg-type]
        return None


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_same_origin_checks_and_redirects_work_through_the_proxy(name: str, tmp_path: Path) -> None:
    backend = SameOrigin()
    async with backend.listening() as address, RecordingProxy(f"ws://{address}", tmp_path / "a.db") as proxy:
        page = f"http://{name}:{proxy.port}"
        async with connect(f"ws://{name}:{proxy.port}/ws", proxy=None, origin=page):  # type: ignore[arg-type]
            pass
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(f"GET /login HTTP/1.1\r\nHost: {name}:{proxy.port}\r\n\r\n".encode())
        assert f"Location: {page}/chat\r\n".encode() in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_a_refused_origin_is_explained_once(tmp_path: Path, options: Options, warnings: list[str]) -> None:
    backend = Backend(refuses=403)
    async with backend.listening() as address, RecordingProxy(f"ws://{address}", tmp_path / "a.db", options) as proxy:
        for _ in range(2):
            with pytest.raises(InvalidStatus):
                await connect(f"{proxy.url}/ws", proxy=None, origin="http://localhost:3000")  # type: ignore[arg-type]
        with pytest.raises(InvalidStatus):
            await connect(f"{proxy.url}/ws", proxy=None)
    assert warnings == [
        f"ws://{address} refused a page of http://localhost:3000 with 403, as backends do that check Origin: "
        f"let it allow http://localhost:3000; -H 'Origin: http://{address}' sends an origin that is its own"
    ]


# Nobody there.


def test_whether_anybody_listens_is_known_without_connecting(tmp_path: Path) -> None:
    (port,) = ports.unused()
    assert nothing_listens(Upstream.parse(f"ws://127.0.0.1:{port}"))
    assert nothing_listens(Upstream.parse(f"localhost:{port}"))
    assert nothing_listens(Upstream.parse(f"unix:{tmp_path}/none.sock"))
    assert not nothing_listens(Upstream.parse("ws://h.example"))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert not nothing_listens(Upstream.parse(f"ws://127.0.0.1:{port}"))
        assert not nothing_listens(Upstream.parse(f"localhost:{port}"))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("kind", ["port", "file"])
async def test_a_client_is_told_that_nothing_listens_and_so_is_the_recording(kind: str, tmp_path: Path) -> None:
    (port,) = ports.unused()
    url = f"ws://127.0.0.1:{port}" if kind == "port" else f"unix:{tmp_path}/none.sock"
    async with RecordingProxy(url, tmp_path / "a.db") as proxy:
        with pytest.raises(InvalidStatus) as raised:
            await connect(f"{proxy.url}/ws", proxy=None)
    assert raised.value.response.status_code == 502
    assert raised.value.response.body == f"wsreplay: nothing listens at {url}\n".encode()
    (connection,) = connections(tmp_path / "a.db")
    assert (connection.ending, connection.status, connection.closed_by) == (Ending.REFUSED, 502, "proxy")
    assert connection.error == f"nothing listens at {url}"


# Itself.


@pytest.mark.parametrize(
    ("host", "upstream"),
    [("127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "[::1]"),
     ("", "localhost"), ("127.0.0.1", "0.0.0.0")],
)  # fmt: skip
async def test_a_proxy_before_itself_is_refused(host: str, upstream: str, tmp_path: Path) -> None:
    (port,) = ports.unused()
    with pytest.raises(UsageError, match="is this proxy's own address: give the address of the backend"):
        await RecordingProxy(f"ws://{upstream}:{port}", tmp_path / "a.db", Options(host=host, port=port)).start()
    assert not (tmp_path / "a.db").exists()


async def test_a_socket_file_before_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.sock").symlink_to(tmp_path / "a.sock")
    with pytest.raises(UsageError, match="is this proxy's own address"):
        await RecordingProxy(f"unix:{tmp_path}/link.sock", tmp_path / "a.db", Options(host=f"unix:{tmp_path}/a.sock")).start()


@contextmanager
def forwarder(target: int) -> Iterator[int]:
    """A port that leads to another one, as `ssh -L` makes it; its connections are counted by the proxy."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(source: socket.socket, sink: socket.socket) -> None:
        while data := await loop.sock_recv(source, 65536):
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)

    async def accept() -> None:
        while True:
            client, _ = await loop.sock_accept(server)
            onward = socket.socket()
            opened.extend((client, onward))
            for end in (client, onward):
                end.setblocking(False)
            await loop.sock_connect(onward, ("127.0.0.1", target))
            for pair in ((client, onward), (onward, client)):
                tasks.add(loop.create_task(pipe(*pair)))

    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        tasks.add(loop.create_task(accept()))
        yield server.getsockname()[1]
        for task in tasks:
            task.cancel()
        for end in opened:
            end.close()


async def test_a_forwarder_to_itself_is_noticed_at_once(tmp_path: Path, warnings: list[str]) -> None:
    (port,) = ports.unused()
    with forwarder(port) as forwarded:
        options = Options(port=port, callbacks=Callbacks(warn=warnings.append))
        async with RecordingProxy(f"ws://127.0.0.1:{forwarded}", tmp_path / "a.db", options) as proxy:
            with pytest.raises(InvalidStatus) as raised:
                await connect(f"{proxy.url}/ws", proxy=None)
            assert raised.value.response.status_code == 508
            reason = f"ws://127.0.0.1:{forwarded} leads back to this proxy itself: give the address of the backend"
            assert raised.value.response.body == f"wsreplay: {reason}\n".encode()
            assert warnings == [f"refused with 508: {reason}"]
            # A plain request takes longer to be noticed: many may be alike.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 508 ")
            writer.close()
            assert proxy.http_requests < 30
    assert len(connections(tmp_path / "a.db")) == 3


async def test_two_proxies_before_each_other_are_noticed(tmp_path: Path) -> None:
    first, second = ports.unused(2)
    async with (
        RecordingProxy(f"ws://127.0.0.1:{second}", tmp_path / "a.db", Options(port=first)),
        RecordingProxy(f"ws://127.0.0.1:{first}", tmp_path / "b.db", Options(port=second)),
    ):
        with pytest.raises(InvalidStatus) as raised:
            await connect(f"ws://127.0.0.1:{first}/ws", proxy=None)
    assert raised.value.response.status_code == 508
    assert len(connections(tmp_path / "a.db")) + len(connections(tmp_path / "b.db")) < 8


async def test_clients_with_one_key_are_no_loop(tmp_path: Path, options: Options, warnings: list[str]) -> None:
    """A key should be random; where it is not, every client is served all the same."""
    backend = Backend()
    key: dict[str, Any] = {}
    async with backend.listening() as address, RecordingProxy(f"ws://{address}", tmp_path / "a.db", options) as proxy:
        head = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        for number in range(10):
            key[str(number)] = await asyncio.open_connection("127.0.0.1", proxy.port)
        for _, writer in key.values():
            writer.write(head)
        for reader, writer in key.values():
            assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
            writer.close()
    assert warnings == []


# HTTP/2.


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "http/1.1"), (["h2"], None), ([], None)])
async def test_a_client_of_http_2_is_sent_to_http_1(offered: list[str], chosen: str | None, tmp_path: Path) -> None:
    backend, context = Backend(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if offered:
        context.set_alpn_protocols(offered)
    options = Options(tls_cert=PEM)
    async with backend.listening() as address, RecordingProxy(f"ws://{address}", tmp_path / "a.db", options) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=context)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        if offered == ["h2"]:  # it may begin all the same (RFC 9113, section 3.4), and is told in its own language
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            answer = await reader.read()
            assert answer[:9] == bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
            assert b"this port speaks HTTP/1.1, not HTTP/2" in answer
        writer.close()
