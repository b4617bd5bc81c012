"""Plays the backend of a recording to real clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Self

from wsreplay.contract.identities import fields_of
from wsreplay.contract.model import Contract
from wsreplay.model import Ending
from wsreplay.proxy.listening import cannot_listen
from wsreplay.replay.assignment import AssignedSession, SessionAssignment
from wsreplay.replay.expectations import Mismatch
from wsreplay.replay.peer import Listener, ServerWire
from wsreplay.replay.player import OnMismatch, Pace, Played, PlayedDirection, ScriptRunner
from wsreplay.replay.script import Script, ids_said, read_parts
from wsreplay.replay.targets import learn_target
from wsreplay.store.async_reader import AsyncRecording
from wsreplay.trace.identity import identify
from wsreplay.trace.redaction import Redactor
from wsreplay.trace.sessions import plain_path
from wsreplay.wire.heads import RequestHead
from wsreplay.wire.origins import OriginGate, OriginRule


@dataclass(frozen=True)
class ServerOptions:
    """How to play. `map` are JSON paths of further ids that clients choose anew, beside those of the contract's keys."""

    host: str = "127.0.0.1"
    port: int = 0
    session: int | None = None
    pace: Pace = field(default_factory=Pace)
    on_mismatch: OnMismatch = OnMismatch.WAIT
    map: Sequence[str] = ()
    coalesce: Sequence[str] = ()
    keep_lateness: bool = False
    allow_origins: Sequence[str] = ()  # web pages that may connect, besides this machine's


@dataclass
class ServerWatch:
    """What the console is told."""

    opened: Callable[[Script, str], None] = lambda script, peer: None
    mismatched: Callable[[Mismatch], None] = lambda mismatch: None
    ended: Callable[[Played], None] = lambda played: None
    warn: Callable[[str], None] = lambda text: None


class ReplayServer:
    """A backend that says what the recorded one said.

        async with ReplayServer("chat.db", contract) as server:
            ...  # clients connect to server.url
        assert not server.mismatches

    Each client gets a session of its own; a client that comes back after a drop goes on with its session. Raises
    WsreplayError on entering: no such recording or session, a port in use.
    """

    def __init__(
        self, recording: str | Path, contract: Contract | None = None, options: ServerOptions | None = None,
        watch: ServerWatch | None = None,
    ) -> None:  # fmt: skip
        self.path = Path(recording)
        self.options = options or ServerOptions()
        # Of connections that have ended, in the order of their ends.
        self.played: list[Played] = []
        self._watch = watch or ServerWatch()
        self._contract = contract
        self._fields = fields_of(contract, self.options.map)
        # where clients name their users, before what the recorder would find
        self._user_sources = () if contract is None else contract.users
        self._ids: dict[int, frozenset[object]] = {}  # by session, once somebody asked
        self._redactor = Redactor()
        self._origins = OriginGate(OriginRule.of((self.options.host,), self.options.allow_origins), self._watch.warn)
        # Connections that are played; and all there are, those included whose request has not come.
        self._tasks: set[asyncio.Task[None]] = set()
        self._wires: set[ServerWire] = set()
        self._changed = asyncio.Condition()
        # None until it is entered.
        self._server: asyncio.Server | None = None
        self._assignment: SessionAssignment
        # What plays the connection that was opened last; None before the first.
        self._latest: ScriptRunner | None = None
        self.connections = 0  # how many the recording has for clients to open

    @property
    def mismatches(self) -> list[Mismatch]:
        """Where clients did not follow the recording, of all connections that have ended."""
        return [mismatch for played in self.played for mismatch in played.mismatches]

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        host = self.options.host
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.port}"

    def has_said_all(self, to_backend: int, from_backend: int) -> bool:
        """Whether the latest connection has nothing more to say, until its client says something: it has heard so many whole
        messages, and said so many. May be asked from another thread."""
        player = self._latest
        if player is None or player.peer.heard != to_backend:
            return False
        # In this order: once all was heard what is due is known, and then only said.
        return player.has_said_all and player.peer.said == from_backend

    async def __aenter__(self) -> Self:
        async with await AsyncRecording.open(self.path) as recording:
            parts = await recording.call(read_parts, 1, self.options.session, self._contract)
        self._assignment = SessionAssignment(parts)
        self.connections = sum(len(part.scripts) for part in parts)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._wire, self.options.host or None, self.options.port, backlog=1024
            )
        except OSError as error:
            raise cannot_listen(f"{self.options.host}:{self.options.port}", error) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for wire in list(self._wires):
            wire.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def wait_played(self, connections: int | None = None) -> None:
        """Wait until so many connections have been played (all of the recording's) and have ended."""
        wanted = self.connections if connections is None else connections
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.played) >= wanted)

    def _wire(self) -> ServerWire:
        wire = ServerWire(self._asked, self._wires.discard, self._origins)
        self._wires.add(wire)
        return wire

    def _asked(self, wire: ServerWire, request: RequestHead) -> None:
        path = request.target.decode("latin-1")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
        user = identify(path, headers, self._redactor, self._user_sources)
        assigned = self._assignment.choose(user, path)
        script = assigned.take()
        if user is not None and script.connection.user is not None:
            for domain in self._fields.owners:
                # What belonged to the recorded user belongs to this one.
                assigned.ids.learn(domain, script.connection.user, user)
        if script.connection.ending is Ending.REFUSED:
            self._refuse(wire, script)
            assigned.leave()
            return
        how = PlayedDirection(
            self.options.pace, self._fields, self.options.on_mismatch, frozenset(self.options.coalesce),
            self._watch.mismatched, self.options.keep_lateness,
        )  # fmt: skip
        player = ScriptRunner(script, how, assigned.ids)
        lines = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
        offered = [part.strip() for line in lines for part in line.split(",")]
        subprotocol = _choose(script.connection.subprotocol, offered)
        peer = wire.accept(subprotocol, Listener(player.came, player.ended))
        player.meet(peer)
        self._latest = player
        address = wire.transport.get_extra_info("peername")
        self._watch.opened(script, f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "unknown")
        if subprotocol is None and script.connection.subprotocol is not None:
            self._note(player, f"subprotocol {script.connection.subprotocol}", f"offered {', '.join(offered) or 'none'}")
        recorded_path = script.connection.path
        if path != recorded_path and not learn_target(recorded_path, path, self._known_ids(assigned), assigned.ids):
            self._note(player, f"path {plain_path(recorded_path)}", f"came {plain_path(path)}")
        task = asyncio.get_running_loop().create_task(self._play(player, assigned, wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _known_ids(self, assigned: AssignedSession) -> frozenset[object]:
        """The ids in the messages of a session, as they were recorded."""
        known = self._ids.get(assigned.script.session.id)
        if known is None:
            scripts = assigned.script.scripts
            known = frozenset(value for script in scripts for _, (_, value) in ids_said(script, self._fields))
            self._ids[assigned.script.session.id] = known
        return known

    def _refuse(self, wire: ServerWire, script: Script) -> None:
        """As the recorded backend did."""
        status = script.connection.status
        if status is None or not 400 <= status < 600:
            wire.transport.abort()
        else:
            known = {status.value: status.phrase for status in HTTPStatus}
            wire.refuse(status, known.get(status, "Refused"), "refused, as it was recorded\n")
        self._done(Played(script.session, script.connection.id, complete=True))

    def _note(self, player: ScriptRunner, expected: str, came: str) -> None:
        mismatch = Mismatch(player.script.session, player.script.connection.id, expected, came, 0)
        player.report.mismatches.append(mismatch)
        self._watch.mismatched(mismatch)

    async def _play(self, player: ScriptRunner, assigned: AssignedSession, wire: ServerWire) -> None:
        try:
            await player.play()
        finally:
            assigned.leave()
            self._done(player.report)
        async with self._changed:
            self._changed.notify_all()

    def _done(self, played: Played) -> None:
        self.played.append(played)
        self._watch.ended(played)


def _choose(recorded: str | None, offered: Sequence[str]) -> str | None:
    """The recorded subprotocol, where the client offers it. One that carries a token was redacted: its like is taken.

    Where none was recorded, one that the client offers: browsers give up when none of theirs is taken.
    """
    if recorded in offered:
        return recorded
    tokens = [name for name in offered if name.startswith("jwt.")]
    others = [name for name in offered if name and not name.startswith("jwt.")]
    if recorded is None:
        return next(iter([*others, *tokens]), None)
    return next(iter(tokens), None) if recorded.startswith("jwt.") else None
