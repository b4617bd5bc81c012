"""A real agent-chat backend: WebSocket and a little HTTP on one port, tokens checked, runs that can go wrong on purpose."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from http import HTTPStatus
from importlib import resources
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from wsreplay.demo.conversation import Conversation, Event, new_id
from wsreplay.demo.scenarios import SCENARIOS, Drop, LeakAnswer, Lose, Pause, Raw, Repeat, Say, Scenario, Step, Swap, script_of
from wsreplay.demo.tokens import DEMO_SECRET, TokenRefused, make_token, user_of
from wsreplay.wire.origins import OriginRule, local_host

CHAT_PATHS = ("/ws", "/")
STARTS = ("chat", "chat_message", "user_message", "start_agent")
PROTOCOL = Subprotocol("agent-chat")
TICKET_HEADER = "X-Demo-Ticket"
TOKEN_PROTOCOL = "jwt."  # browsers cannot set headers: they offer their token as a subprotocol
GAP = (0.005, 0.030)  # seconds between two events, at pace 1
RESUME_WITHIN = 30.0  # seconds that a conversation outlives its connection
POLICY_VIOLATION, TAKEN_OVER = 1008, 4001  # close codes: RFC 6455, section 7.4.1; our own

log = logging.getLogger("wsreplay.demo")
log.addHandler(logging.NullHandler())


class Backend:
    """An async context manager; `url` is where it listens, such as ws://127.0.0.1:41234.

    Chats are accepted on `/ws` and `/`. With `require_auth` a connection without a valid token (Authorization header,
    `?token=`, subprotocol `jwt.<token>`) is answered 401; without, it is anonymous, and `GET /token?user=` gives tokens away.
    `pace` stretches the few milliseconds between events. Port 0 takes a free one. Web pages of other machines are refused
    but for `allow_origins`, and those that come with the `ticket` in a header: from a proxy that has asked already.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, require_auth: bool = True, secret: str = DEMO_SECRET,
        pace: float = 1.0, ticket: str | None = None, allow_origins: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.host, self.port = host, port
        self.require_auth, self.secret, self.pace = require_auth, secret, pace
        self._conversations: dict[tuple[str | None, str], Conversation] = {}  # by user and thread
        # what goes on beside the connections: runs of the agent, above all
        self._tasks: set[asyncio.Task[None]] = set()
        # None until it is entered
        self._server: Server | None = None
        self._origins, self._ticket = OriginRule.of((host,), allow_origins), ticket

    @property
    def url(self) -> str:
        """Where clients connect, without a path."""
        return f"ws://{self._authority}"

    @property
    def page_url(self) -> str:
        """The page to chat on in a browser."""
        return f"http://{self._authority}/"

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._talk, self.host, self.port, process_request=self._admit, select_subprotocol=_choose_subprotocol,
            logger=log, max_size=16 * 2**20,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def wait_idle(self) -> None:
        """Wait until every run that was started has done all it does."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    # Admission: plain HTTP is answered here, a WebSocket must name its user

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        method = getattr(request, "method", "GET")  # older versions of websockets take GET only
        if method not in ("GET", "HEAD"):
            response = connection.respond(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is understood\n")
            response.headers["Allow"] = "GET, HEAD"
            return response
        if self._ticket is None or request.headers.get(TICKET_HEADER) != self._ticket:
            sent = [(name.encode(), value.encode("latin-1", "replace")) for name, value in request.headers.raw_items()]
            if (origin := self._origins.refused_origin(sent, local_host(connection.transport))) is not None:
                return connection.respond(HTTPStatus.FORBIDDEN, f"pages of {origin} may not use this port\n")
        target = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if "websocket" not in request.headers.get("Upgrade", "").lower():
            response = self._serve_http(connection, target.path, query)
            return response if method == "GET" else replace(response, body=b"")
        if target.path not in CHAT_PATHS:
            return connection.respond(HTTPStatus.NOT_FOUND, f"no chat at {target.path}; it is at {CHAT_PATHS[0]}\n")
        token = _find_token(request.headers, query)
        if token is None and not self.require_auth:
            return None
        try:
            if token is None:
                raise TokenRefused("a bearer token is required")
            connection.username = user_of(token, self.secret)
        except TokenRefused as refusal:
            response = connection.respond(HTTPStatus.UNAUTHORIZED, f"{refusal}\n")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return None

    def _serve_http(self, connection: ServerConnection, path: str, query: dict[str, str]) -> Response:
        if path == "/health":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if path == "/":
            return _page(connection)
        if path == "/scenarios":
            return _json(connection, [_describe(scenario) for scenario in SCENARIOS.values() if scenario.comes_back])
        if path == "/token" and not self.require_auth and query.get("user"):
            return _json(connection, {"token": make_token(query["user"], self.secret)})
        return connection.respond(HTTPStatus.NOT_FOUND, f"nothing at {path}\n")

    # A connection

    async def _talk(self, connection: ServerConnection) -> None:
        user: str | None = getattr(connection, "username", None)
        conversation = Conversation(user)
        conversation.connection = connection
        await conversation.send_control("connection_ack", resumed=False)
        try:
            async for message in connection:
                conversation = await self._obey(message, conversation, connection)
        except ConnectionClosed:
            pass  # how it ended makes no difference: the conversation waits for a while
        finally:
            self._detach(conversation, connection)

    async def _obey(self, message: str | bytes, conversation: Conversation, connection: ServerConnection) -> Conversation:
        """Do what a client's message asks for, and return the conversation that this connection serves from now on."""
        try:
            order = orjson.loads(message)
            kind = order["type"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            await connection.close(POLICY_VIOLATION, "a message must be a JSON object with a type")
            return conversation
        if kind == "ping":
            await conversation.send_control("pong")
        elif kind == "resume":
            return await self._resume(order, conversation, connection)
        elif kind in STARTS:
            self._start(order, conversation)
        return conversation

    async def _resume(self, order: Event, conversation: Conversation, connection: ServerConnection) -> Conversation:
        known = self._conversations.get((conversation.user, str(order.get("thread_id"))))
        if known is None or known is conversation:
            await conversation.send_control("connection_ack", resumed=False, asked=True)
            return conversation
        before, last_seq = known.connection, order.get("last_seq")
        await known.resume(connection, last_seq if isinstance(last_seq, int) else 0)
        conversation.connection = None
        if known.expiry is not None:
            known.expiry.cancel()
        if before is not None:
            self._spawn(before.close(TAKEN_OVER, "resumed over another connection"))
        return known

    def _detach(self, conversation: Conversation, connection: ServerConnection) -> None:
        if conversation.connection in (connection, None):
            conversation.connection = None
            conversation.expiry = asyncio.get_running_loop().call_later(RESUME_WITHIN, self._forget, conversation)

    def _forget(self, conversation: Conversation) -> None:
        for run in conversation.runs:
            run.cancel()
        for thread in conversation.threads:
            self._conversations.pop((conversation.user, thread), None)

    # A run of the agent

    def _start(self, order: Event, conversation: Conversation) -> None:
        thread = str(order.get("thread_id") or new_id("thread"))
        conversation.threads.add(thread)
        self._conversations[conversation.user, thread] = conversation
        steps = script_of(str(order.get("scenario") or "healthy"), str(order.get("message", "")))
        run = self._spawn(self._run(AgentRun(conversation, thread), steps))
        conversation.runs.add(run)
        run.add_done_callback(conversation.runs.discard)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, run: AgentRun, steps: Iterable[Step]) -> None:
        try:
            for step in steps:
                if isinstance(step, LeakAnswer):
                    await run.leak(self._answer_to_another(run.conversation.user))
                else:
                    await run.perform(step)
                await asyncio.sleep(self.pace * random.uniform(*GAP))
        except Exception:
            log.exception("run %s failed", run.id)

    def _answer_to_another(self, user: str | None) -> Event:
        """The latest partial result that another user was sent; made up when there is none."""
        sent = [
            event
            for conversation in set(self._conversations.values())
            if conversation.user != user
            for event in conversation.history
            if event["type"] == "partial_result" and event["timestamp"] is not None
        ]
        stranger: Event = {
            "type": "partial_result", "timestamp": None, "seq": 0, "message_id": new_id("m"), "thread_id": new_id("thread"),
            "run_id": new_id("run"), "user_id": "somebody-else", "payload": {"content": "Not meant for you"},
        }
        return max(sent, key=lambda event: float(event["timestamp"]), default=stranger)


class AgentRun:
    """One run: knows the envelope of its events."""

    def __init__(self, conversation: Conversation, thread: str) -> None:
        self.conversation, self.thread, self.id = conversation, thread, new_id("run")

    async def perform(self, step: Step) -> None:
        """Do one step of a scenario."""
        match step:
            case Say():
                await self.conversation.emit(self.event(step), step.held)
            case Swap():
                first, second = (self.conversation.number(self.event(say)) for say in (step.first, step.second))
                await self.conversation.resend(second)
                await self.conversation.resend(first)
            case Pause():
                await asyncio.sleep(step.seconds)
            case Raw():
                await self.conversation.send_text(step.text)
            case Repeat():
                await self.conversation.resend(self.conversation.history[-1])
            case Lose():
                self.conversation.skip_number()
            case Drop():
                self.conversation.drop()

    async def leak(self, event: Event) -> None:
        """Another user's event, numbered as if it were this user's own."""
        await self.conversation.emit(event | {"timestamp": None})

    def event(self, say: Say) -> Event:
        """The event of a step, with its envelope; time and number are given when it is sent."""
        nested = {"run_id": f"{self.id}/{say.agent}", "parent_run_id": self.id} if say.agent else {"run_id": self.id}
        optional = {"tool_call_id": say.call, "tool_name": say.tool, "user_id": self.conversation.user}
        return {
            "type": say.type, "timestamp": None, "seq": 0, "message_id": new_id("m"), "thread_id": self.thread, **nested,
            **{name: value for name, value in optional.items() if value}, "payload": say.payload,
        }


def _find_token(headers: Headers, query: dict[str, str]) -> str | None:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if "token" in query:
        return query["token"]
    offered = (name.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for name in line.split(","))
    return next((name.removeprefix(TOKEN_PROTOCOL) for name in offered if name.startswith(TOKEN_PROTOCOL)), None)


def _choose_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """A browser gives up when none of its offers is taken; the token itself is taken only where nothing else is offered."""
    if PROTOCOL in offered:
        return PROTOCOL
    return next((name for name in offered if name.startswith(TOKEN_PROTOCOL)), None)


def _describe(scenario: Scenario) -> dict[str, Any]:
    return {"name": scenario.name, "description": scenario.description, "violates": sorted(scenario.violates)}


def _json(connection: ServerConnection, value: Any) -> Response:
    return _typed(connection, orjson.dumps(value), "application/json")


def _page(connection: ServerConnection) -> Response:
    page = resources.files("wsreplay.demo").joinpath("page.html").read_bytes()
    response = _typed(connection, page, "text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:"
    )
    return response


def _typed(connection: ServerConnection, body: bytes, content_type: str) -> Response:
    response = connection.respond(HTTPStatus.OK, body.decode())
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = content_type
    response.headers["Cache-Control"] = "no-store"
    return response
