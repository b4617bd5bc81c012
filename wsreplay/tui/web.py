"""The interface in a browser, by textual-serve: a page that draws a terminal, and a process of the interface for each visitor.

Whoever uses the page can do what the interface can, so only its own page may: a browser lets any page open a WebSocket here.
The processes end with the server, however that ends: their keys come through a pipe, whose end the terminal's guard sees.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import shlex
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from textual_serve.server import Server

from wsreplay.errors import UsageError

_ELSEWHERE = re.compile(r"<link\b[^>]*https://[^>]*>")
_GRACE_S = 3.0  # for the processes to end in order
_HANG_UP_S = 0.5  # for browsers to hear of it


class BrowserServer(Server):
    """Serves the output of a command, an instance of the interface, to each visitor."""

    def __init__(self, command: Sequence[str], host: str, port: int, on_listening: Callable[[str], object]) -> None:
        shown_host = f"[{host}]" if ":" in host else host
        # The shell that it is started by gives way to it, so that it is this process's own child.
        super().__init__(f"exec {shlex.join(command)}", host, port, "wsreplay", f"http://{shown_host}:{port}")
        self._on_listening = on_listening
        # The handlers of visitors.
        self._visits: set[asyncio.Task[object]] = set()

    def serve(self, debug: bool = False) -> None:
        """Serve until SIGINT or SIGTERM. Raises UsageError where it cannot listen."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop, is_told_to_end = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, is_told_to_end.set)
        app = await self._make_app()  # no public way gives it: its own `serve` neither says that it listens nor ends in order
        app.router.add_get("/favicon.ico", _no_icon)
        runner = web.AppRunner(app, shutdown_timeout=_HANG_UP_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError as error:
            await runner.cleanup()
            raise UsageError(f"cannot listen at {self.host}:{self.port}: {error.strerror or error}") from error
        self._on_listening(f"{self.public_url}/")
        await is_told_to_end.wait()
        await runner.cleanup()

    async def on_startup(self, app: web.Application) -> None:
        """Nothing to say before it listens."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Have the processes end in order, as far as they do so soon."""
        for visit in self._visits:
            visit.cancel()
        if self._visits:
            await asyncio.wait(self._visits, timeout=_GRACE_S)

    async def handle_index(self, request: web.Request) -> Any:
        """The page, which asks no other server for anything."""
        response = await super().handle_index(request)
        assert isinstance(response, web.Response) and response.text is not None
        response.text = _ELSEWHERE.sub("", response.text)
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A visitor's keys, and what they make the interface paint."""
        if not self._is_own_page(request):
            raise web.HTTPForbidden(text="only the page of this server may use it")
        visit = asyncio.current_task()
        assert visit is not None
        self._visits.add(visit)
        try:
            with suppress(asyncio.CancelledError):
                return await super().handle_websocket(request)
            return web.WebSocketResponse()
        finally:
            self._visits.discard(visit)

    def _is_own_page(self, request: web.Request) -> bool:
        """Whether a request comes from a page that this server gave out, by a name that cannot be somebody else's."""
        origin = urlsplit(request.headers.get("Origin", ""))
        host = urlsplit(f"//{request.headers.get('Host', '')}")
        return origin.scheme == "http" and self._is_ours(origin) and self._is_ours(host)

    def _is_ours(self, place: SplitResult) -> bool:
        try:
            name, port = place.hostname or "", place.port or 80
        except ValueError:
            return False
        return port == self.port and (name in ("localhost", self.host) or _is_address(name))


async def _no_icon(_request: web.Request) -> web.Response:
    return web.Response(status=204)


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


def serve(command: Sequence[str], host: str, port: int, on_listening: Callable[[str], object]) -> None:
    """Serve the interface that a command starts, until SIGINT or SIGTERM; `on_listening` is told its URL. Raises UsageError."""
    BrowserServer(command, host, port, on_listening).serve()
