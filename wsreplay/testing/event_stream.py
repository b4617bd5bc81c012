"""Server-sent events under test: recorded, judged and played as WebSockets are.

What a client asks over HTTP passes as a WebSocket through the recording proxy, and is HTTP again behind it:

    client ─ HTTP ─▶ HttpGateway ─ WebSocket ─▶ recording proxy ─ WebSocket ─▶ WebSocketGateway ─ HTTP ─▶ backend

The body of a request is the client's one message, each event of the answer one of the server's, raw as it came. So a cassette
plays a stream as it plays a WebSocket. The method stands in the header `X-Http-Method`. An answer that is no event stream
closes the WebSocket with 4000 and its status, such as 4401, and the beginning of its body as the reason.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from wsreplay.api import AnyContract
from wsreplay.errors import UsageError
from wsreplay.proxy.proxy import Options
from wsreplay.testing.cassette import PlayedTap
from wsreplay.testing.tap import Tap

METHOD = "X-Http-Method"
_REFUSED = 4000  # with the status added
_LARGEST_BODY = 64 * 2**20
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_OWN = frozenset(("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade", "te"))
_BODY = "content-type"
_OF_WEBSOCKET = ("sec-websocket-", METHOD.lower())
Headers = list[tuple[str, str]]


class HttpTap(Tap):
    """A tap that clients ask over HTTP."""

    # None until it listens
    _gateway: HttpGateway | None = None

    async def _open(self) -> None:
        await super()._open()
        self._gateway = HttpGateway(self._proxy.url)
        await self._gateway.start()

    async def _close(self) -> None:
        if self._gateway is not None:
            await self._gateway.stop()
        await super()._close()

    @property
    def url(self) -> str:
        """What a client asks in place of the URL."""
        assert self._gateway is not None
        return self._gateway.url + self._rest


class EventStreamTap(HttpTap):
    """One before a backend that answers with server-sent events; `url` is an http:// or https:// one."""

    def __init__(
        self, url: str, path: str | Path, *, contract: AnyContract | None = None, options: Options | None = None
    ) -> None:
        self._backend_gateway = WebSocketGateway(url, insecure=options is not None and options.insecure)
        super().__init__(as_websocket(url), path, contract=contract, options=options)
        self._ws_url = as_websocket(url)

    async def _open(self) -> None:
        await self._backend_gateway.start()
        netloc = f"127.0.0.1:{self._backend_gateway.port}"
        self._make_proxy(urlunsplit(urlsplit(self._ws_url)._replace(scheme="ws", netloc=netloc)))
        await super()._open()

    async def _close(self) -> None:
        await super()._close()
        await self._backend_gateway.stop()


class PlayedEventStreamTap(HttpTap, PlayedTap):
    """One whose backend is played from a cassette."""


def as_websocket(url: str) -> str:
    """The URL with the scheme of a WebSocket."""
    return url.replace("http", "ws", 1) if url.startswith(("http://", "https://")) else url


class HttpGateway:
    """Takes HTTP requests, and passes each on to a WebSocket at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url
        # None until it listens
        self._server: asyncio.Server | None = None
        # requests that are being answered
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients ask."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._asking.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                start, headers = await _read_head(reader)
                body = await _read_body(reader, headers)
                method, path, *_ = start.split(" ")
                await self._answer(method, path, headers, body, writer)
        finally:
            self._asking.discard(task)
            writer.close()

    async def _answer(self, method: str, path: str, headers: Headers, body: bytes, writer: asyncio.StreamWriter) -> None:
        passed = [*_passed(headers, has_body=bool(body)), (METHOD, method)]
        try:
            async with connect(
                f"{self._url}{path}", additional_headers=passed, proxy=None, max_size=None, compression=None
            ) as socket:
                if body:
                    await socket.send(body.decode("utf-8", "surrogateescape") if _is_text(body) else body)
                has_begun = False
                with suppress(ConnectionClosed):
                    while True:
                        event = await socket.recv(decode=False)
                        if not has_begun:
                            writer.write(_head(200, "text/event-stream", "Cache-Control: no-cache\r\n"))
                            has_begun = True
                        writer.write(event)
                        await writer.drain()
                code, reason = socket.close_code or 1006, socket.close_reason or ""
                if not has_begun:
                    status = code - _REFUSED if 4100 <= code < 4600 else 200 if code == 1000 else 502
                    kind = "text/event-stream" if status == 200 else "text/plain; charset=utf-8"
                    writer.write(_head(status, kind) + (b"" if status == 200 else reason.encode()))
                elif code != 1000:
                    writer.transport.abort()  # the stream broke off
        except WebSocketException as error:
            writer.write(_head(502, "text/plain; charset=utf-8") + f"{error}\n".encode())


class WebSocketGateway:
    """Takes WebSockets, and asks a backend over HTTP what each says."""

    def __init__(self, url: str, *, insecure: bool = False) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is not an http:// or https:// URL")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        if self._tls is not None and insecure:
            self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._host, self._port = parts.hostname, parts.port or (443 if self._tls is not None else 80)
        self._name = parts.netloc.rpartition("@")[2]
        # None until it listens
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, on this machine."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        self._server = await serve(self._take, "127.0.0.1", 0, max_size=None, compression=None)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _take(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        headers = list(socket.request.headers.raw_items())
        method = next((value for name, value in headers if name.lower() == METHOD.lower()), "GET")
        has_body = any(name.lower() == _BODY for name, _ in headers)
        try:
            body = await socket.recv(decode=False) if has_body else b""
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except ConnectionClosed:
            return
        except OSError as error:
            await socket.close(_REFUSED + 502, str(error)[:100])
            return
        try:
            lines = "".join(f"{name}: {value}\r\n" for name, value in _passed(headers, has_body=has_body))
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            head = f"{method} {socket.request.path} HTTP/1.1\r\nHost: {self._name}\r\n{lines}{length}Connection: close\r\n\r\n"
            writer.write(head.encode("latin-1") + body)
            await self._stream(reader, socket)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            await socket.close(1011, f"the stream broke off: {error}"[:100])
        except ConnectionClosed:
            pass  # the client has what it wanted
        finally:
            writer.close()

    @staticmethod
    async def _stream(reader: asyncio.StreamReader, socket: ServerConnection) -> None:
        start, headers = await _read_head(reader)
        status = int(start.split(" ")[1])
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        content = _content(reader, headers)
        if status != 200 or not kind.lower().startswith("text/event-stream"):
            body = b"".join([piece async for piece in content])
            await socket.close(_REFUSED + (status if status != 200 else 502), body.decode("utf-8", "ignore")[:30])
            return
        waiting = b""
        async for piece in content:
            waiting += piece
            while end := _EVENT_END.search(waiting):
                await socket.send(waiting[: end.end()].decode("utf-8", "replace"))
                waiting = waiting[end.end() :]
        await socket.close()


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, Headers]:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return start, [(name.strip(), value.strip()) for name, _, value in fields]


async def _read_body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    body = b""
    async for piece in _content(reader, headers, until_close=False):
        body += piece
        if len(body) > _LARGEST_BODY:
            raise ValueError("a request body is larger than 64 MiB")
    return body


async def _content(reader: asyncio.StreamReader, headers: Headers, *, until_close: bool = True) -> AsyncIterator[bytes]:
    """A body without its framing (RFC 9112, sections 6 and 7)."""
    fields = {name.lower(): value for name, value in headers}
    if "chunked" in fields.get("transfer-encoding", "").lower():
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif "content-length" in fields:
        if length := int(fields["content-length"]):
            yield await reader.readexactly(length)
    elif until_close:
        while piece := await reader.read(65536):
            yield piece


def _passed(headers: Iterable[tuple[str, str]], *, has_body: bool) -> Headers:
    """What a request says beside what each connection says for itself. Only what has a body says of what type that is."""
    kept = [
        (name, value) for name, value in headers if name.lower() not in _OWN and not name.lower().startswith(_OF_WEBSOCKET)
    ]
    if not has_body:
        return [(name, value) for name, value in kept if name.lower() != _BODY]
    return kept if any(name.lower() == _BODY for name, _ in kept) else [*kept, (_BODY, "application/octet-stream")]


def _head(status: int, kind: str, more: str = "") -> bytes:
    phrases = {known.value: known.phrase for known in HTTPStatus}
    line = f"HTTP/1.1 {status} {phrases.get(status, 'Refused')}\r\nContent-Type: {kind}\r\n"
    return f"{line}{more}Connection: close\r\n\r\n".encode()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
