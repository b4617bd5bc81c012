"""A chat client for tests: connects with a bearer token, keeps all it receives with the times, and can lose its connection.

    async with ChatClient("ws://127.0.0.1:8765/ws", token=token) as client:
        await client.send({"type": "chat", "thread_id": "t1", "message": "hello"})
        answer = await client.wait_for("agent_completed", timeout=5)
        assert client.types() == ["connection_ack", "agent_started", …]

        await client.send_chat("and why?")
        run = await client.wait_for_run()
        assert run[-1].type == "agent_completed"
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, overload
from urllib.parse import quote

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from wsreplay.contract import Contract
from wsreplay.errors import UpstreamError
from wsreplay.proxy import tunnel
from wsreplay.testing.event import EventReader, HasEvent, event_of, members_of
from wsreplay.units import SECOND, duration_text

if TYPE_CHECKING:
    from wsreplay.testing.tap import Tap
    from wsreplay.testing.validator import Stream

D = TypeVar("D")


class _NoDefault:
    """What stands for no default, as the reference shows it."""

    def __repr__(self) -> str:
        return "…"


RAISE: Final = _NoDefault()

DEFAULT_TIMEOUT = 10.0
RUN_ENDS = ("agent_completed", "error_event", "agent_error")
QUIET_S = 0.3
_ASK_EVERY_S = 0.02  # a tap does not tell when its cassette has said all
SHOWN = 8  # how many of the messages received an error lists


class ChatTimeout(UpstreamError, TimeoutError):
    """What a test waited for did not come in time. The message says what came instead."""


class ChatEnded(UpstreamError, ConnectionError):
    """The connection ended while a test was waiting or sending. The message says how, and what came before."""


class ConnectRefused(UpstreamError, ConnectionError):
    """The connection was refused. `status` is the HTTP status, None if there was no answer; `body` is its text."""

    def __init__(self, message: str, status: int | None = None, body: str = "") -> None:
        self.status, self.body = status, body
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Received(HasEvent):
    """One message that came. `event` is empty if it is not a JSON object; `received["type"]` reads from it.

    `at` is in seconds on the monotonic clock since the client was made; `connection` counts the client's connections from 1.
    With a decoder, `name` is the type that it gives the event, and `document` its `$`; a message with several events becomes
    several of these.
    """

    raw: str | bytes
    at: float
    connection: int
    event: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    document: Any = None

    def get(self, name: str, default: Any = None) -> Any:
        """A member of the event, or the default."""
        return self.event.get(name, default)


Condition = Callable[[Received], bool]


def _any(_: Received) -> bool:
    return True


class ChatClient:
    """One user's client, an async context manager: connected inside, closed with 1000 at its end.

    The token goes into the Authorization header, the query (`?token=`) or a subprotocol `jwt.<token>`, as `token_in` says.
    `received` keeps all messages of all connections; `receive` and `wait_for` read them in order, each message once. `observe`
    is a stream of an EventValidator that gets everything the client sends and receives. `decoder` decodes the messages, such
    as `socket.io`: types are those that it finds, and its heartbeats are answered. `contract` (a name, a file, or a
    Contract) is for messages whose type is not at `$.type`: its `envelope` says where it is. With a `tap`, that whose `url` it
    connects to, nothing is waited for that a cassette does not hold: who waits is told at once that it can no longer come.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        token_in: Literal["header", "query", "subprotocol"] = "header",
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        observe: Stream | None = None,
        decoder: str | None = None,
        contract: str | Path | Contract | None = None,
        tap: Tap | None = None,
    ) -> None:
        self.url, self.timeout, self._tap = url, timeout, tap
        # Whole messages of the latest connection.
        self._sent = self._heard = 0
        self._observe = observe
        self._events = EventReader(decoder, contract) if decoder is not None or contract is not None else None
        # All that came, and how much of it was read by whoever waits.
        self.received: list[Received] = []
        self._read = 0
        # How often it has connected.
        self.connections = 0
        self._headers = dict(headers or {})
        self._subprotocols = [Subprotocol(name) for name in subprotocols]
        self._target, self._tls = url, tls
        self._present(token, token_in)
        # The latest one, what reads it, and whether it is open.
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._alive = False
        self._changed = asyncio.Condition()
        self._started = time.monotonic()

    def _present(self, token: str | None, token_in: str) -> None:
        if token is None:
            return
        if token_in == "header":
            self._headers["Authorization"] = f"Bearer {token}"
        elif token_in == "query":
            self._target += ("&" if "?" in self.url else "?") + "token=" + quote(token)
        else:
            self._subprotocols.append(Subprotocol(f"jwt.{token}"))

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.disconnect()

    @property
    def connected(self) -> bool:
        """Whether the connection is open now."""
        return self._alive

    @property
    def close_code(self) -> int | None:
        """The close code of the latest connection, 1006 if it ended without one (RFC 6455, 7.1.5), None while it is open."""
        return None if self._connection is None else self._connection.close_code

    def types(self) -> list[str | None]:
        """The types of all messages received; None for a message without one."""
        return [message.type for message in self.received]

    async def connect(self) -> None:
        """Connect. Raises ConnectRefused, with the status and the text of the server's answer."""
        __tracebackhide__ = True
        if self.connected:
            return
        try:
            self._connection = await connect(
                self._target, additional_headers=self._headers, subprotocols=self._subprotocols or None, ssl=self._tls,
                open_timeout=self.timeout, ping_interval=None, max_size=None, proxy=None,
            )
        except InvalidStatus as refusal:
            body = (refusal.response.body or b"").decode(errors="replace").strip()
            status = f"{refusal.response.status_code} {refusal.response.reason_phrase}"
            answer = f"{status}: {body}" if body else status
            raise ConnectRefused(f"{self.url} refused: {answer}", refusal.response.status_code, body) from None
        except ConnectionRefusedError as error:
            raise ConnectRefused(f"nothing listens at {self.url}") from error
        except TimeoutError:
            raise ConnectRefused(f"{self.url} did not answer within {duration_text(self.timeout * SECOND)}") from None
        except (OSError, WebSocketException) as error:
            raise ConnectRefused(f"{self.url} cannot be reached: {error}") from error
        self.connections += 1
        self._sent = self._heard = 0
        if self._events is not None:
            self._events.begin()
        self._alive = True
        if self._observe is not None:
            self._observe.open()
        self._reader = asyncio.create_task(self._keep_reading(self._connection, self.connections))

    async def _keep_reading(self, connection: ClientConnection, number: int) -> None:
        try:
            async for raw in connection:
                if self._observe is not None:
                    self._observe.receive(raw)
                received = self._read_message(raw, number)
                async with self._changed:
                    self._heard += 1
                    self.received.extend(received)
                    self._changed.notify_all()
                if self._events is not None and (answer := self._events.answer(raw)) is not None:
                    with suppress(ChatEnded):
                        await self.send(answer)
        except ConnectionClosed:
            pass  # `close_code` tells
        finally:
            if self._observe is not None:
                self._observe.close(connection.close_code)
            async with self._changed:
                self._alive = False
                self._changed.notify_all()

    def _read_message(self, raw: str | bytes, number: int) -> list[Received]:
        at = time.monotonic() - self._started
        events = self._events.read(1, raw) if self._events is not None else []
        if not events:
            return [Received(raw, at, number, event_of(raw) or {})]
        return [
            Received(raw, at, number, members_of(event), event.name or None, event.document)
            for event in events
        ]

    async def send(self, message: Mapping[str, Any] | str | bytes) -> None:
        """Send an event, or a text or binary message unchanged."""
        __tracebackhide__ = True
        if self._connection is None:
            raise ChatEnded(f"{self.url}: send before connect")
        raw = orjson.dumps(message).decode() if isinstance(message, Mapping) else message
        if self._observe is not None and self._alive:
            self._observe.send(raw)  # before the answer can come
        if self._events is not None:
            self._events.read(0, raw)
        try:
            await self._connection.send(raw)
            self._sent += 1
        except ConnectionClosed:
            raise ChatEnded(self._say("could not send")) from None

    async def send_chat(self, text: str, thread: str = "t1", **values: Any) -> None:
        """Send a question: `{"type": "chat", "thread_id": thread, "message": text}`, and the other values given."""
        __tracebackhide__ = True
        await self.send({"type": "chat", "thread_id": thread, "message": text, **values})

    @overload
    async def receive(self, timeout: float | None = None) -> Received: ...  # noqa: ASYNC109

    @overload
    async def receive(self, timeout: float | None = None, *, default: D) -> Received | D: ...  # noqa: ASYNC109

    async def receive(self, timeout: float | None = None, *, default: Any = RAISE) -> Any:  # noqa: ASYNC109 - users expect it
        """The next unread message. Raises ChatTimeout after `timeout` seconds, ChatEnded if the connection has ended; with a
        `default`, returns that instead."""
        __tracebackhide__ = True
        return await self._next(_any, "a message", timeout, default)

    @overload
    async def wait_for(
        self, kind: str | Sequence[str], timeout: float | None = None, *, where: Condition = _any  # noqa: ASYNC109
    ) -> Received: ...

    @overload
    async def wait_for(
        self, kind: str | Sequence[str], timeout: float | None = None, *, where: Condition = _any, default: D  # noqa: ASYNC109
    ) -> Received | D: ...

    async def wait_for(
        self,
        kind: str | Sequence[str],
        timeout: float | None = None,  # noqa: ASYNC109
        *,
        where: Condition = _any,
        default: Any = RAISE,
    ) -> Any:
        """The next unread message of this type, or of one of these types; skips others. Raises as `receive` does, or returns
        the `default`."""
        __tracebackhide__ = True
        kinds = (kind,) if isinstance(kind, str) else tuple(kind)
        what = " or ".join(kinds)
        return await self._next(lambda message: message.type in kinds and where(message), what, timeout, default)

    async def wait_for_run(
        self, timeout: float | None = None, *, ends: Sequence[str] = RUN_ENDS  # noqa: ASYNC109
    ) -> list[Received]:
        """All messages up to the end of the next run that is not inside another; the last one is that end. Raises as
        `receive` does."""
        __tracebackhide__ = True
        first = self._read
        await self.wait_for(ends, timeout, where=lambda message: message.get("parent_run_id") is None)
        return self.received[first : self._read]

    async def drain(self, quiet: float = QUIET_S, timeout: float | None = None) -> list[Received]:  # noqa: ASYNC109
        """All messages until nothing has come for `quiet` seconds, or the connection has ended. Raises ChatTimeout if messages
        keep coming."""
        __tracebackhide__ = True
        seconds, first = self.timeout if timeout is None else timeout, self._read
        until = time.monotonic() + seconds
        while await self.receive(quiet, default=None) is not None:
            if time.monotonic() > until:
                raise ChatTimeout(self._say(f"it did not become quiet within {duration_text(seconds * SECOND)}", first))
        return self.received[first : self._read]

    async def _next(self, wanted: Condition, what: str, patience: float | None, default: Any) -> Any:
        __tracebackhide__ = True
        try:
            return await self._next_or_raise(wanted, what, patience)
        except (ChatTimeout, ChatEnded):
            if default is RAISE:
                raise
            return default

    async def _next_or_raise(self, wanted: Condition, what: str, patience: float | None) -> Received:
        __tracebackhide__ = True
        seconds, first = self.timeout if patience is None else patience, self._read
        try:
            async with asyncio.timeout(seconds), self._changed:
                while True:
                    while self._read < len(self.received):
                        message = self.received[self._read]
                        self._read += 1
                        if wanted(message):
                            return message
                    if not self.connected or (self._tap is not None and self._tap.has_said_all(self._sent, self._heard)):
                        raise ChatEnded(self._say(f"{what} can no longer come", first))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(None if self._tap is None else _ASK_EVERY_S):
                            await self._changed.wait()
        except TimeoutError:
            raise ChatTimeout(self._say(f"{what} did not come within {duration_text(seconds * SECOND)}", first)) from None

    def _say(self, what: str, first: int = 0) -> str:
        """One line: what happened, whether the connection lives, and what was received since `first`."""
        came = [message.type or "(no type)" for message in self.received[first:]]
        listed = ("… " if len(came) > SHOWN else "") + (", ".join(came[-SHOWN:]) or "nothing")
        if came and self._events is None and not any(message.type for message in self.received[first:]):
            listed += "; is the type of these messages not at $.type? Then pass contract= or decoder="
        ended = "" if self.connected else f"; the connection ended with code {self.close_code}"
        return f"{self.url}: {what}{ended}; received: {listed}"

    async def wait_closed(self, timeout: float | None = None, *, default: Any = RAISE) -> int | Any:  # noqa: ASYNC109
        """Wait until the connection has ended, and return its close code. Raises ChatTimeout, or returns the `default`."""
        __tracebackhide__ = True
        seconds = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: not self.connected)
        except TimeoutError:
            if default is not RAISE:
                return default
            raise ChatTimeout(self._say(f"the connection did not end within {duration_text(seconds * SECOND)}")) from None
        return self.close_code

    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        """Close with a close frame; does nothing if the connection has ended."""
        if self._connection is not None:
            await self._connection.close(code, reason)
        await self._end_reader()

    async def drop(self) -> None:
        """Reset the TCP connection, like a lost network: the server gets no close frame."""
        if self._connection is not None:
            reset(self._connection)
        await self._end_reader()

    async def reconnect(self) -> None:
        """Connect again with the same token; a connection still open is dropped first."""
        if self.connected:
            await self.drop()
        await self.connect()

    async def _end_reader(self) -> None:
        if self._reader is not None:
            with suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None


def reset(connection: Connection) -> None:
    """End a connection without a close frame; the peer gets RST instead of FIN."""
    tunnel.reset(connection.transport)
