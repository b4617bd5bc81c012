"""`wsreplay send`: a small client, to try a backend by hand."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence

import click
import orjson

from wsreplay import display
from wsreplay.cli.colour import colour_option, wants_colour
from wsreplay.cli.options import Duration, Header, line_width
from wsreplay.errors import EXIT_CLEAN, EXIT_VIOLATIONS, UsageError
from wsreplay.proxy.upstream import Upstream, tls_context
from wsreplay.testing.client import RUN_ENDS, ChatClient, ChatEnded, Received
from wsreplay.testing.event import event_of
from wsreplay.trace.endings import closing
from wsreplay.units import SECOND, clock, duration_text

FORMS = ("text", "json", "agent-chat")
TYPE_WIDTH = 22
LOOK_S = 0.02
# What an agent says after its run's end, such as a report, comes within this.
AFTERWORDS_S = 0.2
# What a connection is closed with where all is well (RFC 6455, section 7.4.1).
_ORDINARY = (1000, 1001, 1005)


@click.command(name="send")
@click.argument("url", metavar="URL")
@click.argument("messages", metavar="[MESSAGE]...", nargs=-1)
@click.option("--as", "form", type=click.Choice(FORMS), default="text", show_default=True,
              help="How to send a line: as it is, as JSON that is checked first, or as a user's question to an agent.")
@click.option("--thread", default="t1", show_default=True, help="The thread for --as agent-chat.")
@click.option("--wait", type=Duration(bare=True), default="2s", show_default=True, metavar="DURATION",
              help="Exit when nothing has come for this long; with --as agent-chat, a run that is not over by then has failed.")
@click.option("--for", "at_most", type=Duration(bare=True), metavar="DURATION",
              help="Close the connection after this long, however much still comes.")
@click.option("-H", "--header", "headers", type=Header(), multiple=True, help="A header of the request, such as a token.")
@click.option("--subprotocol", "subprotocols", multiple=True, metavar="NAME", help="Ask for a subprotocol.")
@click.option("-k", "--insecure", is_flag=True, help="Accept any certificate of a wss:// backend.")
@click.option("--json", "as_json", is_flag=True,
              help="Print one JSON value per message: text that is not JSON as a string, bytes as {\"base64\": …}.")
@colour_option
def command(
    url: str, messages: tuple[str, ...], form: str, thread: str, wait: int, at_most: int | None,
    headers: tuple[tuple[str, str], ...], subprotocols: tuple[str, ...], insecure: bool, as_json: bool, color: bool | None,
) -> int:  # fmt: skip
    """Connect to URL, such as 8765/ws or ws://localhost:8765/ws, send each MESSAGE, and print what comes back.

    Without a MESSAGE, each line of standard input is sent as it is typed. With --as agent-chat each is a question, and events
    are printed until the agent's run is over. Exit code 1: a run failed or was not over in time, or the server closed the
    connection with an error.
    """
    for message in messages if form == "json" else ():
        _check_json(message)
    target, authorization = _target(url)
    names = {name.lower() for name, _ in headers}
    sent_headers = dict(headers) | ({"Authorization": authorization} if authorization and "authorization" not in names else {})
    tls = tls_context(insecure) if target.startswith("wss:") else None
    printer = _Printer(as_json, wants_colour(color))
    client = ChatClient(target, headers=sent_headers, subprotocols=subprotocols, tls=tls)  # whose clock begins now, too
    for_s = None if at_most is None else at_most / SECOND
    return asyncio.run(_Talk(client, form, thread, wait / SECOND, for_s, printer).run(messages))


def _target(url: str) -> tuple[str, str | None]:
    """The URL to connect to, and the Authorization header that its credentials make. Raises UsageError."""
    address, mark, query = url.partition("?")
    upstream = Upstream.parse(address)
    if upstream.socket is not None:
        raise UsageError("send cannot connect to a socket file: start `wsreplay record` in front of it, and send to that")
    return (upstream.url if upstream.prefix else f"{upstream.url}/") + mark + query, upstream.authorization


def _check_json(text: str) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        shown = display.fit(display.visible(text), 40)
        where = f"{error.msg} at character {error.pos + 1}"
        raise UsageError(f"not JSON: {shown}: {where}; send it anyway with --as text") from None


class _Printer:
    """Messages as lines: time, direction, type, payload; for programs only what comes, as JSON."""

    def __init__(self, as_json: bool, painted: bool) -> None:
        self._as_json = as_json
        self._painted = painted
        self._began = time.monotonic()
        self._width = line_width()

    def sent(self, raw: str) -> None:
        if not self._as_json:
            self._line("▶", "cyan", Received(raw, time.monotonic() - self._began, 1, event_of(raw) or {}))

    def received(self, message: Received) -> None:
        if self._as_json:
            click.echo(_as_json(message.raw))
        else:
            self._line("◀", "green", message)

    def _line(self, sign: str, colour: str, message: Received) -> None:
        kind = message.type or ("text" if isinstance(message.raw, str) else "binary")
        head = f"{clock(int(message.at * SECOND), 3)} "
        kind = display.pad(display.visible(kind), TYPE_WIDTH)
        room = max(20, self._width - display.cells(f"{head}{sign} {kind}  "))
        payload = message.raw.encode(errors="replace") if isinstance(message.raw, str) else message.raw
        shown = display.preview(payload, room) if isinstance(message.raw, str) else display.preview_bytes(payload, room)
        if self._painted:
            head, sign = click.style(head, dim=True), click.style(sign, fg=colour)
            kind = click.style(kind, fg=colour, bold=True)
        click.echo(f"{head}{sign} {kind}  {shown}", color=self._painted)


class _Talk:
    """One connection: what is typed goes out, what comes is printed."""

    def __init__(
        self, client: ChatClient, form: str, thread: str, wait_s: float, for_s: float | None, printer: _Printer
    ) -> None:
        self._client = client
        self._form = form
        self._thread = thread
        self._wait_s = wait_s
        self._for_s = for_s
        self._printer = printer
        # How many messages were printed, how many questions are not answered, when something last passed (monotonic, s).
        self._printed = 0
        self._open_questions = 0
        self._last = time.monotonic()
        # Whether a run has not ended well, or the connection has not.
        self._failed = False

    async def run(self, messages: Sequence[str]) -> int:
        """The exit code. Raises ConnectRefused."""
        async with self._client as client:
            printing = asyncio.create_task(self._print_all())
            try:
                async with asyncio.timeout(self._for_s):
                    await self._talk(messages, printing)
            except ChatEnded:
                pass  # what is said below
            except TimeoutError:
                self._print_rest()
                self._say_not_over(f"the run is not over after {duration_text(int((self._for_s or 0) * SECOND))} (--for)")
            finally:
                printing.cancel()
                self._print_rest()
            code = client.close_code if not client.connected else None
        if code is not None and code not in _ORDINARY:
            self._failed = True
        if code is not None:
            click.echo(f"the connection was {closing('server', code)}", err=True)
        return EXIT_VIOLATIONS if self._failed else EXIT_CLEAN

    async def _talk(self, messages: Sequence[str], printing: asyncio.Task[None]) -> None:
        if messages:
            for message in messages:
                await self._send(message)
                await self._settle()
            return
        async for line in _typed_lines(printing):
            await self._send(line)
        await self._settle()

    async def _send(self, line: str) -> None:
        if self._form == "agent-chat":
            line = orjson.dumps({"type": "chat", "thread_id": self._thread, "message": line}).decode()
            self._open_questions += 1
        elif self._form == "json":
            try:
                _check_json(line)
            except UsageError as error:
                if not sys.stdin.isatty():
                    raise
                click.echo(f"wsreplay: {error}", err=True)
                return
        self._printer.sent(line)
        self._last = time.monotonic()
        await self._client.send(line)

    async def _settle(self) -> None:
        """Until the questions are answered, or else nothing has come for a while."""
        while self._client.connected and time.monotonic() - self._last < self._wait_s:
            if self._form == "agent-chat" and not self._open_questions and time.monotonic() - self._last > AFTERWORDS_S:
                return
            await asyncio.sleep(LOOK_S)
        self._print_rest()
        waited = duration_text(int(self._wait_s * SECOND))
        self._say_not_over(f"the run is not over, and nothing has come for {waited}; wait longer with --wait")

    def _say_not_over(self, text: str) -> None:
        """A question that has no answer by now has failed."""
        if self._open_questions:
            self._failed = True
            if self._client.connected:
                click.echo(text, err=True)

    async def _print_all(self) -> None:
        while self._client.connected:
            self._print_rest()
            await asyncio.sleep(LOOK_S)
        self._print_rest()

    def _print_rest(self) -> None:
        for message in self._client.received[self._printed :]:
            self._printed += 1
            self._last = time.monotonic()
            self._printer.received(message)
            if message.type in RUN_ENDS and message.get("parent_run_id") is None:
                self._open_questions = max(0, self._open_questions - 1)
                self._failed |= message.type != RUN_ENDS[0]


async def _typed_lines(until: asyncio.Task[None]) -> AsyncIterator[str]:
    """Lines of standard input, until it or a task is over. No thread holds a lock on it: the program can end in mid-read."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    until.add_done_callback(lambda _: lines.put_nowait(None))

    def read() -> None:
        rest = b""
        while data := _read_some():
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace").rstrip("\r"))
        if rest:
            loop.call_soon_threadsafe(lines.put_nowait, rest.decode(errors="replace"))
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def _read_some() -> bytes:
    try:
        return os.read(sys.stdin.fileno(), 65536)
    except OSError:
        return b""


def _as_json(raw: str | bytes) -> bytes:
    if isinstance(raw, bytes):
        return orjson.dumps({"base64": base64.b64encode(raw).decode()})
    try:
        return orjson.dumps(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return json.dumps(raw).encode()  # lone surrogates too
